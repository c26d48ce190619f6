//! Small picture and film files, made from an id: real enough to decode, different for each id, the same each time.

use super::ids::Dice;
use super::world::{File, Medium};

impl File {
    pub const fn mime(self) -> &'static str {
        match self {
            File::Jpeg => "image/jpeg",
            File::Png => "image/png",
            File::Mp4 => "video/mp4",
        }
    }

    pub const fn extension(self) -> &'static str {
        match self {
            File::Jpeg => "jpg",
            File::Png => "png",
            File::Mp4 => "mp4",
        }
    }
}

/// The bytes of a medium.
pub fn bytes(medium: &Medium) -> Vec<u8> {
    match medium.file {
        File::Jpeg => jpeg(&medium.id),
        File::Png => png(&medium.id),
        File::Mp4 => mp4(&medium.id),
    }
}

/// The picture that stands for a film until it is played.
pub fn poster(medium: &Medium) -> Medium {
    Medium { id: format!("{}9", medium.id), file: File::Jpeg, alt: None }
}

/// A baseline JPEG of 16 by 16 gray pixels: four blocks, each only a mean. The id stands in a comment segment.
fn jpeg(id: &str) -> Vec<u8> {
    let mut out = vec![0xFF, 0xD8];
    segment(&mut out, 0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    segment(&mut out, 0xFE, id.as_bytes());
    segment(&mut out, 0xDB, &[&[0_u8][..], &[1; 64]].concat());
    segment(&mut out, 0xC0, &[8, 0, 16, 0, 16, 1, 1, 0x11, 0]);
    // Means: unchanged is `0`, seven bits follow is `10`. Everything else: the end of block is `0`.
    segment(&mut out, 0xC4, &[&[0x00, 1, 1], &[0; 14][..], &[0, 7]].concat());
    segment(&mut out, 0xC4, &[&[0x10, 1], &[0; 15][..], &[0]].concat());
    segment(&mut out, 0xDA, &[1, 1, 0, 0, 63, 0]);
    out.extend(scan(Dice::of(id).below(64)));
    out.extend([0xFF, 0xD9]);
    out
}

/// Four blocks: the first with its mean (code `10`, seven bits), the others unchanged (code `0`), each with its end (`0`).
fn scan(shade: u64) -> Vec<u8> {
    let mut bits = format!("10{:07b}0", 64 + shade);
    bits.push_str("000000");
    while bits.len() % 8 != 0 {
        bits.push('1');
    }
    let byte = |chunk: &[u8]| chunk.iter().fold(0_u8, |byte, bit| (byte << 1) | (bit - b'0'));
    bits.as_bytes().chunks(8).map(byte).collect()
}

fn segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    out.extend([0xFF, marker]);
    out.extend(u16::try_from(body.len() + 2).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(body);
}

/// A PNG of 8 by 8 pixels of one color, stored without compression.
fn png(id: &str) -> Vec<u8> {
    let mut dice = Dice::of(id);
    let color = [dice.below(256) as u8, dice.below(256) as u8, dice.below(256) as u8];
    let row = [&[0_u8][..], &color.repeat(8)].concat();
    let pixels = row.repeat(8);
    let size = u16::try_from(pixels.len()).unwrap_or(u16::MAX);
    let mut data = vec![0x78, 0x01, 0x01];
    data.extend(size.to_le_bytes());
    data.extend((!size).to_le_bytes());
    data.extend(&pixels);
    data.extend(adler32(&pixels).to_be_bytes());
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut out, b"IHDR", &[0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0, 0, 0]);
    chunk(&mut out, b"tEXt", &[b"Comment\0", id.as_bytes()].concat());
    chunk(&mut out, b"IDAT", &data);
    chunk(&mut out, b"IEND", &[]);
    out
}

fn chunk(out: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    out.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    let named = [&name[..], body].concat();
    out.extend(&named);
    out.extend(crc32(&named).to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    (b << 16) | a
}

/// The frame of an MP4 file: its type, and a data box with the id. There is no film in it.
fn mp4(id: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, body) in [(b"ftyp", &b"isom\0\0\x02\0isomiso2mp41"[..]), (b"free", &[][..]), (b"mdat", id.as_bytes())] {
        out.extend(u32::try_from(body.len() + 8).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(name);
        out.extend(body);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_the_published_ones() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }
}
