//! Voxels from a file: whole or by box, as stored or as values.

use std::sync::Arc;

use medcore::{Box3, Scale, Volume};
use medkernels::buffer::Buffer;
use medkernels::float_env::FloatEnv;

use crate::checkpoints;
use crate::disk::Handle;
use crate::file::{Packing, VolumeFile, reopen};
#[cfg(feature = "libdeflate")]
use crate::gzip::Index;
use crate::gzip::{Member, Members, spacing};
use crate::nifti::ByteOrder;
use crate::runs::Runs;
use crate::target::{Raw, Target, ValuesF32, ValuesF64};
use crate::{Error, Result};

/// From this many bytes of output on, values are stored past the caches.
const STREAMING: usize = 16 << 20;

impl VolumeFile {
    /// Reads a box of one channel, as stored but in native byte order, packed, x fastest, without the scale.
    ///
    /// A channel is one three-dimensional volume; the first axis after z counts fastest. Of a plain file only the slabs that the box
    /// touches are read, of gzip members that say their sizes only those that it touches; any other gzip stream is decoded up to the box's end,
    /// from the last checkpoint before the box if one is known.
    ///
    /// # Errors
    /// [`Error::Shape`] if the box leaves the volume or `out` has not exactly its bytes; [`Error::Changed`], [`Error::Io`],
    /// [`Error::Format`] as the file gives cause.
    pub fn read_raw(&self, channel: usize, b: &Box3, out: &mut [u8]) -> Result<()> {
        self.read_box(channel, b, out, &self.raw())
    }

    /// Reads a box of one channel as float32 values, packed, x fastest: `f64(stored) * slope + intercept`, rounded once.
    ///
    /// # Errors
    /// As [`VolumeFile::read_raw`], and [`Error::Unsupported`] for complex and colour voxels.
    pub fn read_f32(&self, channel: usize, b: &Box3, out: &mut [f32]) -> Result<()> {
        let _env = FloatEnv::enter();
        self.real("float32")?;
        self.read_box(channel, b, out, &self.values_f32(out.len()))
    }

    /// Reads a box of one channel as float64 values, packed, x fastest: `f64(stored) * slope + intercept`.
    ///
    /// # Errors
    /// As [`VolumeFile::read_f32`].
    pub fn read_f64(&self, channel: usize, b: &Box3, out: &mut [f64]) -> Result<()> {
        let _env = FloatEnv::enter();
        self.real("float64")?;
        self.read_box(channel, b, out, &self.values_f64())
    }

    /// Reads all voxels of all channels as stored, in native byte order, in the file's order.
    ///
    /// # Errors
    /// As [`VolumeFile::read_raw`].
    pub fn read_all_raw(&self, out: &mut [u8]) -> Result<()> {
        self.read_everything(out, &self.raw())
    }

    /// Reads all voxels of all channels as float32 values, in the file's order.
    ///
    /// # Errors
    /// As [`VolumeFile::read_f32`].
    pub fn read_all_f32(&self, out: &mut [f32]) -> Result<()> {
        let _env = FloatEnv::enter();
        self.real("float32")?;
        self.read_everything(out, &self.values_f32(out.len()))
    }

    /// Reads all voxels of all channels as float64 values, in the file's order.
    ///
    /// # Errors
    /// As [`VolumeFile::read_f32`].
    pub fn read_all_f64(&self, out: &mut [f64]) -> Result<()> {
        let _env = FloatEnv::enter();
        self.real("float64")?;
        self.read_everything(out, &self.values_f64())
    }

    /// The whole file as a volume: voxels as stored, native byte order, packed; scale and metadata attached.
    ///
    /// # Errors
    /// As [`VolumeFile::read_raw`], and [`Error::Limit`] if there is no memory.
    pub fn load(&self) -> Result<Volume> {
        let m = &self.inner().meaning;
        let bytes = usize::try_from(m.voxel_bytes).unwrap_or(usize::MAX);
        let mut buffer = self.buffer(bytes, "the volume")?;
        self.read_all_raw(buffer.as_bytes_mut())?;
        Volume::packed(Arc::new(buffer), m.dtype, m.grid, m.extra().to_vec(), Arc::clone(self.meta()))
            .map(|v| v.with_scale(m.scale))
            .map_err(|e| Error::shape(self.path(), "volume", e, "a packed buffer"))
    }

    fn buffer(&self, bytes: usize, what: &str) -> Result<Buffer> {
        Buffer::for_overwrite(bytes)
            .map_err(|e| Error::limit(self.path(), format!("{what} (no memory)"), e.bytes as u64, 0))
    }

    fn real(&self, what: &str) -> Result<()> {
        let dtype = self.stored_dtype();
        if dtype.is_real() {
            return Ok(());
        }
        let hint = "read such voxels as stored, and take a real component";
        Err(Error::unsupported(self.path(), format!("reading {dtype} voxels as {what}"), hint))
    }

    fn swapped(&self) -> bool {
        self.byte_order() != ByteOrder::NATIVE
    }

    fn raw(&self) -> Raw {
        let dtype = self.stored_dtype();
        Raw { size: dtype.bytes(), unit: if self.swapped() { dtype.swap_unit() } else { 1 } }
    }

    fn values_f32(&self, len: usize) -> ValuesF32 {
        let stream = len * 4 >= STREAMING;
        ValuesF32 { dtype: self.stored_dtype(), swap: self.swapped(), scale: pair(self.scale()), stream }
    }

    fn values_f64(&self) -> ValuesF64 {
        ValuesF64 { dtype: self.stored_dtype(), swap: self.swapped(), scale: pair(self.scale()) }
    }

    fn read_everything<T: Target>(&self, out: &mut [T::Item], target: &T) -> Result<()> {
        let m = &self.inner().meaning;
        let voxels = m.shape.iter().product::<usize>();
        self.expect_len("output", out.len(), voxels * target.per_voxel())?;
        let size = self.stored_dtype().bytes();
        let run =
            Runs { size, first: m.first_voxel, row: voxels, rows: 1, row_step: 0, slabs: 1, slab_step: 0 };
        self.read_runs(&run, out, target)
    }

    fn read_box<T: Target>(&self, channel: usize, b: &Box3, out: &mut [T::Item], target: &T) -> Result<()> {
        let runs = self.runs(channel, b)?;
        self.expect_len("output", out.len(), b.len() * target.per_voxel())?;
        if b.is_empty() {
            return Ok(());
        }
        self.read_runs(&runs, out, target)
    }

    /// Where the voxels of a box of a channel lie.
    pub(crate) fn runs(&self, channel: usize, b: &Box3) -> Result<Runs> {
        let shape = self.grid().shape;
        let inside = (0..3).all(|i| b.start[i].checked_add(b.shape[i]).is_some_and(|end| end <= shape[i]));
        if !inside || channel >= self.channels() {
            return Err(Error::shape(
                self.path(),
                "box",
                format!("channel {channel}, start {:?}, shape {:?}", b.start, b.shape),
                format!("inside {} channels of {shape:?}", self.channels()),
            ));
        }
        let voxel = self.stored_dtype().bytes();
        let size = voxel as u64;
        let (line, plane) = (shape[0] as u64 * size, (shape[0] * shape[1]) as u64 * size);
        let channel_step = plane * shape[2] as u64;
        let start = channel as u64 * channel_step
            + b.start[2] as u64 * plane
            + b.start[1] as u64 * line
            + b.start[0] as u64 * size;
        let first = self.inner().meaning.first_voxel + start;
        let mut runs = Runs {
            size: voxel,
            first,
            row: b.shape[0],
            rows: b.shape[1],
            row_step: line,
            slabs: b.shape[2],
            slab_step: plane,
        };
        // Rows and slabs that lie end to end are one.
        if runs.rows == 1 || runs.row as u64 * size == line {
            runs.row *= runs.rows;
            runs.rows = 1;
            if runs.slabs == 1 || runs.row as u64 * size == plane {
                runs.row *= runs.slabs;
                runs.slabs = 1;
            }
        }
        Ok(runs)
    }

    fn expect_len(&self, what: &str, found: usize, expected: usize) -> Result<()> {
        if found == expected {
            return Ok(());
        }
        Err(Error::shape(self.path(), what, format!("{found} elements"), format!("{expected} elements")))
    }

    fn read_runs<T: Target>(&self, runs: &Runs, out: &mut [T::Item], target: &T) -> Result<()> {
        let file = reopen(self)?;
        let packing = self.inner().packing;
        if packing == Packing::Plain {
            if let Some(seal) = &self.inner().seal {
                seal.check_runs(&file, runs)?;
            }
            return runs.read_plain(&file, out, target);
        }
        let first_voxel = self.inner().meaning.first_voxel;
        let (all, end) = (self.content_bytes(), runs.end());
        #[cfg(feature = "libdeflate")]
        if let Some(stream) = crate::gzip::inflate_whole(&file, all, runs.first, end, runs.bytes())? {
            runs.read_memory(stream.as_bytes(), out, target);
            return Ok(());
        }
        if packing == Packing::Members
            && let Some(members) = self.members(&file, runs.first, end, end == all)?
        {
            return runs.read_members(&file, &members, out, target);
        }
        let part = runs.first > first_voxel || end < all;
        let key = if part { checkpoints::key(self, &file) } else { None };
        #[cfg(feature = "libdeflate")]
        if part
            && key.is_none()
            && let Some(prefix) = crate::gzip::inflate_prefix(&file, &Index::default(), all, end)?
        {
            runs.read_memory(prefix.as_bytes(), out, target);
            return Ok(());
        }
        let index = key.as_ref().map(|key| checkpoints::known(self, key));
        #[cfg(feature = "libdeflate")]
        if let Some(index) = &index
            && !checkpoints::lasting(self)
            && !index.grows_before(end, spacing(all))
            && runs.at_once(index)
        {
            let entered = crate::gzip::inflate_entered(&file, index, all, runs.first, end)?;
            if let Some(part) = entered {
                let runs = Runs { first: runs.first - part.position, ..runs.clone() };
                runs.read_memory(&part.content.as_bytes()[part.skip..], out, target);
                return Ok(());
            }
        }
        let mut stream = runs.read_spans(&file, index, spacing(all), out, target)?;
        if end == all {
            stream.finish()?;
        }
        key.map_or(Ok(()), |key| checkpoints::keep(self, key, stream))
    }

    /// The members that hold the content from byte `from` to byte `end`; `None` if it is to be had as a stream only.
    pub(crate) fn members(
        &self,
        file: &Handle,
        from: u64,
        end: u64,
        to_the_end: bool,
    ) -> Result<Option<Vec<Member>>> {
        let mut own = Members::default();
        // Whoever is not the first to ask looks for himself: waiting might be for a thread that a fork has left behind.
        let mut shared = self.inner().members.try_lock().ok();
        let known = shared.as_deref_mut().unwrap_or(&mut own);
        let members = known.over(file, from, end)?;
        if to_the_end && members.is_some() {
            known.finish(file)?;
        }
        Ok(members)
    }
}

fn pair(scale: Option<Scale>) -> Option<(f64, f64)> {
    scale.map(|s| (s.slope, s.intercept))
}
