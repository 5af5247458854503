//! Messages in a content coding, as a provider or a client makes them.

use backstop::wire::encoding::Coding;
use compression_codecs::{
    BrotliEncoder, EncodeV2, GzipEncoder, ZstdEncoder,
    brotli::params::EncoderParams,
    core::{
        Level,
        util::{PartialBuffer, WriteBuffer},
    },
    flate::params::FlateEncoderParams,
};

fn encoder(coding: Coding) -> Box<dyn EncodeV2> {
    match coding {
        Coding::Gzip => Box::new(GzipEncoder::new(FlateEncoderParams::from(Level::Fastest))),
        Coding::Brotli => Box::new(BrotliEncoder::new(
            EncoderParams::default().quality(Level::Fastest),
        )),
        Coding::Zstd => Box::new(ZstdEncoder::new(3)),
    }
}

/// One message.
pub(crate) fn encoded(coding: Coding, text: &[u8]) -> Vec<u8> {
    let mut encoder = encoder(coding);
    let mut all = Vec::new();
    put(encoder.as_mut(), text, &mut all);
    finish(encoder.as_mut(), &mut all);
    all
}

/// One message whose pieces are flushed; the end is with the last.
pub(crate) fn encoded_pieces(coding: Coding, pieces: &[&str]) -> Vec<Vec<u8>> {
    let mut encoder = encoder(coding);
    let mut all = Vec::new();
    for piece in pieces {
        let mut bytes = Vec::new();
        put(encoder.as_mut(), piece.as_bytes(), &mut bytes);
        loop {
            let (done, wrote) = step(&mut bytes, |output| encoder.flush(output).unwrap());
            if done || !wrote {
                break;
            }
        }
        all.push(bytes);
    }
    finish(encoder.as_mut(), all.last_mut().unwrap());
    all
}

fn put(encoder: &mut dyn EncodeV2, text: &[u8], all: &mut Vec<u8>) {
    let mut input = PartialBuffer::new(text);
    while !input.unwritten().is_empty() {
        step(all, |output| {
            encoder.encode(&mut input, output).unwrap();
            false
        });
    }
}

fn finish(encoder: &mut dyn EncodeV2, all: &mut Vec<u8>) {
    while !step(all, |output| encoder.finish(output).unwrap()).0 {}
}

/// Lets the encoder write; what it says, and whether it wrote.
fn step(all: &mut Vec<u8>, work: impl FnOnce(&mut WriteBuffer<'_>) -> bool) -> (bool, bool) {
    let mut scratch = vec![0; 64 * 1024];
    let mut output = WriteBuffer::new_initialized(&mut scratch);
    let said = work(&mut output);
    let wrote = output.written_len();
    all.extend_from_slice(&scratch[..wrote]);
    (said, wrote > 0)
}
