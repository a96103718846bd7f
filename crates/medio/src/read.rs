//! Voxels from a file: whole or by box, as stored or as values.

use std::sync::{Arc, Mutex, PoisonError};

use medcore::{Box3, DType, Scale, Volume, with_element};
use medkernels::buffer::Buffer;
use medkernels::convert::{decode_f32, decode_f32_rows, decode_f32_stream, decode_f64, swap_bytes};
use medkernels::float_env::FloatEnv;
use medkernels::threads::{PARALLEL_BYTES, for_each_mut, threads};

use crate::disk::Handle;
use crate::gzip::GzipStream;
use crate::nifti::ByteOrder;
use crate::open::{VolumeFile, reopen};
use crate::{Error, Result};

/// Bytes of voxels read and decoded in one go: they stay in the second cache.
const BLOCK: usize = 256 << 10;

/// From this many bytes of output on, values are stored past the caches.
const STREAMING: usize = 16 << 20;

impl VolumeFile {
    /// Reads a box of one channel, as stored but in native byte order, packed, x fastest, without the scale.
    ///
    /// A channel is one three-dimensional volume; the first axis after z counts fastest. Of a plain file only the slabs that the box
    /// touches are read; a gzip stream is decoded up to the box's end.
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
        let run = Runs { first: m.first_voxel, row: voxels, rows: 1, row_step: 0, slabs: 1, slab_step: 0 };
        self.read_runs(&run, out, target)
    }

    fn read_box<T: Target>(&self, channel: usize, b: &Box3, out: &mut [T::Item], target: &T) -> Result<()> {
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
        self.expect_len("output", out.len(), b.len() * target.per_voxel())?;
        if b.is_empty() {
            return Ok(());
        }
        let size = self.stored_dtype().bytes() as u64;
        let (line, plane) = (shape[0] as u64 * size, (shape[0] * shape[1]) as u64 * size);
        let channel_step = plane * shape[2] as u64;
        let start = channel as u64 * channel_step
            + b.start[2] as u64 * plane
            + b.start[1] as u64 * line
            + b.start[0] as u64 * size;
        let first = self.inner().meaning.first_voxel + start;
        let mut runs = Runs {
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
        self.read_runs(&runs, out, target)
    }

    fn expect_len(&self, what: &str, found: usize, expected: usize) -> Result<()> {
        if found == expected {
            return Ok(());
        }
        Err(Error::shape(self.path(), what, format!("{found} elements"), format!("{expected} elements")))
    }

    fn read_runs<T: Target>(&self, runs: &Runs, out: &mut [T::Item], target: &T) -> Result<()> {
        let file = reopen(self)?;
        let size = self.stored_dtype().bytes();
        if !self.compressed() {
            return runs.read_plain(&file, size, out, target);
        }
        let m = &self.inner().meaning;
        let all = m.first_voxel + m.voxel_bytes;
        let end = runs.end(size);
        #[cfg(feature = "libdeflate")]
        if let Some(stream) = crate::member::inflate_whole(&file, all, end)? {
            runs.read_memory(stream.as_bytes(), size, out, target);
            return Ok(());
        }
        let mut stream = GzipStream::new(&file, vec![]).ahead();
        runs.read_stream(&mut stream, size, out, target)?;
        if end == all { stream.finish() } else { Ok(()) }
    }
}

fn pair(scale: Option<Scale>) -> Option<(f64, f64)> {
    scale.map(|s| (s.slope, s.intercept))
}

/// Stretches of voxels in a file: `slabs` x `rows` rows of `row` voxels each.
struct Runs {
    /// Byte of the first voxel.
    first: u64,
    row: usize,
    rows: usize,
    /// Bytes from row to row.
    row_step: u64,
    slabs: usize,
    /// Bytes from slab to slab.
    slab_step: u64,
}

impl Runs {
    /// Bytes from a slab's first voxel to its last one's end.
    fn span(&self, size: usize) -> usize {
        (self.rows as u64 - 1) as usize * self.row_step as usize + self.row * size
    }

    /// One past the last byte.
    fn end(&self, size: usize) -> u64 {
        self.first + (self.slabs as u64 - 1) * self.slab_step + self.span(size) as u64
    }

    /// Decodes one slab's bytes into its place.
    fn decode_slab<T: Target>(&self, bytes: &[u8], size: usize, out: &mut [T::Item], target: &T) {
        let width = self.row * target.per_voxel();
        target.decode_rows(bytes, self.row_step as usize, self.row * size, width, out);
    }

    /// From a plain file: one stretch in blocks, or slab by slab; on two threads and more where that pays.
    fn read_plain<T: Target>(
        &self,
        file: &Handle,
        size: usize,
        out: &mut [T::Item],
        target: &T,
    ) -> Result<()> {
        let one = self.rows == 1 && self.slabs == 1;
        let voxels = if one { (BLOCK / size).max(1) } else { self.row * self.rows };
        let traffic = if one { self.row * size } else { self.span(size) * self.slabs };
        let mut parts: Vec<&mut [T::Item]> = out.chunks_mut(voxels * target.per_voxel()).collect();
        let read = |i: usize, part: &mut [T::Item], scratch: &mut Option<Buffer>| -> Result<()> {
            let n = part.len() / target.per_voxel();
            let at = self.first + if one { (i * voxels * size) as u64 } else { i as u64 * self.slab_step };
            if one && let Some(bytes) = target.direct(part) {
                file.read_exact_at(bytes, at)?;
                target.after_direct(part);
                return Ok(());
            }
            let span = if one { n * size } else { self.span(size) };
            let useful = self.row * self.rows * size;
            if !one && span / 16 > useful && self.row_step > (64 << 10) {
                // A few voxels of each long row: the rest is not worth reading.
                let scratch = room(scratch, self.row * size, file)?;
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
                self.decode_slab(scratch, size, part, target);
            }
            Ok(())
        };
        // Each byte is copied by the kernel and decoded by us: half the traffic pays for a second thread.
        if traffic < PARALLEL_BYTES / 2 || threads() < 2 || parts.len() < 2 {
            let mut scratch = None;
            return parts.iter_mut().enumerate().try_for_each(|(i, part)| read(i, part, &mut scratch));
        }
        // Groups of neighbouring parts, so that each thread takes its scratch memory a few times only.
        let group = parts.len().div_ceil(threads() * 8).max(1);
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
    fn read_stream<T: Target>(
        &self,
        stream: &mut GzipStream<'_>,
        size: usize,
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
            let voxels = (BLOCK / size).max(1);
            let mut scratch = vec![0; voxels.min(self.row) * size];
            for part in out.chunks_mut(voxels * target.per_voxel()) {
                let scratch = &mut scratch[..part.len() / target.per_voxel() * size];
                stream.read_exact(scratch)?;
                target.decode(scratch, part);
            }
            return Ok(());
        }
        let mut scratch = None;
        for (i, part) in out.chunks_mut(self.row * self.rows * target.per_voxel()).enumerate() {
            stream.skip_to(self.first + i as u64 * self.slab_step)?;
            let scratch = room(&mut scratch, self.span(size), stream.file())?;
            stream.read_exact(scratch)?;
            self.decode_slab(scratch, size, part, target);
        }
        Ok(())
    }

    /// From a stream that was decoded whole.
    #[cfg(feature = "libdeflate")]
    fn read_memory<T: Target>(&self, bytes: &[u8], size: usize, out: &mut [T::Item], target: &T) {
        let one = self.rows == 1 && self.slabs == 1;
        let voxels = if one { (BLOCK / size).max(1) } else { self.row * self.rows };
        let mut parts: Vec<&mut [T::Item]> = out.chunks_mut(voxels * target.per_voxel()).collect();
        let decode = |i: usize, part: &mut [T::Item]| {
            let n = part.len() / target.per_voxel();
            let step = if one { (voxels * size) as u64 } else { self.slab_step };
            let at = (self.first + i as u64 * step) as usize;
            if one {
                target.decode(&bytes[at..at + n * size], part);
            } else {
                self.decode_slab(&bytes[at..at + self.span(size)], size, part, target);
            }
        };
        if self.row * self.rows * self.slabs * size < PARALLEL_BYTES {
            parts.iter_mut().enumerate().for_each(|(i, part)| decode(i, part));
        } else {
            for_each_mut(&mut parts, |i, part| decode(i, part));
        }
    }
}

/// Scratch memory of `bytes` bytes, taken once and kept.
fn room<'a>(scratch: &'a mut Option<Buffer>, bytes: usize, file: &Handle) -> Result<&'a mut [u8]> {
    if scratch.as_ref().is_none_or(|b| b.len() < bytes) {
        let new = Buffer::for_overwrite(bytes)
            .map_err(|e| Error::limit(&file.path, "a slab (no memory)", e.bytes as u64, 0))?;
        *scratch = Some(new);
    }
    Ok(scratch.as_mut().map_or(&mut [], |b| &mut b.as_bytes_mut()[..bytes]))
}

/// What stored bytes become.
trait Target: Sync {
    /// An element of the output.
    type Item: Send;
    /// Elements for one voxel.
    fn per_voxel(&self) -> usize;
    /// Decodes packed voxels.
    fn decode(&self, raw: &[u8], out: &mut [Self::Item]);
    /// Decodes rows of `row` bytes that start `step` bytes apart; each becomes `width` elements.
    fn decode_rows(&self, raw: &[u8], step: usize, row: usize, width: usize, out: &mut [Self::Item]) {
        for (r, out) in out.chunks_exact_mut(width).enumerate() {
            self.decode(&raw[r * step..][..row], out);
        }
    }
    /// The output as bytes, if stored bytes can be read straight into it.
    fn direct<'a>(&self, _out: &'a mut [Self::Item]) -> Option<&'a mut [u8]> {
        None
    }
    /// What is left to do after a direct read.
    fn after_direct(&self, _out: &mut [Self::Item]) {}
}

/// As stored, in native byte order.
struct Raw {
    size: usize,
    /// Bytes of the unit to swap; 1 if there is nothing to swap.
    unit: usize,
}

impl Target for Raw {
    type Item = u8;

    fn per_voxel(&self) -> usize {
        self.size
    }

    fn decode(&self, raw: &[u8], out: &mut [u8]) {
        out.copy_from_slice(raw);
        swap_bytes(self.unit, out);
    }

    fn direct<'a>(&self, out: &'a mut [u8]) -> Option<&'a mut [u8]> {
        Some(out)
    }

    fn after_direct(&self, out: &mut [u8]) {
        swap_bytes(self.unit, out);
    }
}

/// float32 values.
struct ValuesF32 {
    dtype: DType,
    swap: bool,
    scale: Option<(f64, f64)>,
    stream: bool,
}

impl Target for ValuesF32 {
    type Item = f32;

    fn per_voxel(&self) -> usize {
        1
    }

    fn decode(&self, raw: &[u8], out: &mut [f32]) {
        with_element!(self.dtype, T => if self.stream {
            decode_f32_stream::<T>(raw, self.swap, self.scale, out);
        } else {
            decode_f32::<T>(raw, self.swap, self.scale, out);
        }, else => ());
    }

    fn decode_rows(&self, raw: &[u8], step: usize, row: usize, width: usize, out: &mut [f32]) {
        if self.stream {
            return out
                .chunks_exact_mut(width)
                .enumerate()
                .for_each(|(r, out)| self.decode(&raw[r * step..][..row], out));
        }
        with_element!(self.dtype, T => decode_f32_rows::<T>(raw, step, width, self.swap, self.scale, out), else => ());
    }

    fn direct<'a>(&self, out: &'a mut [f32]) -> Option<&'a mut [u8]> {
        (self.dtype == DType::F32 && self.scale.is_none()).then(|| bytemuck::cast_slice_mut(out))
    }

    fn after_direct(&self, out: &mut [f32]) {
        if self.swap {
            swap_bytes(4, bytemuck::cast_slice_mut(out));
        }
    }
}

/// float64 values.
struct ValuesF64 {
    dtype: DType,
    swap: bool,
    scale: Option<(f64, f64)>,
}

impl Target for ValuesF64 {
    type Item = f64;

    fn per_voxel(&self) -> usize {
        1
    }

    fn decode(&self, raw: &[u8], out: &mut [f64]) {
        with_element!(self.dtype, T => decode_f64::<T>(raw, self.swap, self.scale, out), else => ());
    }
}
