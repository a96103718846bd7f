//! The header of a gzip member, and the size that some writers put there.

/// Bytes before the optional fields.
const FIXED: usize = 10;

/// The trailer: CRC-32 and length.
pub(crate) const TRAILER: usize = 8;

/// The least that a member has: a header, an empty deflate stream, a trailer.
pub(crate) const SMALLEST: u64 = (FIXED + 2 + TRAILER) as u64;

/// What the beginning of a member says about the member's own size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stated {
    /// No gzip member begins here.
    NoMember,
    /// Bytes from the member's first to its trailer's last, as the writer says.
    Size(u64),
    /// The member does not say.
    Nothing,
    /// The answer needs so many bytes from the member's first.
    Needs(usize),
}

/// Looks for the size of a member in its extra field (RFC 1952, 2.3.1.1): `BC`, two bytes, the size less one (BGZF; SAM
/// specification, section 4.1), or `IG`, four bytes, the size (mgzip, pgzip, gzp and this library).
pub(crate) fn stated_size(start: &[u8]) -> Stated {
    if start.len() < FIXED + 2 {
        return Stated::Needs(FIXED + 2);
    }
    if start[..3] != [0x1f, 0x8b, 8] {
        return Stated::NoMember;
    }
    if start[3] & 4 == 0 {
        return Stated::Nothing;
    }
    let length = usize::from(u16::from_le_bytes([start[10], start[11]]));
    let mut extra = &start[FIXED + 2..];
    let whole = extra.len() >= length;
    extra = &extra[..length.min(extra.len())];
    while let [id1, id2, low, high, rest @ ..] = extra {
        let n = usize::from(u16::from_le_bytes([*low, *high]));
        match ([*id1, *id2], n, rest) {
            ([b'B', b'C'], 2, [a, b, ..]) => {
                return Stated::Size(u64::from(u16::from_le_bytes([*a, *b])) + 1);
            }
            ([b'I', b'G'], 4, [a, b, c, d, ..]) => {
                return Stated::Size(u64::from(u32::from_le_bytes([*a, *b, *c, *d])));
            }
            _ => {}
        }
        let Some(next) = rest.get(n..) else { break };
        extra = next;
    }
    if whole { Stated::Nothing } else { Stated::Needs(FIXED + 2 + length) }
}

/// Bytes that tell a BGZF member.
pub(crate) const BGZF_START: usize = 18;

/// Whether a member's first bytes are those of BGZF: the size is all that its extra field says.
pub(crate) fn says_bgzf(start: &[u8; BGZF_START]) -> bool {
    start[3] == 4 && start[10..16] == [6, 0, b'B', b'C', 2, 0]
}

/// Bytes of a member's header, optional fields included; `None` if it is none or is cut off.
pub(crate) fn header_length(member: &[u8]) -> Option<usize> {
    let [0x1f, 0x8b, 8, flags, ..] = *member else { return None };
    if flags & 0xe0 != 0 {
        return None;
    }
    let mut at = FIXED;
    if flags & 4 != 0 {
        let length = member.get(at..at + 2)?;
        at += 2 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            at += member.get(at..)?.iter().position(|&b| b == 0)? + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    (at <= member.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_extra(flags: u8, extra: &[u8]) -> Vec<u8> {
        let mut out = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
        out.extend((extra.len() as u16).to_le_bytes());
        out.extend(extra);
        out
    }

    #[test]
    fn sizes_are_found_among_other_fields() {
        let bc = [b'B', b'C', 2, 0, 0x34, 0x12];
        let ig = [b'I', b'G', 4, 0, 1, 2, 3, 4];
        let other = [b'R', b'A', 3, 0, 7, 7, 7];
        assert_eq!(stated_size(&with_extra(4, &bc)), Stated::Size(0x1235));
        assert_eq!(stated_size(&with_extra(4, &[&other[..], &ig].concat())), Stated::Size(0x0403_0201));
        assert_eq!(stated_size(&with_extra(4, &other)), Stated::Nothing);
        assert_eq!(stated_size(&with_extra(0, &bc)), Stated::Nothing);
        assert_eq!(stated_size(b"\x1f\x8b\x08\x04"), Stated::Needs(12));
        assert_eq!(stated_size(&[0; 20]), Stated::NoMember);
        // A field of the right name and the wrong length is another field; one that leaves the extra field is none.
        assert_eq!(stated_size(&with_extra(4, &[b'B', b'C', 4, 0, 1, 2, 3, 4])), Stated::Nothing);
        assert_eq!(stated_size(&with_extra(4, &[b'R', b'A', 255, 0, 1])), Stated::Nothing);
        let long = with_extra(4, &[&[b'R', b'A', 200, 0][..], &[0; 200], &bc].concat());
        assert_eq!(stated_size(&long), Stated::Size(0x1235));
        assert_eq!(stated_size(&long[..40]), Stated::Needs(222));
    }

    #[test]
    fn headers_are_measured() {
        assert_eq!(header_length(&with_extra(0, &[])), Some(10));
        assert_eq!(header_length(&with_extra(4, &[1, 2, 3])), Some(15));
        let named = [&with_extra(4 | 8 | 16 | 2, &[1])[..], b"name\0", b"comment\0", &[1, 2]].concat();
        assert_eq!(header_length(&named), Some(named.len()));
        for n in 0..named.len() {
            assert_eq!(header_length(&named[..n]), None, "{n}");
        }
        assert_eq!(header_length(&with_extra(0x80, &[])), None);
    }
}
