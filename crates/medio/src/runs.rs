//! Stretches of a file that hold the voxels of a box, and their way into memory.

use std::sync::{Mutex, PoisonError};

use medkernels::buffer::Buffer;
use medkernels::threads::{PARALLEL_BYTES, for_each_mut, threads};

use crate::disk::Handle;
use crate::gzip::GzipStream;
use crate::target::Target;
use crate::{Error, Result};

/// Bytes of voxels read and decoded in one go: they stay in the second cache.
const BLOCK: usize = 256 << 10;

/// Stretches of voxels in a file: `slabs` x `rows` rows of `row` voxels each.
#[derive(Clone)]
pub(crate) struct Runs {
    /// Bytes of a voxel.
    pub(crate) size: usize,
    /// Byte of the first voxel.
    pub(crate) first: u64,
    pub(crate) row: usize,
    pub(crate) rows: usize,
    /// Bytes from row to row.
    pub(crate) row_step: u64,
    pub(crate) slabs: usize,
    /// Bytes from slab to slab.
    pub(crate) slab_step: u64,
}

impl Runs {
    /// Bytes from a slab's first voxel to its last one's end.
    pub(crate) fn span(&self) -> usize {
        (self.rows as u64 - 1) as usize * self.row_step as usize + self.row * self.size
    }

    /// How many voxels there are.
    pub(crate) fn voxels(&self) -> usize {
        self.row * self.rows * self.slabs
    }

    /// Bytes of all voxels.
    #[cfg(feature = "libdeflate")]
    pub(crate) fn bytes(&self) -> u64 {
        (self.voxels() * self.size) as u64
    }

    /// One past the last byte.
    pub(crate) fn end(&self) -> u64 {
        self.first + (self.slabs as u64 - 1) * self.slab_step + self.span() as u64
    }

    /// Decodes one slab's bytes into its place.
    fn decode_slab<T: Target>(&self, bytes: &[u8], out: &mut [T::Item], target: &T) {
        let width = self.row * target.per_voxel();
        target.decode_rows(bytes, self.row_step as usize, self.row * self.size, width, out);
    }

    /// From a plain file: one stretch in blocks, or slab by slab; on two threads and more where that pays.
    pub(crate) fn read_plain<T: Target>(&self, file: &Handle, out: &mut [T::Item], target: &T) -> Result<()> {
        let one = self.rows == 1 && self.slabs == 1;
        let voxels = if one { (BLOCK / self.size).max(1) } else { self.row * self.rows };
        let traffic = if one { self.row * self.size } else { self.span() * self.slabs };
        let mut parts: Vec<&mut [T::Item]> = out.chunks_mut(voxels * target.per_voxel()).collect();
        if !one {
            let slabs = (0..self.slabs as u64).map(|i| self.first + i * self.slab_step);
            file.announce(slabs.map(|at| (at, self.span() as u64)));
        }
        let read = |i: usize, part: &mut [T::Item], scratch: &mut Option<Buffer>| -> Result<()> {
            let n = part.len() / target.per_voxel();
            let at =
                self.first + if one { (i * voxels * self.size) as u64 } else { i as u64 * self.slab_step };
            if one && let Some(bytes) = target.direct(part) {
                file.read_exact_at(bytes, at)?;
                target.after_direct(part);
                return Ok(());
            }
            let span = if one { n * self.size } else { self.span() };
            let useful = self.row * self.rows * self.size;
            if !one && span / 16 > useful && self.row_step > (64 << 10) {
                // A few voxels of each long row: the rest is not worth reading.
                let scratch = room(scratch, self.row * self.size, file)?;
                for (r, out) in part.chunks_exact_mut(self.row * target.per_voxel()).enumerate() {
                    file.read_exact_at(scratch, at + r as u64 * self.row_step)?;
                    target.decode(scratch, out);
                }
                return Ok(());
            }
            let scratch = room(scratch, span, file)?;
            file.read_exact_at(scratch, at)?;
            if one {
                target.decode(scratch, part);
            } else {
                self.decode_slab(scratch, part, target);
            }
            Ok(())
        };
        // Each byte is copied by the kernel and decoded by us: half the traffic pays for a second thread.
        if traffic < PARALLEL_BYTES / 2 || threads() < 2 || parts.len() < 2 {
            let mut scratch = None;
            return parts.iter_mut().enumerate().try_for_each(|(i, part)| read(i, part, &mut scratch));
        }
        // Groups of neighbouring parts, so that each thread takes its scratch memory a few times only.
        let group = parts.len().div_ceil(threads() * 16).max(1);
        let mut groups: Vec<&mut [&mut [T::Item]]> = parts.chunks_mut(group).collect();
        let failure = Mutex::new(None);
        for_each_mut(&mut groups, |g, parts| {
            let mut scratch = None;
            for (i, part) in parts.iter_mut().enumerate() {
                if let Err(e) = read(g * group + i, part, &mut scratch) {
                    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
                    return;
                }
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// From a stream, in order.
    pub(crate) fn read_stream<T: Target>(
        &self,
        stream: &mut GzipStream<'_>,
        out: &mut [T::Item],
        target: &T,
    ) -> Result<()> {
        stream.skip_to(self.first)?;
        if self.rows == 1 && self.slabs == 1 {
            if let Some(bytes) = target.direct(out) {
                stream.read_exact(bytes)?;
                target.after_direct(out);
                return Ok(());
            }
            let voxels = (BLOCK / self.size).max(1);
            let mut scratch = vec![0; voxels.min(self.row) * self.size];
            for part in out.chunks_mut(voxels * target.per_voxel()) {
                let scratch = &mut scratch[..part.len() / target.per_voxel() * self.size];
                stream.read_exact(scratch)?;
                target.decode(scratch, part);
            }
            return Ok(());
        }
        let mut scratch = None;
        for (i, part) in out.chunks_mut(self.row * self.rows * target.per_voxel()).enumerate() {
            stream.skip_to(self.first + i as u64 * self.slab_step)?;
            let scratch = room(&mut scratch, self.span(), stream.file())?;
            stream.read_exact(scratch)?;
            self.decode_slab(scratch, part, target);
        }
        Ok(())
    }

    /// From memory that begins with the first voxel.
    #[cfg(feature = "libdeflate")]
    pub(crate) fn read_memory<T: Target>(&self, bytes: &[u8], out: &mut [T::Item], target: &T) {
        let one = self.rows == 1 && self.slabs == 1;
        let voxels = if one { (BLOCK / self.size).max(1) } else { self.row * self.rows };
        let mut parts: Vec<&mut [T::Item]> = out.chunks_mut(voxels * target.per_voxel()).collect();
        let decode = |i: usize, part: &mut [T::Item]| {
            let n = part.len() / target.per_voxel();
            let step = if one { (voxels * self.size) as u64 } else { self.slab_step };
            let at = i * step as usize;
            if one {
                target.decode(&bytes[at..at + n * self.size], part);
            } else {
                self.decode_slab(&bytes[at..at + self.span()], part, target);
            }
        };
        if self.row * self.rows * self.slabs * self.size < PARALLEL_BYTES {
            parts.iter_mut().enumerate().for_each(|(i, part)| decode(i, part));
        } else {
            for_each_mut(&mut parts, |i, part| decode(i, part));
        }
    }
}

/// Scratch memory of `bytes` bytes, taken once and kept.
pub(crate) fn room<'a>(scratch: &'a mut Option<Buffer>, bytes: usize, file: &Handle) -> Result<&'a mut [u8]> {
    if scratch.as_ref().is_none_or(|b| b.len() < bytes) {
        let new = Buffer::scratch(bytes)
            .map_err(|e| Error::limit(&file.path, "a slab (no memory)", e.bytes as u64, 0))?;
        *scratch = Some(new);
    }
    Ok(scratch.as_mut().map_or(&mut [], |b| &mut b.as_bytes_mut()[..bytes]))
}
