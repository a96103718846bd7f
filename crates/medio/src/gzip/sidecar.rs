//! Checkpoints in a file beside the volume, or in a folder of such files: `crates/medio/docs/checkpoints.md` describes it.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Result;
use crate::atomic::{AtomicFile, remove_stale};

use super::MAX_RATIO;
use super::cache::Key;
use super::checkpoint::{Checkpoint, FIXED, Header, Index};
use super::header::TRAILER;
use super::raw::WINDOW;

/// What it begins with; the last byte is the version.
const MAGIC: [u8; 8] = *b"MXINDEX\x02";

/// Magic, size, time, trailer, number of checkpoints.
const HEAD: usize = 8 + 8 + 16 + TRAILER + 8;

/// CRC-32 of all before it.
const CHECK: usize = 4;

/// Letters of a volume's name that its index's name in a folder shows: file systems allow 255 bytes.
const SHOWN: usize = 56;

/// The index file beside a volume file.
pub(crate) fn sidecar_path(volume: &Path) -> PathBuf {
    let mut name = OsString::from(volume);
    name.push(".mxi");
    PathBuf::from(name)
}

/// The index file in a folder of a volume file with this canonical path: its name, and a digest of the whole path (FNV-1a, 64 bits), since many
/// folders have a `T1.nii.gz`.
pub(crate) fn sidecar_in(folder: &Path, volume: &Path) -> PathBuf {
    let step = |h: u64, b: &u8| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
    let digest = volume.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step);
    let name = volume.file_name().unwrap_or_default().to_string_lossy();
    let shown: String = name.chars().take(SHOWN).collect();
    folder.join(format!("{shown}-{digest:016x}.mxi"))
}

fn head(key: &Key, points: usize) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend(key.file.size.to_le_bytes());
    out.extend(key.file.mtime_ns.to_le_bytes());
    out.extend(key.trailer);
    out.extend((points as u64).to_le_bytes());
    out
}

/// Writes an index whole or not at all; says how many bytes.
pub(crate) fn write_sidecar(path: &Path, key: &Key, index: &Index) -> Result<u64> {
    let mut out = head(key, index.points.len());
    for p in &index.points {
        out.extend(p.position.to_le_bytes());
        out.extend(p.bit.to_le_bytes());
        let (block, header) = p.inside.map_or((0, 0), |h| (h.bit, h.bits));
        out.extend(block.to_le_bytes());
        for n in [header, p.crc, p.size, p.window, p.packed.len() as u32] {
            out.extend(n.to_le_bytes());
        }
    }
    index.points.iter().for_each(|p| out.extend_from_slice(&p.packed));
    out.extend(crc32fast::hash(&out).to_le_bytes());
    remove_stale(path);
    let mut file = AtomicFile::create(path)?;
    file.write(&out)?;
    file.commit(false)?;
    Ok(out.len() as u64)
}

/// Whether there is an index at `path` that says that it is the file's; nothing more of it is looked at.
pub(crate) fn sidecar_fits(path: &Path, key: &Key) -> bool {
    let mut found = [0; HEAD];
    let read = File::open(path).and_then(|mut f| f.read_exact(&mut found));
    read.is_ok() && found[..HEAD - 8] == head(key, 0)[..HEAD - 8]
}

/// The index at `path`; `None` if there is none, it is another file's or another version's, or anything about it is wrong.
pub(crate) fn read_sidecar(path: &Path, key: &Key) -> Option<Index> {
    let file = File::open(path).ok()?;
    // An index is a small part of its file; more is not read.
    let most = key.file.size / 8 + (1 << 20);
    let length = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
    if length > most || length < (HEAD + CHECK) as u64 {
        return None;
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(most + 1).read_to_end(&mut bytes).ok()?;
    parse(&bytes, key)
}

/// Reads an index; every field is looked at.
fn parse(bytes: &[u8], key: &Key) -> Option<Index> {
    let (bytes, check) = bytes.split_last_chunk::<CHECK>()?;
    let (found, rest) = bytes.split_at_checked(HEAD)?;
    let count = usize::try_from(u64::from_le_bytes(*found.last_chunk()?)).ok()?;
    if found != head(key, count) || crc32fast::hash(bytes) != u32::from_le_bytes(*check) {
        return None;
    }
    let (table, mut windows) = rest.split_at_checked(count.checked_mul(FIXED)?)?;
    let mut points: Vec<Arc<Checkpoint>> = Vec::with_capacity(count);
    for entry in table.as_chunks::<FIXED>().0 {
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| entry[at + i]));
        let short = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| entry[at + i]));
        let (packed, after) = windows.split_at_checked(short(40) as usize)?;
        windows = after;
        let point = Checkpoint {
            position: long(0),
            bit: long(8),
            inside: (short(24) > 0).then(|| Header { bit: long(16), bits: short(24) }),
            crc: short(28),
            size: short(32),
            window: short(36),
            packed: packed.into(),
        };
        let follows = points.last().is_none_or(|p| p.position < point.position && p.bit < point.bit);
        let fits =
            point.bit / 8 < key.file.size && point.position <= (point.bit / 8 + 1).saturating_mul(MAX_RATIO);
        let looks_back = point.window as usize <= WINDOW && u64::from(point.window) <= point.position;
        let block = match point.inside {
            None => long(16) == 0,
            Some(h) => {
                h.bits <= Header::MOST && h.bit.checked_add(h.bits.into()).is_some_and(|end| end <= point.bit)
            }
        };
        if !(follows && fits && looks_back && block) {
            return None;
        }
        points.push(Arc::new(point));
    }
    windows.is_empty().then_some(Index { points, complete: true, reached: 0 })
}
