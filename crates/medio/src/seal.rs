//! Seals: checksums and a note behind the voxels of a plain file, so that what is read later can be trusted.
//!
//! A sealed file is an ordinary `.nii` that any reader opens; readers stop at the last voxel. Behind it lie, all numbers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 4 for each block | CRC-32 of each 64 KiB of the file before the seal; the last block may be shorter |
//! | as many as it has | the note: bytes of the writer's own |
//! | 8 | `mxseal1\n` |
//! | 8 | bytes before the seal |
//! | 4 | bytes of the note |
//! | 4 | CRC-32 of the note and of the 20 bytes before this number |
//!
//! [`open`] looks at size, note and header. Voxels are checked block by block, at the first touch of a block through the opened file and its clones;
//! later reads of it are bare reads. [`crate::SaveOptions::seal`] writes such files.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use medkernels::buffer::Buffer;
use medkernels::threads::{PARALLEL_BYTES, for_each};

use crate::atomic::{AtomicFile, remove_stale};
use crate::disk::{DiskFile, Handle};
use crate::file::{Packing, VolumeFile, reopen};
use crate::runs::Runs;
use crate::sealer::{BLOCK, MAGIC, checksum};
use crate::{Error, Result};

/// Bytes of the end of a seal: magic, two lengths, checksum.
const FOOTER: usize = 24;

/// The seal of an opened file.
#[derive(Debug)]
pub(crate) struct Seal {
    /// Bytes before it.
    end: u64,
    note: Vec<u8>,
    /// A bit for each block that was found sound.
    sound: Vec<AtomicU64>,
}

/// Opens a sealed file: [`crate::open`], and a look at the seal and at the header's checksum.
///
/// # Errors
/// As [`crate::open`]; [`Error::Format`] if there is no seal, if the file has not the size that the seal says, or if a checksum is
/// wrong, now or at a later read.
///
/// ```
/// use medcore::{Affine, Box3, Grid, Volume};
/// use medio::SaveOptions;
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("ramp.nii");
/// let volume = Volume::from_f32(Grid::new([8, 1, 1], Affine::IDENTITY), &[1.5; 8])?;
/// let options = SaveOptions { seal: Some(b"made of nothing"[..].into()), ..SaveOptions::default() };
/// medio::save(&path, &volume, &options)?;
///
/// let file = medio::seal::open(&path)?;
/// assert_eq!(file.note(), Some(&b"made of nothing"[..]));
/// assert_eq!(file.load()?.to_f32()?, [1.5; 8]);
///
/// let mut bytes = std::fs::read(&path)?;
/// bytes[360] ^= 1;
/// std::fs::write(&path, &bytes)?;
/// assert!(medio::seal::open(&path).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open(path: impl AsRef<Path>) -> Result<VolumeFile> {
    let file = crate::open(path)?;
    if file.inner().packing != Packing::Plain || file.inner().header_file.is_some() {
        return Err(Error::format(
            file.path(),
            "the seal",
            "none",
            "a seal behind the voxels of a plain .nii",
        ));
    }
    let handle = reopen(&file)?;
    let seal = Seal::read(&handle)?;
    seal.check(&handle, 0, file.inner().meaning.first_voxel)?;
    Ok(file.rebuilt(|inner| inner.seal = Some(seal.into())))
}

/// Writes a file that is a seal alone, of nothing: a note with its checksum, which appears whole or not at all. Nothing is synced, since the checksum tells what a
/// crash left.
///
/// # Errors
/// [`Error::Io`] if the system refuses.
///
/// ```
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("note");
/// medio::seal::write_note(&path, b"a mean of 3.5")?;
/// assert_eq!(medio::seal::read_note(&path)?, b"a mean of 3.5");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_note(path: impl AsRef<Path>, note: &[u8]) -> Result<()> {
    let path = path.as_ref();
    remove_stale(path);
    let mut file = AtomicFile::create(path)?;
    file.seal_what_follows();
    file.seal(note)?;
    file.commit(false)
}

/// The note that [`write_note`] wrote.
///
/// # Errors
/// [`Error::Io`]; [`Error::Format`] for any other file, and for one that is damaged.
pub fn read_note(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    let path = path.as_ref();
    let seal = Seal::read(&DiskFile::open(path, &Arc::default())?.1)?;
    if seal.end == 0 {
        Ok(seal.note)
    } else {
        Err(Error::format(path, "the seal", "of a volume", "of nothing"))
    }
}

impl VolumeFile {
    /// The note in the file's seal, if it was opened by [`open`].
    pub fn note(&self) -> Option<&[u8]> {
        self.inner().seal.as_ref().map(|s| &s.note[..])
    }
}

impl Seal {
    fn read(file: &Handle) -> Result<Seal> {
        let wrong = |found: &str, expected: &str| Error::format(&file.path, "the seal", found, expected);
        let mut footer = [0; FOOTER];
        let at = file.size.checked_sub(FOOTER as u64).ok_or_else(|| wrong("none", "a seal"))?;
        file.read_exact_at(&mut footer, at)?;
        let number =
            |at: usize| u32::from_le_bytes([footer[at], footer[at + 1], footer[at + 2], footer[at + 3]]);
        if footer[..8] != MAGIC {
            return Err(wrong("none", "a seal at the file's end"));
        }
        let end = u64::from(number(8)) | u64::from(number(12)) << 32;
        let length = u64::from(number(16));
        let blocks = end.div_ceil(BLOCK as u64);
        let size = end.checked_add(blocks * 4 + length + FOOTER as u64);
        if size != Some(file.size) {
            return Err(Error::format(
                &file.path,
                "the file's size",
                format!("{} bytes", file.size),
                format!("what its seal says: {end} bytes before it and a note of {length}"),
            ));
        }
        // Not longer than the file.
        let mut note = vec![0; length as usize];
        file.read_exact_at(&mut note, at - length)?;
        if checksum(&[&note, &footer[..20]]) != number(20) {
            return Err(wrong("another than its checksum says", "a sound one"));
        }
        let words = blocks.div_ceil(64) as usize;
        Ok(Seal { end, note, sound: (0..words).map(|_| AtomicU64::new(0)).collect() })
    }

    /// Checks the blocks that the bytes from `from` to `to` touch, unless they were found sound before.
    fn check(&self, file: &Handle, from: u64, to: u64) -> Result<()> {
        if from >= to {
            return Ok(());
        }
        let is_sound = |b: &u64| self.sound[(b / 64) as usize].load(Ordering::Relaxed) >> (b % 64) & 1 == 1;
        let last = (to - 1) / BLOCK as u64;
        let blocks: Vec<u64> = (from / BLOCK as u64..=last).filter(|b| !is_sound(b)).collect();
        // Several together for each thread, and one read of checksums for them.
        let parts: Vec<&[u64]> = blocks.chunks(16).collect();
        if blocks.len() * BLOCK < PARALLEL_BYTES {
            return parts.iter().try_for_each(|part| self.check_blocks(file, part));
        }
        let failure = Mutex::new(None);
        for_each(parts.len(), |i| {
            if let Err(e) = self.check_blocks(file, parts[i]) {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Checks blocks, in order of their numbers.
    fn check_blocks(&self, file: &Handle, blocks: &[u64]) -> Result<()> {
        let (Some(&first), Some(&last)) = (blocks.first(), blocks.last()) else { return Ok(()) };
        let mut sums = vec![0; (last - first + 1) as usize * 4];
        file.read_exact_at(&mut sums, self.end + first * 4)?;
        let mut bytes = Buffer::for_overwrite(BLOCK)
            .map_err(|e| Error::limit(&file.path, "a block (no memory)", e.bytes as u64, 0))?;
        for &block in blocks {
            let at = block * BLOCK as u64;
            let bytes = &mut bytes.as_bytes_mut()[..(self.end - at).min(BLOCK as u64) as usize];
            file.read_exact_at(bytes, at)?;
            let found = checksum(&[bytes]).to_le_bytes();
            let expected = &sums[(block - first) as usize * 4..][..4];
            if found != expected {
                return Err(Error::format(
                    &file.path,
                    &format!("the checksum of the {} bytes from {at} on", bytes.len()),
                    format!("{found:02x?}"),
                    format!("{expected:02x?}, as its seal says"),
                ));
            }
            self.sound[(block / 64) as usize].fetch_or(1 << (block % 64), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Checks the blocks that hold voxels of runs.
    pub(crate) fn check_runs(&self, file: &Handle, runs: &Runs) -> Result<()> {
        let mut from = runs.first;
        let mut to = from;
        for slab in 0..runs.slabs as u64 {
            let start = runs.first + slab * runs.slab_step;
            // Slabs that share blocks or follow one another are checked together.
            if start / BLOCK as u64 > to.div_ceil(BLOCK as u64) {
                self.check(file, from, to)?;
                from = start;
            }
            to = start + runs.span() as u64;
        }
        self.check(file, from, to)
    }
}
