//! A volume file that was opened: what its header says, and how its voxels are reached.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use medcore::{Affine, DType, Grid, Meta, Scale};

use crate::Result;
use crate::checkpoints::Keep;
use crate::disk::{Counts, DiskFile, Handle, Identity};
use crate::gzip::{Members, Stated, division, is_gzip, stated_size};
use crate::nifti::{ByteOrder, Header, Meaning};
use crate::seal::Seal;

/// A volume file that was opened: its header, and the way to its voxels.
///
/// It holds no descriptor; each read opens the file anew and checks that it is still the same one. Clones share the header and
/// the counts of bytes read and members inflated.
#[derive(Clone)]
pub struct VolumeFile {
    inner: Arc<Inner>,
    keep: Keep,
}

pub(crate) struct Inner {
    pub(crate) path: PathBuf,
    /// The other file of a pair.
    pub(crate) header_file: Option<DiskFile>,
    pub(crate) voxels: DiskFile,
    pub(crate) packing: Packing,
    /// Where the voxel file's members lie, as far as somebody has asked.
    pub(crate) members: Mutex<Members>,
    pub(crate) header: Header,
    pub(crate) meaning: Meaning,
    pub(crate) meta: Arc<Meta>,
    pub(crate) format: &'static str,
    pub(crate) counts: Arc<Counts>,
    /// Whether a region has been read.
    pub(crate) visited: AtomicBool,
    /// Checksums behind the voxels, if they are to be looked at.
    pub(crate) seal: Option<Arc<Seal>>,
}

/// How the voxels lie in their file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As they are.
    Plain,
    /// In a gzip stream that must be read from its start.
    Stream,
    /// In gzip members of which the first says its size, and so perhaps all.
    Members,
}

impl Packing {
    /// What a file with these first bytes is.
    pub(crate) fn of(start: &[u8]) -> Packing {
        match (is_gzip(start), stated_size(start)) {
            (false, _) => Packing::Plain,
            (true, Stated::Size(_)) => Packing::Members,
            (true, _) => Packing::Stream,
        }
    }
}

/// How the gzip file with the voxels is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Division {
    /// One member, or several that do not say their sizes: read from its start.
    Stream,
    /// Members that say their sizes.
    Members,
    /// Members that say their sizes as BGZF has it (SAM specification, section 4.1).
    Bgzf,
    /// Members that say their sizes, and an index of them: [`crate::Gzip::Blocks`].
    Blocks,
}

impl fmt::Display for Division {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Division::Stream => "stream",
            Division::Members => "members",
            Division::Bgzf => "bgzf",
            Division::Blocks => "blocks",
        })
    }
}

impl VolumeFile {
    pub(crate) fn new(inner: Inner) -> VolumeFile {
        VolumeFile { inner: Arc::new(inner), keep: Keep::default() }
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The format: `nifti1`, `nifti2`, `nifti1 pair` or `nifti2 pair`.
    pub fn format(&self) -> &'static str {
        self.inner.format
    }

    /// Whether the voxels are gzipped.
    pub fn compressed(&self) -> bool {
        self.inner.packing != Packing::Plain
    }

    /// The same file, its checkpoints kept elsewhere: places inside a gzip stream, gathered while regions are read, at which
    /// later reads begin (see [`crate::checkpoints`]). They are kept in memory unless told otherwise; `false` is [`Keep::Off`].
    #[must_use]
    pub fn with_checkpoints(mut self, keep: impl Into<Keep>) -> VolumeFile {
        self.keep = keep.into();
        self
    }

    /// Where checkpoints are kept.
    pub fn checkpoints(&self) -> &Keep {
        &self.keep
    }

    /// Whether a region costs, at the first visit, what all before it costs: a gzip stream must be inflated from its start. Of a plain file, and of a
    /// gzip file whose members say their sizes (such as [`crate::save`] writes), a region is read by itself.
    pub fn sequential(&self) -> bool {
        self.inner.packing == Packing::Stream
    }

    /// How the gzip file with the voxels is divided; `None` if it is not gzipped.
    ///
    /// # Errors
    /// [`crate::Error::Io`] and [`crate::Error::Changed`].
    pub fn division(&self) -> Result<Option<Division>> {
        Ok(match self.inner.packing {
            Packing::Plain => None,
            Packing::Stream => Some(Division::Stream),
            Packing::Members => Some(division(&reopen(self)?)?),
        })
    }

    /// Byte order of header and voxels.
    pub fn byte_order(&self) -> ByteOrder {
        self.inner.header.order
    }

    /// Shape (x, y, z; 1 where the file has fewer axes) and affine to RAS+.
    ///
    /// The affine is the sform if its code is above 0, else the qform if its code is, else made of the voxel sizes with the origin
    /// in the centre and x to the left: nibabel's rule, and its numbers. They are millimetres unless [`Meta::space_unit`] says
    /// otherwise; they are not converted.
    pub fn grid(&self) -> &Grid {
        &self.inner.meaning.grid
    }

    /// Lengths of the axes as in the header: one to seven, x first.
    pub fn shape(&self) -> Vec<usize> {
        self.inner.meaning.shape.clone()
    }

    /// Lengths of the axes after the third.
    pub fn extra(&self) -> &[usize] {
        self.inner.meaning.extra()
    }

    /// Number of three-dimensional volumes: the product of [`VolumeFile::extra`].
    pub fn channels(&self) -> usize {
        self.extra().iter().product()
    }

    /// The dtype of the stored voxels.
    pub fn stored_dtype(&self) -> DType {
        self.inner.meaning.dtype
    }

    /// The dtype of the values: the stored one, or float32 where a scale applies (float64 stays float64, complex stays complex).
    pub fn dtype(&self) -> DType {
        match (self.stored_dtype(), self.scale()) {
            (d, Some(_)) if d.is_real() && d != DType::F64 => DType::F32,
            (d, _) => d,
        }
    }

    /// The scale, if the stored numbers have one. A slope that is 0, NaN or infinite means none, as in nibabel.
    pub fn scale(&self) -> Option<Scale> {
        self.inner.meaning.scale
    }

    /// Metadata: units, steps, intent, both placements, extensions, original header, warnings.
    pub fn meta(&self) -> &Arc<Meta> {
        &self.inner.meta
    }

    /// The header, every field as stored.
    pub fn header(&self) -> &Header {
        &self.inner.header
    }

    /// What makes the file that holds the voxels the same file; checked again at each read.
    pub fn identity(&self) -> Identity {
        self.inner.voxels.identity.clone()
    }

    /// Bytes read from disk so far, through this and all clones of it.
    pub fn bytes_read(&self) -> u64 {
        self.inner.counts.bytes.load(Ordering::Relaxed)
    }

    /// gzip members that were inflated so far, wholly or in part, through this and all clones of it; the header's counts.
    pub fn members_inflated(&self) -> u64 {
        self.inner.counts.members.load(Ordering::Relaxed)
    }

    /// Bytes of content that were inflated so far, through this and all clones of it; the header's count.
    pub fn bytes_inflated(&self) -> u64 {
        self.inner.counts.inflated.load(Ordering::Relaxed)
    }

    /// The same file on an affine of its own, with metadata of its own, such as are known more exactly than a header can say.
    #[must_use]
    pub fn described(self, affine: Affine, meta: Arc<Meta>) -> VolumeFile {
        self.rebuilt(|inner| {
            inner.meaning.grid.affine = affine;
            inner.meta = meta;
        })
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// The same file, changed in what is known of it; clones keep what they know.
    pub(crate) fn rebuilt(self, change: impl FnOnce(&mut Inner)) -> VolumeFile {
        let mut inner = Arc::try_unwrap(self.inner).unwrap_or_else(|shared| Inner {
            path: shared.path.clone(),
            header_file: shared.header_file.clone(),
            voxels: shared.voxels.clone(),
            packing: shared.packing,
            members: Mutex::default(),
            header: shared.header.clone(),
            meaning: shared.meaning.clone(),
            meta: shared.meta.clone(),
            format: shared.format,
            counts: shared.counts.clone(),
            visited: AtomicBool::default(),
            seal: shared.seal.clone(),
        });
        change(&mut inner);
        VolumeFile { inner: Arc::new(inner), ..self }
    }
}

impl fmt::Debug for VolumeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gzip = if self.compressed() { ", gzip" } else { "" };
        write!(
            f,
            "VolumeFile({}: {}{gzip}, {:?} {})",
            self.path().display(),
            self.format(),
            self.shape(),
            self.stored_dtype()
        )
    }
}

/// Opens the voxels' file for a read.
pub(crate) fn reopen(file: &VolumeFile) -> Result<Handle> {
    if let Some(header) = &file.inner.header_file {
        header.check()?;
    }
    file.inner.voxels.reopen()
}
