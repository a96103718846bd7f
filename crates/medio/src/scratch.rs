//! Memory that lies on a disk.
#![allow(unsafe_code, reason = "a map is unsafe by nature; this one is of a file that nobody else can name")]

use std::fs::File;
use std::io;
use std::path::Path;

use medcore::Storage;
use memmap2::{MmapMut, UncheckedAdvice};

use crate::{Error, Result};

/// Bytes in a file without a name, for results that are larger than they should be in memory: the system writes them to the disk when it
/// needs the room, and frees them when the last owner is gone, whatever becomes of the process.
///
/// ```
/// use medcore::Storage;
/// let folder = std::env::temp_dir();
/// let mut scratch = medio::Scratch::new(&folder, 1000)?;
/// assert_eq!(scratch.bytes(), [0; 1000]);
/// scratch.bytes_mut().unwrap_or_default()[7] = 1;
/// scratch.settle();
/// assert_eq!(scratch.bytes()[7], 1);
/// # Ok::<(), medio::Error>(())
/// ```
#[derive(Debug)]
pub struct Scratch(MmapMut);

impl Scratch {
    /// So many bytes, all 0, on the disk of a folder. Their room is taken at once: a disk that is full later does no harm.
    ///
    /// # Errors
    /// [`Error::Io`] that names the folder, if it is not there, or its disk has no room.
    pub fn new(folder: &Path, bytes: usize) -> Result<Scratch> {
        let named = |e: io::Error| Error::io(folder, e);
        let file = tempfile::tempfile_in(folder).map_err(named)?;
        // A map of nothing is refused.
        let bytes = bytes.max(1);
        reserve(&file, bytes as u64).map_err(named)?;
        // SAFETY: the file has no name, so that no other process can open and truncate it, and this one closes its handle here. Its blocks
        // are there, so that no write to the map can fail for want of room.
        let map = unsafe { memmap2::MmapOptions::new().len(bytes).map_mut(&file) }.map_err(named)?;
        Ok(Scratch(map))
    }

    /// Gives the memory of what was written back to the system; the bytes stay.
    pub fn settle(&mut self) {
        // A hint: whatever becomes of it, the bytes are right.
        let _ = self.0.flush_async();
        // SAFETY: of a shared map of a file, pages that are dropped come back with what was written to them.
        let _ = unsafe { self.0.unchecked_advise(UncheckedAdvice::DontNeed) };
    }
}

impl Storage for Scratch {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        Some(&mut self.0)
    }
}

/// Takes the room on the disk.
fn reserve(mut file: &File, bytes: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        match fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => return file.set_len(bytes),
            // Some file systems cannot; then it is written.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
            Err(e) => return Err(e.into()),
        }
    }
    io::copy(&mut io::Read::take(io::repeat(0), bytes), &mut file).map(drop)
}
