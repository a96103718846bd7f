//! Voxels from a file: whole or by box, as stored or as values.

use std::sync::Arc;
#[cfg(feature = "libdeflate")]
use std::sync::atomic::Ordering;

use medcore::{Box3, Lattice, Scale, Volume};
use medkernels::buffer::Buffer;
use medkernels::float_env::FloatEnv;
use medkernels::streamed::STREAMED_BYTES;

use crate::checkpoints;
use crate::disk::Handle;
use crate::file::{Packing, VolumeFile, reopen};
#[cfg(feature = "libdeflate")]
use crate::gzip::{Entered, beside, inflate_entered, inflate_prefix, inflate_whole, pay};
use crate::gzip::{GzipStream, Index, Key, Member, Members};
use crate::nifti::ByteOrder;
use crate::runs::Runs;
use crate::target::{Raw, Target, ValuesF32, ValuesF64};
use crate::{Error, Result};

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

    /// A box of all channels as a volume: voxels as stored, native byte order; scale and metadata attached. Where a gzip stream was decoded at once they lie among what was decoded to reach
    /// them, and are not copied.
    ///
    /// # Errors
    /// As [`VolumeFile::load`].
    pub fn load_box(&self, b: &Box3) -> Result<Volume> {
        let m = &self.inner().meaning;
        if self.channels() > 1 && *b == Box3::whole(m.grid.shape) {
            return self.load();
        }
        let grid = Lattice { offset: b.start.map(|v| v as i64), ..Lattice::IDENTITY }.grid(&m.grid, b.shape);
        let described = |v: Volume| v.with_meta(Arc::clone(self.meta())).with_scale(m.scale);
        let wrong = |e| Error::shape(self.path(), "volume", e, "a box");
        #[cfg(feature = "libdeflate")]
        if self.channels() == 1 && !b.is_empty() && !self.swapped() {
            let (file, runs) = (reopen(self)?, self.runs(0, b)?);
            let way = match self.way(&file, &runs)? {
                Way::Decoded(content, start) if start.is_multiple_of(runs.size) => {
                    let strides = [1, m.grid.shape[0], m.grid.shape[0] * m.grid.shape[1]].map(|n| n as isize);
                    let (extra, steps) = (m.extra().to_vec(), vec![0; m.extra().len()]);
                    let (content, offset) = (Arc::new(content), start / runs.size);
                    return Volume::strided(content, m.dtype, grid, offset, strides, extra, steps)
                        .map(described)
                        .map_err(wrong);
                }
                way => way,
            };
            let mut packed = self.buffer(b.len() * runs.size, "the box")?;
            self.read_by(way, &file, &runs, packed.as_bytes_mut(), &self.raw())?;
            return Volume::packed(Arc::new(packed), m.dtype, grid, m.extra().to_vec(), Arc::default())
                .map(described)
                .map_err(wrong);
        }
        let bytes = b.len() * m.dtype.bytes();
        let mut packed = self.buffer(bytes * self.channels(), "the box")?;
        for (channel, out) in packed.as_bytes_mut().chunks_mut(bytes.max(1)).enumerate() {
            self.read_raw(channel, b, out)?;
        }
        Volume::packed(Arc::new(packed), m.dtype, grid, m.extra().to_vec(), Arc::default())
            .map(described)
            .map_err(wrong)
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
        let stream = len * 4 >= STREAMED_BYTES;
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
        let way = self.way(&file, runs)?;
        self.read_by(way, &file, runs, out, target)
    }

    /// How voxels are reached; by libdeflate, they are.
    fn way(&self, file: &Handle, runs: &Runs) -> Result<Way> {
        let packing = self.inner().packing;
        if packing == Packing::Plain {
            return Ok(Way::Plain);
        }
        let (all, end) = (self.content_bytes(), runs.end());
        #[cfg(feature = "libdeflate")]
        if !pay(end)
            && let Some(content) = inflate_whole(file, all, runs.first, end, runs.bytes())?
        {
            return Ok(Way::Decoded(content, runs.first as usize));
        }
        if packing == Packing::Members
            && let Some(members) = self.members(file, runs.first, end, end == all)?
        {
            return Ok(Way::Members(members));
        }
        let part = runs.first > self.inner().meaning.first_voxel || end < all;
        let key = if part { checkpoints::key(self, file) } else { None };
        let known = key.map(|key| {
            let index = checkpoints::known(self, &key);
            (key, index)
        });
        #[cfg(feature = "libdeflate")]
        if part && let Some((content, start)) = self.decoded(file, runs, known.as_ref())? {
            return Ok(Way::Decoded(content, start));
        }
        Ok(Way::Stream(known))
    }

    /// Part of a stream, decoded at once up to where voxels end, and the byte of it at which they begin; `None` where a stream does better.
    #[cfg(feature = "libdeflate")]
    fn decoded(
        &self,
        file: &Handle,
        runs: &Runs,
        known: Option<&(Key, Index)>,
    ) -> Result<Option<(Buffer, usize)>> {
        let (all, first, end) = (self.content_bytes(), runs.first, runs.end());
        let prefix = || {
            if pay(end) {
                return Ok(None);
            }
            let content = inflate_prefix(file, &Index::default(), all, end)?;
            Ok(content.map(|content| (content, first as usize)))
        };
        let entered = |part: Entered| (part.content, part.skip + (first - part.position) as usize);
        let Some((_, index)) = known else {
            self.inner().visited.store(true, Ordering::Relaxed);
            return prefix();
        };
        if checkpoints::lasting(self) || !runs.at_once(index) {
            return Ok(None);
        }
        let spacing = checkpoints::spacing(self);
        if !index.grows_before(end, spacing) {
            return Ok(inflate_entered(file, index, all, first, end)?.map(entered));
        }
        // There is no room for more checkpoints: a stream would be followed for nothing.
        if checkpoints::light(self) && !checkpoints::room(file) { prefix() } else { Ok(None) }
    }

    fn read_by<T: Target>(
        &self,
        way: Way,
        file: &Handle,
        runs: &Runs,
        out: &mut [T::Item],
        target: &T,
    ) -> Result<()> {
        let known = match way {
            Way::Plain => {
                if let Some(seal) = &self.inner().seal {
                    seal.check_runs(file, runs)?;
                }
                return runs.read_plain(file, out, target);
            }
            #[cfg(feature = "libdeflate")]
            Way::Decoded(content, start) => {
                runs.read_memory(&content.as_bytes()[start..], out, target);
                return Ok(());
            }
            Way::Members(members) => return runs.read_members(file, &members, out, target),
            Way::Stream(known) => known,
        };
        #[cfg(feature = "libdeflate")]
        if let Some(from) = self.scouted(runs, known.as_ref().map(|(_, index)| index)) {
            let mut done = Ok(());
            beside(file, from, |scouts| {
                let opened = || -> Result<_> {
                    Ok(GzipStream::new(file, vec![]).ahead()?.with_scouts(Arc::clone(&scouts)))
                };
                done = self.follow(opened, known, runs, out, target);
            });
            return done;
        }
        self.follow(|| GzipStream::new(file, vec![]).ahead(), known, runs, out, target)
    }

    /// The bit of a stream behind which scouts are to decode; `None` where they do not pay.
    #[cfg(feature = "libdeflate")]
    fn scouted(&self, runs: &Runs, index: Option<&Index>) -> Option<u64> {
        // An index file is made of the whole stream.
        let end =
            if index.is_some() && checkpoints::lasting(self) { self.content_bytes() } else { runs.end() };
        runs.unknown(index, end).filter(|&(_, bytes)| pay(bytes)).map(|(bit, _)| bit)
    }

    /// Voxels by the stream that holds them, and the checkpoints that are found on the way.
    fn follow<'f, T: Target>(
        &self,
        opened: impl Fn() -> Result<GzipStream<'f>> + Sync,
        known: Option<(Key, Index)>,
        runs: &Runs,
        out: &mut [T::Item],
        target: &T,
    ) -> Result<()> {
        let (key, index) = known.unzip();
        let mut stream = runs.read_spans(opened, index, checkpoints::spacing(self), out, target)?;
        if runs.end() == self.content_bytes() {
            stream.finish()?;
        }
        key.map_or(Ok(()), |key| checkpoints::keep_found(self, key, stream))
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

/// How the voxels of a region are reached.
enum Way {
    /// As they lie in the file.
    Plain,
    /// They have been decoded: content, and where in it they begin.
    #[cfg(feature = "libdeflate")]
    Decoded(Buffer, usize),
    Members(Vec<Member>),
    /// A stream is followed, with checkpoints if there are to be any.
    Stream(Option<(Key, Index)>),
}

fn pair(scale: Option<Scale>) -> Option<(f64, f64)> {
    scale.map(|s| (s.slope, s.intercept))
}
