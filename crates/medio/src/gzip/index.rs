//! The index at a file's end: an empty member whose extra field says how long each member is.

use crate::Result;
use crate::disk::Handle;

use super::MAX_RATIO;
use super::cut::{Cut, MOST_MEMBERS};
use super::header::SMALLEST;
use super::members::Member;

/// The subfield of the extra field.
const FIELD: [u8; 2] = *b"MX";

/// Version of the layout below.
const VERSION: u64 = 1;

/// What the table ends with: how it is found from the end of the file.
const MARK: [u8; 8] = *b"medioidx";

/// After the extra field: an empty deflate stream, the CRC-32 and the length of nothing.
const EMPTY: [u8; 10] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Header, length of the extra field, the subfield with the member's own size, the head of the index' own subfield.
const BEFORE: usize = 10 + 2 + 8 + 4;

/// Version and rule before the sizes; checksum, length of the member and mark after them.
const AROUND: usize = 5 * 8 + 4 + 4 + MARK.len();

/// Bytes read from the end of a file at once: the index of 4000 members.
const TAIL: u64 = 16 << 10;

/// The last member of a file whose other members have these sizes, in their order.
pub(crate) fn index_member(cut: &Cut, sizes: &[u32]) -> Vec<u8> {
    let mut table = Vec::with_capacity(sizes.len() * 4 + AROUND);
    for number in [VERSION, cut.first, cut.content, cut.period, cut.member] {
        table.extend(number.to_le_bytes());
    }
    table.extend(sizes.iter().flat_map(|n| n.to_le_bytes()));
    table.extend(crc32fast::hash(&table).to_le_bytes());
    let extra = 8 + 4 + table.len() + 4 + MARK.len();
    let size = (12 + extra + EMPTY.len()) as u32;
    let mut out = vec![0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255];
    out.extend((extra as u16).to_le_bytes());
    out.extend(super::encode::size_field(size));
    out.extend(FIELD);
    out.extend(((extra - 12) as u16).to_le_bytes());
    out.extend(table);
    out.extend(size.to_le_bytes());
    out.extend(MARK);
    out.extend(EMPTY);
    out
}

/// The members with content that the index at a file's end lists; `None` if there is no index or anything about it is not as
/// it should be. Where the members lie is checked against the file's length only: each one says again what it is.
pub(crate) fn read_index(file: &Handle) -> Result<Option<Vec<Member>>> {
    let mut tail = vec![0; file.size.min(TAIL) as usize];
    let at = file.size - tail.len() as u64;
    file.read_exact_at(&mut tail, at)?;
    let Some(size) = index_size(&tail) else { return Ok(None) };
    if size as u64 > file.size {
        return Ok(None);
    }
    if size > tail.len() {
        tail.resize(size, 0);
        file.read_exact_at(&mut tail, file.size - size as u64)?;
    }
    let index = &tail[tail.len() - size..];
    Ok(members(&index[BEFORE..size - EMPTY.len()], file.size - size as u64))
}

/// The length of the index that ends here.
fn index_size(tail: &[u8]) -> Option<usize> {
    let rest = tail.strip_suffix(&EMPTY)?.strip_suffix(&MARK)?;
    let size = u32::from_le_bytes(*rest.last_chunk()?) as usize;
    (BEFORE + AROUND + EMPTY.len()..=usize::from(u16::MAX) + 12 + EMPTY.len()).contains(&size).then_some(size)
}

/// The members before byte `end` of the file, as the index' table says.
fn members(table: &[u8], end: u64) -> Option<Vec<Member>> {
    let (body, rest) = table.split_at_checked(table.len().checked_sub(AROUND - 5 * 8)?)?;
    if crc32fast::hash(body) != u32::from_le_bytes(*rest.first_chunk()?) {
        return None;
    }
    let (rule, sizes) = body.split_at_checked(5 * 8)?;
    let (rule, sizes) = (rule.as_chunks::<8>().0, sizes.as_chunks::<4>());
    let [version, first, content, period, member] = *rule else { return None };
    if u64::from_le_bytes(version) != VERSION || !sizes.1.is_empty() {
        return None;
    }
    let [first, content, period, member] = [first, content, period, member].map(u64::from_le_bytes);
    if period == 0
        || member == 0
        || first.checked_add(content)?.checked_add(period)?.checked_add(member).is_none()
    {
        return None;
    }
    let cut = Cut { first, content, period, member };
    let count = cut.count();
    if count >= MOST_MEMBERS || count + u64::from(first > 0) != sizes.0.len() as u64 {
        return None;
    }
    let mut sizes = sizes.0.iter().map(|n| u64::from(u32::from_le_bytes(*n)));
    let mut list = Vec::with_capacity(sizes.len());
    let mut at = 0;
    if first > 0 {
        let size = sizes.next()?;
        list.push(Member { at, size, start: 0, length: first });
        at += size;
    }
    for (i, size) in (0..).zip(sizes) {
        let (start, next) = (cut.start(i), cut.start(i + 1));
        list.push(Member { at, size, start: first + start, length: next - start });
        at += size;
    }
    let possible = |m: &Member| m.size >= SMALLEST && m.length <= m.size * MAX_RATIO;
    (at == end && list.iter().all(possible)).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_as_it_was_written() {
        let cut = Cut { first: 352, content: 1000, period: 400, member: 150 };
        let sizes = [100, 21, 22, 23, 24, 25, 26, 27, 28];
        let member = index_member(&cut, &sizes);
        assert_eq!(index_size(&member), Some(member.len()));
        let table = &member[BEFORE..member.len() - EMPTY.len()];
        let list = members(table, 296).unwrap();
        let starts: Vec<_> = list.iter().map(|m| (m.at, m.start, m.length)).collect();
        assert_eq!(starts[..4], [(0, 0, 352), (100, 352, 150), (121, 502, 150), (143, 652, 100)]);
        assert_eq!(starts[8], (268, 1302, 50));
        assert_eq!(members(table, 297), None);
        // Any other byte is noticed.
        for i in 0..table.len() - 4 - MARK.len() {
            let mut table = table.to_vec();
            table[i] ^= 1;
            assert_eq!(members(&table, 296), None, "{i}");
        }
        // A sound checksum over a senseless rule.
        for cut in [
            Cut { period: 0, ..cut },
            Cut { member: 0, ..cut },
            Cut { content: u64::MAX, ..cut },
            Cut { member: u64::MAX, ..cut },
            Cut { content: 1 << 60, member: 1, period: 1, ..cut },
        ] {
            let mut table = vec![];
            for number in [VERSION, cut.first, cut.content, cut.period, cut.member] {
                table.extend(number.to_le_bytes());
            }
            table.extend(sizes.iter().flat_map(|n: &u32| n.to_le_bytes()));
            table.extend(crc32fast::hash(&table).to_le_bytes());
            table.extend([0; 12]);
            assert_eq!(members(&table, 296), None, "{cut:?}");
        }
    }
}
