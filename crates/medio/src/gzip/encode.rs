//! Bytes to gzip members that say their own size.

/// The most content of a BGZF member: stored without compression it still fits 64 KiB.
pub(crate) const BGZF_CONTENT: usize = 0xff00;

/// The empty member that ends a BGZF file (SAM specification, section 4.1.2).
pub(crate) const BGZF_END: [u8; 28] =
    [31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 66, 67, 2, 0, 27, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Which extra field says a member's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SizeField {
    /// `IG`, four bytes.
    Indexed,
    /// `BC`, two bytes; the content is at most [`BGZF_CONTENT`].
    Bgzf,
}

/// The subfield with a member's size.
pub(crate) fn size_field(size: u32) -> [u8; 8] {
    let [a, b, c, d] = size.to_le_bytes();
    [b'I', b'G', 4, 0, a, b, c, d]
}

/// A compressor, kept from member to member.
pub(crate) struct Encoder {
    field: SizeField,
    #[cfg(feature = "libdeflate")]
    inner: libdeflater::Compressor,
    #[cfg(not(feature = "libdeflate"))]
    inner: flate2::Compress,
}

impl Encoder {
    /// Level 0 to 9.
    #[cfg(feature = "libdeflate")]
    pub(crate) fn new(level: u32, field: SizeField) -> Encoder {
        let level = libdeflater::CompressionLvl::new(level as i32).unwrap_or_default();
        Encoder { field, inner: libdeflater::Compressor::new(level) }
    }

    /// Level 0 to 9.
    #[cfg(not(feature = "libdeflate"))]
    pub(crate) fn new(level: u32, field: SizeField) -> Encoder {
        Encoder { field, inner: flate2::Compress::new(super::joined::level_of(level), false) }
    }

    /// Appends a member with this content; says how long it is.
    pub(crate) fn member(&mut self, content: &[u8], out: &mut Vec<u8>) -> u32 {
        let start = out.len();
        out.extend([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255]);
        match self.field {
            SizeField::Indexed => out.extend([&[8, 0][..], &size_field(0)].concat()),
            SizeField::Bgzf => out.extend([6, 0, b'B', b'C', 2, 0, 0, 0]),
        }
        let field = out.len();
        self.body(content, out);
        out.extend(crc32fast::hash(content).to_le_bytes());
        out.extend((content.len() as u32).to_le_bytes());
        let size = (out.len() - start) as u32;
        match self.field {
            SizeField::Indexed => out[field - 4..field].copy_from_slice(&size.to_le_bytes()),
            SizeField::Bgzf => out[field - 2..field].copy_from_slice(&((size - 1) as u16).to_le_bytes()),
        }
        size
    }

    #[cfg(feature = "libdeflate")]
    fn body(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + self.inner.deflate_compress_bound(content.len()), 0);
        // It fails only where there is less room than the bound.
        let n = self.inner.deflate_compress(content, &mut out[start..]).unwrap_or_default();
        out.truncate(start + n);
    }

    #[cfg(not(feature = "libdeflate"))]
    fn body(&mut self, content: &[u8], out: &mut Vec<u8>) {
        use flate2::{FlushCompress, Status};
        self.inner.reset();
        let mut rest = content;
        out.reserve(content.len() / 2 + 1024);
        loop {
            let before = self.inner.total_in();
            let status = self.inner.compress_vec(rest, out, FlushCompress::Finish);
            rest = &rest[(self.inner.total_in() - before) as usize..];
            if !matches!(status, Ok(Status::Ok | Status::BufError)) {
                break;
            }
            out.reserve(content.len() / 8 + 1024);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Inflater, Stated, stated_size};
    use super::*;

    #[test]
    fn members_say_their_size_and_inflate() {
        let content: Vec<u8> =
            (0..BGZF_CONTENT as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for field in [SizeField::Indexed, SizeField::Bgzf] {
            for level in 0..=9 {
                let mut encoder = Encoder::new(level, field);
                for n in [0, 1, 1000, BGZF_CONTENT] {
                    let mut out = vec![1, 2, 3];
                    let size = encoder.member(&content[..n], &mut out);
                    let member = &out[3..];
                    assert_eq!(member.len(), size as usize);
                    assert_eq!(stated_size(member), Stated::Size(u64::from(size)));
                    let mut back = vec![9; n];
                    Inflater::new().inflate(member, member.len(), &mut back).unwrap();
                    assert_eq!(back, content[..n]);
                }
            }
        }
        assert_eq!(stated_size(&BGZF_END), Stated::Size(BGZF_END.len() as u64));
    }
}
