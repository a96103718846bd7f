//! Writing: header, extensions, voxels, in a file that appears whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use medcore::{DType, Meta, Volume};
use medkernels::float_env::FloatEnv;

use crate::atomic::{AtomicFile, remove_stale};
use crate::container::{for_writing, pair_for_writing};
use crate::encode::Voxels;
use crate::nifti::{Layout, Version, header_for, serialise_extensions};
use crate::write::Job;
use crate::{Error, Level, Result};

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

/// How gzipped voxels are divided. Every gzip reader opens all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gzip {
    /// Into members of about this many bytes of voxels each, whole rows of one slice or whole slices, each with its size in the extra
    /// field and with an index at the file's end: regions are read by themselves, and the whole by several threads. Small members
    /// make small regions cheap, large ones make smaller files. See `crates/medio/docs/block-gzip.md`.
    Blocks(u32),
    /// Into members as the BGZF format has them (SAM specification, section 4.1), at most 65280 bytes of content each, for `bgzip` and its kin.
    /// There is no index: the first reader of a region visits every member's header up to there.
    Bgzf,
    /// Not at all: one member, read from its start only.
    Single,
}

impl Gzip {
    /// The size of [`Gzip::Blocks`] unless asked otherwise, in bytes.
    pub const DEFAULT_BLOCK: u32 = 64 << 10;

    /// The largest size of [`Gzip::Blocks`], in bytes.
    const MOST: u32 = 1 << 30;
}

impl Default for Gzip {
    fn default() -> Gzip {
        Gzip::Blocks(Gzip::DEFAULT_BLOCK)
    }
}

/// How a volume is written.
#[derive(Debug, Clone)]
pub struct SaveOptions {
    /// Compression of gzipped files.
    pub level: Level,
    /// How gzipped voxels are divided.
    pub gzip: Gzip,
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
    /// Wait until the disk has the file (`fsync`, before it gets its name) and its folder's entry (`fsync` of the folder, after).
    pub sync: bool,
    /// Version of NIfTI.
    pub nifti2: Nifti2,
    /// Checksums and this note are put behind the voxels of a plain file, which readers pass over; [`crate::seal::open`] looks at them.
    pub seal: Option<Arc<[u8]>>,
    /// Grows by each voxel that was handed to the file (of all frames), for a progress bar.
    pub written: Option<Arc<AtomicU64>>,
}

impl Default for SaveOptions {
    fn default() -> SaveOptions {
        SaveOptions {
            level: Level::default(),
            gzip: Gzip::default(),
            threads: None,
            storage: Storage::AsIs,
            dtype: None,
            like: None,
            label: false,
            sync: true,
            nifti2: Nifti2::Auto,
            seal: None,
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
/// # What survives
/// A killed process never leaves half a file, whatever the options. A power cut or a crash of the system does not either with [`SaveOptions::sync`], which is the
/// default: the file's content is on the disk before it gets its name, and the folder's entry before this returns. Without it the system
/// may put the name on the disk first, and an empty or partial file under it. On any error the temporary file is removed.
///
/// # Errors
/// [`Error::Unsupported`] for a name that says no format, and for voxels that the options cannot store; [`Error::Param`] for options out of range;
/// [`Error::Io`] if the system refuses, such as for a full disk.
pub fn save(path: impl AsRef<Path>, volume: &Volume, options: &SaveOptions) -> Result<SaveReport> {
    let _env = FloatEnv::enter();
    let path = path.as_ref();
    let container = for_writing(path)?;
    if options.threads == Some(0) {
        return Err(Error::param("threads", 0, "at least 1"));
    }
    if let Gzip::Blocks(bytes) = options.gzip
        && !(1..=Gzip::MOST).contains(&bytes)
    {
        return Err(Error::param(
            "gzip",
            format!("blocks of {bytes} bytes"),
            format!("blocks of 1 to {} bytes", Gzip::MOST),
        ));
    }
    if options.seal.is_some() && (container.pair || container.gzip) {
        return Err(Error::unsupported(path, "a seal in this kind of file", "end the name in .nii"));
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
        if options.seal.is_some() {
            file.seal_what_follows();
        }
        report.max_error = job.write(&mut file, &start, container.gzip)?;
        if let Some(note) = &options.seal {
            file.seal(note)?;
        }
        report.bytes = file.written();
        file.commit(options.sync)?;
        report.paths = vec![path.into()];
    }
    Ok(report)
}
