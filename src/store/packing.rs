//! Bytes made smaller: zstd, in steps of a fixed size.
//!
//! `reviews` and `fact` use it for what they keep or send. It knows nothing of what is packed.

use std::io;

use compression_codecs::{
    DecodeV2 as _, EncodeV2 as _, ZstdDecoder, ZstdEncoder,
    core::util::{PartialBuffer, WriteBuffer},
};

/// zstd's usual level.
const LEVEL: i32 = 3;
/// Bytes in one step of the codec.
const STEP: usize = 64 * 1024;
/// How everything packed begins; no JSON does.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Packs bytes.
pub(super) fn pack(bytes: &[u8]) -> Result<Vec<u8>, io::Error> {
    let mut codec = ZstdEncoder::new(LEVEL);
    let mut input = PartialBuffer::new(bytes);
    let mut packed = Vec::new();
    let mut step = vec![0; STEP];
    while !input.unwritten().is_empty() {
        let mut output = WriteBuffer::new_initialized(&mut step);
        codec.encode(&mut input, &mut output)?;
        packed.extend_from_slice(output.written());
    }
    loop {
        let mut output = WriteBuffer::new_initialized(&mut step);
        let ended = codec.finish(&mut output)?;
        packed.extend_from_slice(output.written());
        if ended {
            return Ok(packed);
        }
    }
}

/// Whether bytes are packed ones.
pub(super) fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Unpacks bytes; what would become much larger than `limit` is an error, as is damage.
pub(super) fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, io::Error> {
    let mut codec = ZstdDecoder::new();
    let mut input = PartialBuffer::new(packed);
    let mut bytes = Vec::new();
    let mut step = vec![0; STEP];
    loop {
        let before = input.written_len();
        let mut output = WriteBuffer::new_initialized(&mut step);
        let ended = codec.decode(&mut input, &mut output)?;
        bytes.extend_from_slice(output.written());
        if ended {
            return Ok(bytes);
        }
        if bytes.len() > limit || (output.written_len() == 0 && input.written_len() == before) {
            return Err(io::Error::other("what is packed there is damaged"));
        }
    }
}
