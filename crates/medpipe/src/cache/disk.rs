//! Entries in a folder: `<16 hexadecimal digits>.nii`, each sealed.

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use medcore::{Affine, DType, Meta, Volume};
use medio::{SaveOptions, Storage, VolumeFile};
use serde::{Deserialize, Serialize};

use crate::Result;

const SUFFIX: &str = ".nii";

/// Bytes of an entry besides voxels, note and extensions: header, seal's end, padding.
const HEADER: u64 = 1 << 10;

/// What an entry's seal says of it.
#[derive(Serialize, Deserialize)]
struct Note {
    /// What it was made of: two different things with one digest are told apart.
    made_of: String,
    /// The affine's numbers, bit for bit; a header holds them as float32.
    affine: [[u64; 4]; 3],
}

/// The file of an entry.
pub(super) fn path(dir: &Path, key: u64) -> PathBuf {
    dir.join(format!("{key:016x}{SUFFIX}"))
}

/// What was found of an entry.
pub(super) enum Found {
    Sound(VolumeFile),
    Absent,
    Damaged(String),
}

/// Opens an entry; its affine is exact and its metadata are `meta`.
pub(super) fn open(path: &Path, made_of: &str, meta: &Arc<Meta>) -> Found {
    let file = match medio::seal::open(path) {
        Ok(file) => file,
        Err(medio::Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Found::Absent;
        }
        // Replaced between two looks.
        Err(medio::Error::Changed { .. }) => return Found::Absent,
        Err(e) => return Found::Damaged(e.to_string()),
    };
    let Some(note) = file.note().and_then(|n| serde_json::from_slice::<Note>(n).ok()) else {
        return Found::Damaged("its note cannot be read".into());
    };
    if note.made_of != made_of {
        return Found::Absent;
    }
    let affine = Affine { rows: note.affine.map(|row| row.map(f64::from_bits)) };
    Found::Sound(file.described(affine, Arc::clone(meta)))
}

/// Writes an entry, in place of what was used longest ago; says how many entries went for it.
///
/// # Errors
/// Why it was not kept.
pub(super) fn keep(
    dir: &Path,
    max_bytes: u64,
    key: u64,
    made_of: &str,
    volume: &Volume,
) -> Result<u64, String> {
    let affine = volume.grid().affine.rows.map(|row| row.map(f64::to_bits));
    let note = Note { made_of: made_of.into(), affine };
    let note = serde_json::to_vec(&note).map_err(|e| e.to_string())?;
    let half = matches!(volume.stored_dtype(), DType::F16 | DType::BF16);
    let storage = if half { Storage::Float16Private } else { Storage::AsIs };
    let voxels = (volume.grid().len() * volume.channels() * volume.stored_dtype().bytes()) as u64;
    let extensions: usize = volume.meta().extensions.iter().map(|e| e.data.len() + 24).sum();
    let bytes = voxels + voxels / 8192 + (note.len() + extensions) as u64 + HEADER;
    if bytes > max_bytes {
        return Err(format!("its {bytes} bytes are more than the cache may hold, {max_bytes}"));
    }
    fs::create_dir_all(dir).map_err(|e| e.to_string())?;
    // Before, so that the disk need not hold more than was granted, and after, because others write at the same time.
    let evicted = make_room(dir, max_bytes - bytes, None);
    let options = SaveOptions { storage, sync: false, seal: Some(note.into()), ..SaveOptions::default() };
    let path = path(dir, key);
    medio::save(&path, volume, &options).map_err(|e| e.to_string())?;
    Ok(evicted + make_room(dir, max_bytes, Some(&path)))
}

/// An entry as the folder lists it.
pub(super) struct Listed {
    path: PathBuf,
    pub(super) bytes: u64,
    used: SystemTime,
}

/// The entries of a folder; nothing else that lies there.
pub(super) fn entries(dir: &Path) -> Vec<Listed> {
    let listed = fs::read_dir(dir).into_iter().flatten().flatten();
    let entry = |e: fs::DirEntry| {
        let name = e.file_name();
        let digits = name.to_str()?.strip_suffix(SUFFIX)?;
        let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 16 || !digits.bytes().all(hex) {
            return None;
        }
        let m = e.metadata().ok()?;
        let used = [m.accessed(), m.modified()].into_iter().flatten().max()?;
        Some(Listed { path: e.path(), bytes: m.len(), used })
    };
    listed.filter_map(entry).collect()
}

/// Removes what was used longest ago until no more than `most` bytes are left, never `spared`; says how many entries went. Whoever reads one of them has it open;
/// who comes later makes it again.
fn make_room(dir: &Path, most: u64, spared: Option<&Path>) -> u64 {
    let mut entries = entries(dir);
    let mut held: u64 = entries.iter().map(|e| e.bytes).sum();
    if held <= most {
        return 0;
    }
    entries.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
    let mut evicted = 0;
    for e in entries.iter().filter(|e| Some(&*e.path) != spared) {
        if held <= most {
            break;
        }
        // Another process may have been faster.
        evicted += u64::from(fs::remove_file(&e.path).is_ok());
        held -= e.bytes;
    }
    evicted
}

/// Notes that an entry was used. Only the time of access: readers tell by the time of writing whether a file is still the same.
pub(super) fn touch(path: &Path) {
    let now = FileTimes::new().set_accessed(SystemTime::now());
    // A folder that only others may write to has no order of use.
    let _ = File::open(path).and_then(|f| f.set_times(now));
}

/// Removes all entries.
pub(super) fn clear(dir: &Path) -> Result<()> {
    for e in entries(dir) {
        match fs::remove_file(&e.path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(medio::Error::Io { path: e.path, source }.into());
            }
            _ => {}
        }
    }
    Ok(())
}
