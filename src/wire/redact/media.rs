//! What stands in for pictures, documents and sounds in a redacted body: tiny and valid, so that a route
//! that takes such things takes these.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A grey picture of 64 by 64 points; some providers refuse smaller ones.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAKklEQVR42u3MQREAAAwCIPunMaIh9ttBANKjCAQCgUAgEAgEAoFAIPgeDE0rAKYtm3lkAAAAAElFTkSuQmCC";
/// An empty page.
const PAGE: &[u8] = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n\
<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n3 0 obj\n\
<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Resources<<>>>>\nendobj\nxref\n0 4\n\
0000000000 65535 f \n0000000009 00000 n \n0000000054 00000 n \n0000000105 00000 n \n\
trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n184\n%%EOF\n";
/// How many samples of silence: an eighth of a second.
const SILENCE: u16 = 1_000;
/// Of these in a second.
const RATE: u16 = 8_000;

/// What can be stood in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StandIn {
    Picture,
    Page,
    Silence,
}

impl StandIn {
    /// For a media type or a bare format (`mp3`). `None`: there is none for it.
    pub(super) fn of(media: &str) -> Option<Self> {
        let media = media.trim().to_ascii_lowercase();
        if media.starts_with("image/") {
            Some(Self::Picture)
        } else if media == "application/pdf" {
            Some(Self::Page)
        } else if media.starts_with("audio/") || matches!(media.as_str(), "wav" | "mp3" | "pcm16") {
            Some(Self::Silence)
        } else {
            None
        }
    }

    /// Its media type.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Picture => "image/png",
            Self::Page => "application/pdf",
            Self::Silence => "audio/wav",
        }
    }

    /// Its bytes as base64.
    pub(super) fn data(self) -> String {
        match self {
            Self::Picture => PICTURE.to_owned(),
            Self::Page => STANDARD.encode(PAGE),
            Self::Silence => STANDARD.encode(silence()),
        }
    }

    /// The same as a URL.
    pub(super) fn url(self) -> String {
        format!("data:{};base64,{}", self.media_type(), self.data())
    }
}

/// A WAV file of one channel with 8 bits.
fn silence() -> Vec<u8> {
    let mut file = Vec::new();
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + u32::from(SILENCE)).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    // Samples, and bytes, in a second.
    file.extend_from_slice(&u32::from(RATE).to_le_bytes());
    file.extend_from_slice(&u32::from(RATE).to_le_bytes());
    file.extend_from_slice(b"\x01\0\x08\0data");
    file.extend_from_slice(&u32::from(SILENCE).to_le_bytes());
    file.resize(file.len() + usize::from(SILENCE), 0x80);
    file
}
