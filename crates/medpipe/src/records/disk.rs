//! Records in a folder: `<name of the volume file>-<digest of its path>.mxr`, each a sealed note.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use medio::seal;

use super::numbers::{Reader, Writer, from_bytes, to_bytes};
use super::state::Record;
use crate::Result;

const SUFFIX: &str = ".mxr";

/// What a note begins with; the last byte is the version.
const MAGIC: [u8; 8] = *b"MXRECRD\x01";

/// Letters of a volume's name that its record's name shows: file systems allow 255 bytes.
const SHOWN: usize = 56;

/// The record of a volume file with this canonical path.
pub(super) fn path(dir: &Path, volume: &Path) -> PathBuf {
    let digest = crate::digest::of_bytes(volume.as_os_str().as_encoded_bytes());
    let name = volume.file_name().unwrap_or_default().to_string_lossy();
    let shown: String = name.chars().take(SHOWN).collect();
    dir.join(format!("{shown}-{digest:016x}{SUFFIX}"))
}

/// What was found of a record.
pub(super) enum Found {
    Sound(Record),
    Absent,
    /// Damaged, or another file's, content's or version's: why.
    Unfit(String),
}

/// Reads the record of the file of which `head` is the text.
pub(super) fn read(path: &Path, head: &str) -> Found {
    let note = match seal::read_note(path) {
        Ok(note) => note,
        Err(medio::Error::Io { .. }) => return Found::Absent,
        Err(e) => return Found::Unfit(e.to_string()),
    };
    match parse(&note) {
        None => Found::Unfit("it is not a record that this version reads".into()),
        Some(record) if *record.head != *head => {
            Found::Unfit("it was measured of another content of the file, or by another version".into())
        }
        Some(record) => Found::Sound(record),
    }
}

/// Writes a record whole or not at all.
pub(super) fn write(path: &Path, record: &Record) -> Result<(), String> {
    let mut out = Writer(MAGIC.to_vec());
    out.bytes(record.head.as_bytes());
    out.count(record.measurements.len());
    for (name, numbers) in &record.measurements {
        out.bytes(name.as_bytes());
        out.bytes(&to_bytes(numbers));
    }
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(|e| e.to_string())?;
    }
    seal::write_note(path, &out.0).map_err(|e| e.to_string())
}

/// Reads a note; every field is looked at.
fn parse(note: &[u8]) -> Option<Record> {
    let mut from = Reader(note.strip_prefix(&MAGIC)?);
    let text = |from: &mut Reader<'_>| Some(Arc::<str>::from(str::from_utf8(from.bytes()?).ok()?));
    let head = text(&mut from)?;
    let mut measurements = vec![];
    for _ in 0..from.length(16)? {
        measurements.push((text(&mut from)?, from_bytes(from.bytes()?)?.into()));
    }
    from.0.is_empty().then_some(Record { head, measurements })
}

/// Removes all records; nothing else that lies there.
pub(super) fn clear(dir: &Path) -> Result<()> {
    let listed = fs::read_dir(dir).map_err(|source| medio::Error::Io { path: dir.into(), source })?;
    for path in listed.flatten().map(|e| e.path()) {
        let stem = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(SUFFIX));
        let Some((_, digits)) = stem.and_then(|s| s.rsplit_once('-')) else { continue };
        if digits.len() != 16 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            continue;
        }
        match fs::remove_file(&path) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                return Err(medio::Error::Io { path, source }.into());
            }
            _ => {}
        }
    }
    Ok(())
}
