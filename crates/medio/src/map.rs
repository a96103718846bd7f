//! Mapping a file into memory, on request only.
#![allow(
    unsafe_code,
    reason = "a map is unsafe by nature: another process may change the file under it; said in the docs"
)]

use std::sync::Arc;

use medcore::{Storage, Volume};
use memmap2::{Mmap, MmapOptions};

use crate::file::{VolumeFile, reopen};
use crate::nifti::ByteOrder;
use crate::{Error, Result};

/// A mapped file's voxels.
struct Mapped(Mmap);

impl Storage for Mapped {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl VolumeFile {
    /// The file's voxels, mapped instead of read: nothing is copied, pages come in when they are looked at.
    ///
    /// The map is private and read-only. The file must stay as it is while the volume lives: if another process writes to it,
    /// the voxels may or may not change; if another process *truncates* it, looking at the lost voxels ends this process with SIGBUS.
    /// Replacing the file by renaming another over it, as [`crate::save`] does, is safe. On network file systems prefer
    /// [`VolumeFile::load`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the file is compressed, scaled, in the other byte order, or its voxels are not aligned;
    /// [`Error::Changed`] and [`Error::Io`] as the file gives cause.
    pub fn map(&self) -> Result<Volume> {
        let m = &self.inner().meaning;
        let unit = m.dtype.swap_unit() as u64;
        let obstacle = if self.compressed() {
            Some("a compressed file".to_owned())
        } else if let Some(s) = m.scale {
            Some(format!("voxels with a scale (slope {}, intercept {})", s.slope, s.intercept))
        } else if self.byte_order() != ByteOrder::NATIVE && unit > 1 {
            Some("a file in the other byte order".to_owned())
        } else if !m.first_voxel.is_multiple_of(unit) {
            Some(format!("voxels that start at byte {}, not a multiple of {unit},", m.first_voxel))
        } else {
            None
        };
        if let Some(what) = obstacle {
            return Err(Error::unsupported(self.path(), format!("mapping {what}"), "load it instead"));
        }
        let file = reopen(self)?;
        let length = usize::try_from(m.voxel_bytes).unwrap_or(usize::MAX);
        // SAFETY: the range lies inside the file, whose size was compared just now. That nobody truncates it meanwhile is the
        // caller's promise, as documented; all other writes leave plain bytes, valid as any number.
        let map =
            unsafe { MmapOptions::new().offset(m.first_voxel).len(length).map_copy_read_only(&file.file) }
                .map_err(|e| Error::io(self.path(), e))?;
        Volume::packed(Arc::new(Mapped(map)), m.dtype, m.grid, m.extra().to_vec(), Arc::clone(self.meta()))
            .map_err(|e| Error::shape(self.path(), "volume", e, "a packed map"))
    }
}
