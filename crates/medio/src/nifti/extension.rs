//! Header extensions: blocks of a size, a code and bytes between the header and the voxels.

use medcore::Extension;

use super::ByteOrder;

/// Reads the extensions in `bytes`, which start right after the four bytes that announce them.
///
/// A block that is too short or leaves the region ends the list, with a warning: the voxels do not depend on it.
pub(crate) fn parse(mut bytes: &[u8], order: ByteOrder, warnings: &mut Vec<String>) -> Vec<Extension> {
    let int =
        |b: [u8; 4]| if order == ByteOrder::Little { i32::from_le_bytes(b) } else { i32::from_be_bytes(b) };
    let mut found = Vec::new();
    while bytes.len() >= 16 {
        let size = int([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let code = int([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if size == 0 && code == 0 {
            break;
        }
        let Some(data) = usize::try_from(size).ok().filter(|&n| n >= 8).and_then(|n| bytes.get(8..n)) else {
            warnings.push(format!(
                "header extension {} says it has {size} bytes; {} are left, so it and what follows are ignored",
                found.len() + 1,
                bytes.len()
            ));
            break;
        };
        if size % 16 != 0 {
            warnings
                .push(format!("header extension {} has {size} bytes, not a multiple of 16", found.len() + 1));
        }
        found.push(Extension { code, data: data.to_vec() });
        bytes = &bytes[size as usize..];
    }
    found
}

/// The announcement and the blocks, each padded with zeros to a multiple of 16 bytes, little end first on little machines.
pub(crate) fn serialise(extensions: &[Extension], order: ByteOrder) -> Vec<u8> {
    let int = |v: i32| if order == ByteOrder::Little { v.to_le_bytes() } else { v.to_be_bytes() };
    let mut out = vec![u8::from(!extensions.is_empty()), 0, 0, 0];
    for e in extensions {
        let size = (e.data.len() + 8).next_multiple_of(16);
        out.extend_from_slice(&int(size as i32));
        out.extend_from_slice(&int(e.code));
        out.extend_from_slice(&e.data);
        out.resize(out.len() + size - 8 - e.data.len(), 0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_round_trip_and_bad_ones_end_the_list() {
        let list = vec![
            Extension { code: 6, data: b"a comment of 24 bytes...".to_vec() },
            Extension { code: 4, data: vec![1; 24] },
        ];
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let mut warnings = vec![];
            let bytes = serialise(&list, order);
            assert_eq!(bytes.len() % 16, 4);
            assert_eq!(parse(&bytes[4..], order, &mut warnings), list);
            assert!(warnings.is_empty());
            assert_eq!(parse(&bytes[4..bytes.len() - 1], order, &mut warnings), list[..1]);
            assert_eq!(warnings.len(), 1);
        }
    }
}
