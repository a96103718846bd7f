//! Writing: header, extensions, voxels, in a file that appears whole or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use medcore::{DType, Meta, Volume};
use medkernels::float_env::FloatEnv;
use medkernels::threads::{for_each, threads};

use crate::atomic::{AtomicFile, remove_stale};
use crate::container::{for_writing, pair_for_writing};
use crate::deflate::{self, Deflater, Packed};
use crate::encode::{Block, Voxels};
use crate::nifti::{Layout, Version, header_for, serialise_extensions};
use crate::{Error, Result};

/// Stored bytes of a volume that are gathered, encoded and compressed in one go.
const BLOCK: usize = 1 << 20;

/// How voxels are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Storage {
    /// In the volume's own stored dtype, with its own scale: an untouched file comes out bit for bit. float16 and bfloat16,
    /// which the standard lacks, become float32.
    #[default]
    AsIs,
    /// As int16 with a slope and an intercept over the values' range: half the size of float32, open to every reader.
    /// [`SaveReport::max_error`] says what it costs (at most about 1/131000 of the range). NaN, infinities, labels and unscaled
    /// integers beyond int16 are refused; int16 voxels stay as they are.
    Int16,
    /// As float16 (bfloat16 stays) under the private NIfTI codes 16384 and 16385, which only this library and medrs read.
    Float16Private,
}

/// Which version of NIfTI to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nifti2 {
    /// NIfTI-1, unless a dimension is larger than 32767, the scale is no float32, or the volume came from a NIfTI-2 file.
    #[default]
    Auto,
    /// NIfTI-2.
    Always,
}

/// How a volume is written.
#[derive(Debug, Clone)]
pub struct SaveOptions {
    /// Compression of gzipped files, 0 (none) to 9 (smallest).
    pub level: u32,
    /// Threads for compression; `None`: as many as the library uses.
    pub threads: Option<usize>,
    /// How voxels are stored.
    pub storage: Storage,
    /// Cast to this dtype: rounded half to even, saturating; the largest difference is reported. NaN to integers is refused.
    pub dtype: Option<DType>,
    /// Take header fields and extensions from here instead of the volume's own metadata. Shape, affine, dtype and scale remain the volume's.
    pub like: Option<Arc<Meta>>,
    /// The voxels are labels: never quantised.
    pub label: bool,
    /// Wait until the disk has the file and its folder's entry.
    pub sync: bool,
    /// Version of NIfTI.
    pub nifti2: Nifti2,
    /// Grows by each voxel that was handed to the file (of all frames), for a progress bar.
    pub written: Option<Arc<AtomicU64>>,
}

impl SaveOptions {
    /// The default compression level.
    pub const DEFAULT_LEVEL: u32 = 3;
}

impl Default for SaveOptions {
    fn default() -> SaveOptions {
        SaveOptions {
            level: SaveOptions::DEFAULT_LEVEL,
            threads: None,
            storage: Storage::AsIs,
            dtype: None,
            like: None,
            label: false,
            sync: true,
            nifti2: Nifti2::Auto,
            written: None,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct SaveReport {
    /// The files: one, or header and voxels of a pair.
    pub paths: Vec<PathBuf>,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// The dtype of the stored voxels.
    pub dtype: DType,
    /// The NIfTI version.
    pub version: Version,
    /// The largest absolute difference between a value of the volume and the value that a reader will see; 0 unless the
    /// voxels were cast or quantised.
    pub max_error: f64,
}

/// Writes a volume. The name decides the container: `.nii`, `.nii.gz`, `.hdr` or `.img` (either writes both), `.hdr.gz`, `.img.gz`, in any case of
/// letters.
///
/// The file is written beside the target, synced, and renamed over it: there is the old file or the new one, never half of
/// one (of a pair, the voxels are put in place before the header). An untouched volume from a NIfTI file keeps every header field, unknown
/// bytes and extensions; what changed is derived: `dim`, `datatype`, `bitpix`, `vox_offset`, `magic`, the scale, and, if the
/// affine is another one, `pixdim`, sform and qform together (a sheared affine cannot be a qform: its code is then 0). Byte order is
/// the machine's.
///
/// # Errors
/// [`Error::Unsupported`] for a name that says no format, and for voxels that the options cannot store; [`Error::Param`] for options out of range;
/// [`Error::Io`] if the system refuses, such as for a full disk.
pub fn save(path: impl AsRef<Path>, volume: &Volume, options: &SaveOptions) -> Result<SaveReport> {
    let _env = FloatEnv::enter();
    let path = path.as_ref();
    let container = for_writing(path)?;
    if options.level > 9 {
        return Err(Error::param("level", options.level, "0 to 9"));
    }
    if options.threads == Some(0) {
        return Err(Error::param("threads", 0, "at least 1"));
    }
    let voxels = Voxels::plan(path, volume, options)?;
    let meta = options.like.as_ref().unwrap_or_else(|| volume.meta());
    let mut extensions = serialise_extensions(&meta.extensions, crate::nifti::ByteOrder::NATIVE);
    let header = header_for(
        path,
        meta,
        &Layout {
            dtype: voxels.dtype,
            scale: voxels.scale,
            shape: volume.grid().shape,
            extra: volume.extra(),
            affine: volume.grid().affine,
            single: !container.pair,
            nifti2: options.nifti2 == Nifti2::Always,
            extension_bytes: extensions.len(),
        },
    )?;
    let mut start = header.serialise();
    if container.pair && meta.extensions.is_empty() {
        extensions.clear();
    }
    start.append(&mut extensions);
    remove_stale(path);
    let mut report =
        SaveReport { paths: vec![], bytes: 0, dtype: voxels.dtype, version: header.version, max_error: 0.0 };
    if container.pair {
        let (header_path, voxel_path) = pair_for_writing(path)
            .ok_or_else(|| Error::unsupported(path, "this name", "end it in .hdr or .img"))?;
        let mut header_file = AtomicFile::create(&header_path)?;
        let mut voxel_file = AtomicFile::create(&voxel_path)?;
        let job = Job { path: &voxel_path, volume, voxels: &voxels, options };
        report.max_error = job.write(&mut voxel_file, &[], container.gzip)?;
        job.write_start(&mut header_file, &start, container.gzip)?;
        report.bytes = voxel_file.written() + header_file.written();
        voxel_file.commit(options.sync)?;
        header_file.commit(options.sync)?;
        report.paths = vec![header_path, voxel_path];
    } else {
        start.resize(header.vox_offset as usize, 0);
        let mut file = AtomicFile::create(path)?;
        let job = Job { path, volume, voxels: &voxels, options };
        report.max_error = job.write(&mut file, &start, container.gzip)?;
        report.bytes = file.written();
        file.commit(options.sync)?;
        report.paths = vec![path.into()];
    }
    Ok(report)
}

/// One volume on its way into one file.
struct Job<'a> {
    path: &'a Path,
    volume: &'a Volume,
    voxels: &'a Voxels,
    options: &'a SaveOptions,
}

/// Blocks that are done, written in order whatever order they are done in.
struct InOrder<'a> {
    file: &'a mut AtomicFile,
    next: usize,
    waiting: BTreeMap<usize, Packed>,
    crc: crc32fast::Hasher,
    length: u64,
    max_error: f64,
    failure: Option<Error>,
    job: &'a Job<'a>,
}

impl InOrder<'_> {
    fn put(&mut self, i: usize, block: Result<(Packed, f64)>) {
        match block {
            Ok((packed, error)) => {
                self.waiting.insert(i, packed);
                self.max_error = self.max_error.max(error);
            }
            Err(e) => self.fail(e),
        }
        while self.failure.is_none()
            && let Some(packed) = self.waiting.remove(&self.next)
        {
            self.next += 1;
            self.crc.combine(&packed.crc);
            self.length += packed.length;
            self.job.count(packed.length);
            if let Err(e) = self.file.write(&packed.bytes) {
                self.fail(e);
            }
        }
    }

    fn fail(&mut self, e: Error) {
        self.waiting.clear();
        self.failure.get_or_insert(e);
    }
}

impl Job<'_> {
    /// A file of nothing but `start`.
    fn write_start(&self, file: &mut AtomicFile, start: &[u8], gzip: bool) -> Result<()> {
        if !gzip {
            return file.write(start);
        }
        let packed = Deflater::new(self.options.level).pack(start);
        file.write(&deflate::HEADER)?;
        file.write(&packed.bytes)?;
        file.write(&deflate::trailer(packed.crc, packed.length))
    }

    /// Tells whoever watches that so many bytes of voxels are done.
    fn count(&self, bytes: u64) {
        if let Some(written) = &self.options.written {
            written.fetch_add(bytes / self.voxels.dtype.bytes() as u64, Ordering::Relaxed);
        }
    }

    /// `start` and the voxels; returns the largest error made in encoding.
    fn write(&self, file: &mut AtomicFile, start: &[u8], gzip: bool) -> Result<f64> {
        let blocks = Block::all(self.volume, BLOCK);
        if !gzip {
            file.write(start)?;
            let mut worst = 0.0f64;
            if let Some(bytes) = self.packed() {
                // Pieces, so that the file grows while the next part is fetched.
                bytes.chunks(8 << 20).try_for_each(|part| {
                    self.count(part.len() as u64);
                    file.write(part)
                })?;
                return Ok(0.0);
            }
            let mut bytes = Vec::new();
            for block in &blocks {
                worst = worst.max(self.voxels.block(self.path, self.volume, block, &mut bytes)?);
                file.write(&bytes)?;
                self.count(bytes.len() as u64);
            }
            return Ok(worst);
        }
        let deflater = Deflater::new(self.options.level);
        file.write(&deflate::HEADER)?;
        let first = deflater.pack(start);
        file.write(&first.bytes)?;
        let (crc, length) = (first.crc, first.length);
        let order = Mutex::new(InOrder {
            file,
            next: 0,
            waiting: BTreeMap::new(),
            crc,
            length,
            max_error: 0.0,
            failure: None,
            job: self,
        });
        let next = AtomicUsize::new(0);
        let workers = self.options.threads.unwrap_or_else(threads).clamp(1, blocks.len().max(1));
        let packed = self.packed();
        for_each(workers, |_| {
            let mut bytes = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(block) = blocks.get(i) else { break };
                let done = match packed {
                    Some(all) => Ok((deflater.pack(self.part_of(all, block)), 0.0)),
                    None => self
                        .voxels
                        .block(self.path, self.volume, block, &mut bytes)
                        .map(|error| (deflater.pack(&bytes), error)),
                };
                let mut order = order.lock().unwrap_or_else(PoisonError::into_inner);
                order.put(i, done);
                if order.failure.is_some() {
                    break;
                }
            }
        });
        let order = order.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(e) = order.failure {
            return Err(e);
        }
        order.file.write(&deflate::trailer(order.crc, order.length))?;
        Ok(order.max_error)
    }

    /// The voxels' bytes, if they can be written as they lie in memory.
    fn packed(&self) -> Option<&[u8]> {
        if self.voxels.encoding != crate::encode::Encoding::Copy {
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

    /// A block's part of all voxels' bytes.
    fn part_of<'a>(&self, all: &'a [u8], block: &Block) -> &'a [u8] {
        let size = self.voxels.dtype.bytes();
        let [nx, ny, _] = self.volume.grid().shape;
        let [_, y, z] = block.area.start;
        let at = (block.channel * self.volume.grid().len() + (z * ny + y) * nx) * size;
        &all[at..at + block.area.len() * size]
    }
}
