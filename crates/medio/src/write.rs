//! A volume's way into one file: header, voxels, and the members of a gzip file, compressed on all threads and written in order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use medcore::Volume;
use medkernels::threads::{for_each, threads};

use crate::atomic::AtomicFile;
use crate::encode::{Block, Encoding, Voxels};
use crate::gzip::{
    BGZF_CONTENT, BGZF_END, Cut, Encoder, HEADER, Joiner, Lines, Packed, SizeField, index_member, trailer,
};
use crate::{Error, Gzip, Result, SaveOptions};

/// Stored bytes of a volume that are gathered, encoded and compressed in one go.
const BATCH: u64 = 1 << 20;

/// One volume on its way into one file.
pub(crate) struct Job<'a> {
    pub(crate) path: &'a Path,
    pub(crate) volume: &'a Volume,
    pub(crate) voxels: &'a Voxels,
    pub(crate) options: &'a SaveOptions,
}

/// Members (or pieces of the one member) that are made in one go, by their numbers.
type Batch = Range<u64>;

/// A batch, compressed.
struct Done {
    bytes: Vec<u8>,
    /// Sizes of the members in it.
    sizes: Vec<u32>,
    /// For the one member that all batches are joined into.
    crc: crc32fast::Hasher,
    length: u64,
    max_error: f64,
}

/// Batches that are done, written in order whatever order they are done in.
struct InOrder<'a> {
    file: &'a mut AtomicFile,
    next: usize,
    waiting: BTreeMap<usize, Done>,
    sizes: Vec<u32>,
    crc: crc32fast::Hasher,
    length: u64,
    max_error: f64,
    failure: Option<Error>,
    job: &'a Job<'a>,
}

impl InOrder<'_> {
    fn put(&mut self, i: usize, batch: Result<Done>) {
        match batch {
            Ok(done) => {
                self.waiting.insert(i, done);
            }
            Err(e) => self.fail(e),
        }
        while self.failure.is_none()
            && let Some(done) = self.waiting.remove(&self.next)
        {
            self.next += 1;
            self.crc.combine(&done.crc);
            self.sizes.extend(done.sizes);
            self.length += done.length;
            self.max_error = self.max_error.max(done.max_error);
            self.job.count(done.length);
            if let Err(e) = self.file.write(&done.bytes) {
                self.fail(e);
            }
        }
    }

    fn fail(&mut self, e: Error) {
        self.waiting.clear();
        self.failure.get_or_insert(e);
    }
}

/// What makes compressed bytes of a batch's content.
enum Packer<'a> {
    /// Each piece a member.
    Members(Encoder),
    /// All pieces one member.
    Joined(&'a Joiner),
}

impl Job<'_> {
    /// A file of nothing but `start`.
    pub(crate) fn write_start(&self, file: &mut AtomicFile, start: &[u8], gzip: bool) -> Result<()> {
        if !gzip {
            return file.write(start);
        }
        let packed = Joiner::new(self.options.level.get()).pack(start);
        file.write(&HEADER)?;
        file.write(&packed.bytes)?;
        file.write(&trailer(packed.crc, packed.length))
    }

    /// Tells whoever watches that so many bytes of voxels are done.
    fn count(&self, bytes: u64) {
        if let Some(written) = &self.options.written {
            written.fetch_add(bytes / self.voxels.dtype.bytes() as u64, Ordering::Relaxed);
        }
    }

    /// `start` and the voxels; returns the largest error made in encoding.
    pub(crate) fn write(&self, file: &mut AtomicFile, start: &[u8], gzip: bool) -> Result<f64> {
        if !gzip {
            return self.write_plain(file, start);
        }
        let (level, lines, first) = (self.options.level.get(), self.lines(), start.len() as u64);
        match self.options.gzip {
            Gzip::Blocks(bytes) => {
                let cut = Cut::along(&lines, first, u64::from(bytes));
                let sizes =
                    if start.is_empty() { vec![] } else { self.header(file, start, SizeField::Indexed)? };
                let order =
                    self.batches(file, &cut, || Packer::Members(Encoder::new(level, SizeField::Indexed)))?;
                let sizes = [sizes, order.sizes].concat();
                file.write(&index_member(&cut, &sizes))?;
                Ok(order.max_error)
            }
            Gzip::Bgzf => {
                let cut = Cut::within(&lines, BGZF_CONTENT as u64);
                self.header(file, start, SizeField::Bgzf)?;
                let order =
                    self.batches(file, &cut, || Packer::Members(Encoder::new(level, SizeField::Bgzf)))?;
                file.write(&BGZF_END)?;
                Ok(order.max_error)
            }
            Gzip::Single => {
                let cut = Cut::along(&lines, first, BATCH);
                let joiner = Joiner::new(level);
                let Packed { bytes, mut crc, length } = joiner.pack(start);
                file.write(&HEADER)?;
                file.write(&bytes)?;
                let order = self.batches(file, &cut, || Packer::Joined(&joiner))?;
                crc.combine(&order.crc);
                file.write(&trailer(crc, length + order.length))?;
                Ok(order.max_error)
            }
        }
    }

    fn write_plain(&self, file: &mut AtomicFile, start: &[u8]) -> Result<f64> {
        file.write(start)?;
        if let Some(bytes) = self.packed() {
            // Pieces, so that the file grows while the next part is fetched.
            bytes.chunks(8 << 20).try_for_each(|part| {
                self.count(part.len() as u64);
                file.write(part)
            })?;
            return Ok(0.0);
        }
        let (mut bytes, mut worst) = (Vec::new(), 0.0f64);
        for block in &Block::all(self.volume, BATCH as usize) {
            bytes.clear();
            worst = worst.max(self.voxels.block(self.path, self.volume, block, &mut bytes)?);
            file.write(&bytes)?;
            self.count(bytes.len() as u64);
        }
        Ok(worst)
    }

    /// `start` in members of its own; returns their sizes.
    fn header(&self, file: &mut AtomicFile, start: &[u8], field: SizeField) -> Result<Vec<u32>> {
        let mut encoder = Encoder::new(self.options.level.get(), field);
        let most = if field == SizeField::Bgzf { BGZF_CONTENT } else { start.len() };
        let mut bytes = Vec::new();
        let sizes = start.chunks(most.max(1)).map(|part| encoder.member(part, &mut bytes)).collect();
        file.write(&bytes)?;
        Ok(sizes)
    }

    /// The voxels, cut and compressed; the sum of what became of them.
    fn batches<'a>(
        &self,
        file: &mut AtomicFile,
        cut: &Cut,
        packer: impl Fn() -> Packer<'a> + Sync,
    ) -> Result<Summary> {
        let batches = cut.batches(BATCH);
        let order = InOrder {
            file,
            next: 0,
            waiting: BTreeMap::new(),
            sizes: Vec::new(),
            crc: crc32fast::Hasher::new(),
            length: 0,
            max_error: 0.0,
            failure: None,
            job: self,
        };
        let (order, turn) = (Mutex::new(order), Condvar::new());
        let next = AtomicUsize::new(0);
        let workers = self.options.threads.unwrap_or_else(threads).clamp(1, batches.len().max(1));
        let packed = self.packed();
        for_each(workers, |_| {
            let (mut packer, mut bytes) = (packer(), Vec::new());
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(batch) = batches.get(i) else { break };
                // Whoever is far ahead waits, so that not all of the file waits in memory for one slow batch.
                let ahead = |o: &mut InOrder<'_>| o.failure.is_none() && i > o.next + 4 * workers;
                let waiting = order.lock().unwrap_or_else(PoisonError::into_inner);
                drop(turn.wait_while(waiting, ahead).unwrap_or_else(PoisonError::into_inner));
                let done = self.pack(cut, batch, packed, &mut packer, &mut bytes);
                let mut order = order.lock().unwrap_or_else(PoisonError::into_inner);
                order.put(i, done);
                turn.notify_all();
                if order.failure.is_some() {
                    break;
                }
            }
        });
        let order = order.into_inner().unwrap_or_else(PoisonError::into_inner);
        match order.failure {
            Some(e) => Err(e),
            None => Ok(Summary {
                sizes: order.sizes,
                crc: order.crc,
                length: order.length,
                max_error: order.max_error,
            }),
        }
    }

    /// Compresses a batch: taken from `packed` if the voxels lie there as the file has them, else gathered in `bytes`.
    fn pack(
        &self,
        cut: &Cut,
        batch: &Batch,
        packed: Option<&[u8]>,
        packer: &mut Packer<'_>,
        bytes: &mut Vec<u8>,
    ) -> Result<Done> {
        let [from, to] = [batch.start, batch.end].map(|i| cut.start(i) as usize);
        let mut max_error = 0.0f64;
        let content = if let Some(all) = packed {
            &all[from..to]
        } else {
            bytes.clear();
            let size = self.voxels.dtype.bytes();
            for block in Block::range(self.volume, from / size, to / size) {
                max_error = max_error.max(self.voxels.block(self.path, self.volume, &block, bytes)?);
            }
            bytes
        };
        let length = content.len() as u64;
        Ok(match packer {
            Packer::Joined(joiner) => {
                let Packed { bytes, crc, .. } = joiner.pack(content);
                Done { bytes, sizes: vec![], crc, length, max_error }
            }
            Packer::Members(encoder) => {
                let mut out = Vec::with_capacity(content.len() / 2);
                let part = |i| &content[cut.start(i) as usize - from..cut.start(i + 1) as usize - from];
                let sizes = batch.clone().map(|i| encoder.member(part(i), &mut out)).collect();
                Done { bytes: out, sizes, crc: crc32fast::Hasher::new(), length, max_error }
            }
        })
    }

    /// Lengths of rows, slices and channels in the file.
    fn lines(&self) -> Lines {
        let [nx, ny, nz] = self.volume.grid().shape.map(|n| n as u64);
        let voxel = self.voxels.dtype.bytes() as u64;
        let (row, slice, channel) = (nx * voxel, nx * ny * voxel, nx * ny * nz * voxel);
        Lines { voxel, row, slice, channel, all: channel * self.volume.channels() as u64 }
    }

    /// The voxels' bytes, if they can be written as they lie in memory.
    fn packed(&self) -> Option<&[u8]> {
        if self.voxels.encoding != Encoding::Copy {
            return None;
        }
        match self.voxels.dtype.bytes() {
            1 => self.volume.as_packed::<u8>(),
            2 => self.volume.as_packed::<u16>().map(bytemuck::cast_slice),
            3 => self.volume.as_packed::<[u8; 3]>().map(bytemuck::cast_slice),
            4 => self.volume.as_packed::<u32>().map(bytemuck::cast_slice),
            8 => self.volume.as_packed::<u64>().map(bytemuck::cast_slice),
            _ => self.volume.as_packed::<[u64; 2]>().map(bytemuck::cast_slice),
        }
    }
}

/// What became of all batches.
struct Summary {
    sizes: Vec<u32>,
    crc: crc32fast::Hasher,
    length: u64,
    max_error: f64,
}
