//! Voxels on a grid.

use std::fmt;
use std::sync::Arc;

use medkernels::buffer::Buffer;
use medkernels::convert;
use medkernels::copy::copy_strided;

use crate::{DType, Error, Grid, Lattice, Meta, Result, with_element};

/// Bytes that somebody owns: a pooled buffer, a file's map, a NumPy array.
pub trait Storage: Send + Sync {
    /// The bytes, native byte order.
    fn bytes(&self) -> &[u8];

    /// The bytes, to be written; `None` where they belong to somebody else or to a file.
    fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        None
    }
}

impl Storage for Buffer {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        Some(self.as_bytes_mut())
    }
}

impl Storage for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        Some(self)
    }
}

/// How stored numbers become real ones: `stored * slope + intercept`, in f64, rounded once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Factor; finite and not 0.
    pub slope: f64,
    /// Summand; finite.
    pub intercept: f64,
}

/// An immutable volume: a shared buffer of voxels, how to walk it, and where it lies in the world.
///
/// Axes are (x, y, z) and then any frames or channels. Strides are in voxels and may be negative or zero, so that flips, crops and
/// permutations are views. The buffer is in native byte order; `scale` is not applied to it.
#[derive(Clone)]
pub struct Volume {
    storage: Arc<dyn Storage>,
    dtype: DType,
    scale: Option<Scale>,
    grid: Grid,
    extra: Vec<usize>,
    offset: usize,
    strides: [isize; 3],
    extra_strides: Vec<isize>,
    meta: Arc<Meta>,
}

impl Volume {
    /// A volume over a packed buffer, x fastest, then y, z and the extra axes.
    ///
    /// # Errors
    /// [`Error::Shape`] if the buffer does not have exactly the bytes of the shape.
    pub fn packed(
        storage: Arc<dyn Storage>,
        dtype: DType,
        grid: Grid,
        extra: Vec<usize>,
        meta: Arc<Meta>,
    ) -> Result<Volume> {
        let needed = byte_len(dtype, grid.shape, &extra)?;
        if storage.bytes().len() != needed {
            return Err(Error::shape(
                "voxel buffer",
                format!("{} bytes", storage.bytes().len()),
                format!("{needed} bytes for {:?} {dtype}", grid.shape),
            ));
        }
        let strides = packed_strides(grid.shape);
        let extra_strides = packed_extra(grid.len(), &extra);
        Ok(Volume { storage, dtype, scale: None, grid, extra, offset: 0, strides, extra_strides, meta })
    }

    /// A volume over a buffer walked by strides (in voxels).
    ///
    /// # Errors
    /// [`Error::Shape`] if a voxel would lie outside the buffer.
    pub fn strided(
        storage: Arc<dyn Storage>,
        dtype: DType,
        grid: Grid,
        offset: usize,
        strides: [isize; 3],
        extra: Vec<usize>,
        extra_strides: Vec<isize>,
    ) -> Result<Volume> {
        byte_len(dtype, grid.shape, &extra)?;
        let (mut low, mut high) = (offset as i128, offset as i128);
        let axes = grid.shape.iter().zip(&strides).chain(extra.iter().zip(&extra_strides));
        for (&n, &s) in axes {
            let reach = s as i128 * (n.max(1) as i128 - 1);
            low += reach.min(0);
            high += reach.max(0);
        }
        let held = (storage.bytes().len() / dtype.bytes()) as i128;
        let empty = grid.is_empty() || extra.contains(&0);
        if extra.len() != extra_strides.len() || (!empty && (low < 0 || high >= held)) {
            return Err(Error::shape(
                "strides",
                format!("voxels {low} to {high}"),
                format!("voxels 0 to {} of the buffer", held - 1),
            ));
        }
        Ok(Volume {
            storage,
            dtype,
            scale: None,
            grid,
            extra,
            offset,
            strides,
            extra_strides,
            meta: Arc::default(),
        })
    }

    /// A float32 volume from a slice, x fastest.
    ///
    /// # Errors
    /// [`Error::Shape`] if the slice's length is not the grid's.
    pub fn from_f32(grid: Grid, voxels: &[f32]) -> Result<Volume> {
        let mut buffer = Buffer::for_overwrite(size_of_val(voxels))?;
        buffer.as_mut_slice::<f32>().copy_from_slice(voxels);
        Volume::packed(Arc::new(buffer), DType::F32, grid, vec![], Arc::default())
    }

    /// The same volume with a scale, applied whenever values are asked for.
    pub fn with_scale(mut self, scale: Option<Scale>) -> Volume {
        self.scale = scale;
        self
    }

    /// The same voxels on another grid of the same shape.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes differ.
    pub fn with_grid(mut self, grid: Grid) -> Result<Volume> {
        if grid.shape != self.grid.shape {
            return Err(Error::shape("grid", format!("{:?}", grid.shape), format!("{:?}", self.grid.shape)));
        }
        self.grid = grid;
        Ok(self)
    }

    /// The same voxels with other metadata.
    pub fn with_meta(mut self, meta: Arc<Meta>) -> Volume {
        self.meta = meta;
        self
    }

    /// The same voxels with their axes of space in another order: axis `j` of the result is axis `axes[j]` of this
    /// volume. The affine follows, so that every voxel stays where it is in the world.
    ///
    /// # Errors
    /// [`Error::Shape`] if `axes` does not name each axis once.
    pub fn permuted(mut self, axes: [usize; 3]) -> Result<Volume> {
        if (0..3).any(|axis| !axes.contains(&axis)) {
            return Err(Error::shape("axes", format!("{axes:?}"), "0, 1 and 2, each once"));
        }
        let turn = Lattice { axes, ..Lattice::IDENTITY };
        self.grid = turn.grid(&self.grid, axes.map(|axis| self.grid.shape[axis]));
        self.strides = axes.map(|axis| self.strides[axis]);
        Ok(self)
    }

    /// One channel (first extra axis fastest) as a volume without extra axes, over the same buffer.
    ///
    /// # Panics
    /// If there is no such channel.
    #[must_use]
    pub fn channel(&self, channel: usize) -> Volume {
        assert!(channel < self.channels(), "channel {channel} of {}", self.channels());
        let offset = self.channel_offset(channel);
        Volume { offset, extra: vec![], extra_strides: vec![], ..self.clone() }
    }

    /// Some channels (first extra axis fastest) with axes of these sizes, over the same buffer; `None` where no strides reach them.
    #[must_use]
    pub fn with_channels(&self, channels: &[usize], extra: &[usize]) -> Option<Volume> {
        if channels.len() != extra.iter().product::<usize>() || channels.iter().any(|c| *c >= self.channels())
        {
            return None;
        }
        let at: Vec<isize> = channels.iter().map(|c| self.channel_offset(*c) as isize).collect();
        let first = *at.first()?;
        let mut step = 1;
        let mut strides = vec![];
        for &n in extra {
            strides.push(if n > 1 { at[step] - first } else { 0 });
            step *= n;
        }
        let out =
            Volume { offset: first as usize, extra: extra.to_vec(), extra_strides: strides, ..self.clone() };
        at.iter().enumerate().all(|(c, at)| out.channel_offset(c) as isize == *at).then_some(out)
    }

    /// Where the voxels lie.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The stored dtype.
    pub fn stored_dtype(&self) -> DType {
        self.dtype
    }

    /// The dtype of the values: the stored one, or float32 where a scale applies (float64 stays float64, complex stays complex).
    pub fn dtype(&self) -> DType {
        scaled_dtype(self.dtype, self.scale)
    }

    /// The scale, if the stored numbers have one.
    pub fn scale(&self) -> Option<Scale> {
        self.scale
    }

    /// Sizes of the axes after the third.
    pub fn extra(&self) -> &[usize] {
        &self.extra
    }

    /// Number of channels and frames together.
    pub fn channels(&self) -> usize {
        self.extra.iter().product()
    }

    /// Metadata.
    pub fn meta(&self) -> &Arc<Meta> {
        &self.meta
    }

    /// The buffer.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// The buffer, to be written, if this volume is its only owner and it can be written; `None` otherwise.
    pub fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        Arc::get_mut(&mut self.storage)?.bytes_mut()
    }

    /// Steps in voxels along x, y, z.
    pub fn strides(&self) -> [isize; 3] {
        self.strides
    }

    /// Steps in voxels along the axes after the third.
    pub fn extra_strides(&self) -> &[isize] {
        &self.extra_strides
    }

    /// Position in the buffer, in voxels, of voxel (0, 0, 0) of a channel (first extra axis fastest).
    pub fn channel_offset(&self, channel: usize) -> usize {
        let mut rest = channel;
        let mut at = self.offset as isize;
        for (&n, &s) in self.extra.iter().zip(&self.extra_strides) {
            at += (rest % n.max(1)) as isize * s;
            rest /= n.max(1);
        }
        at as usize
    }

    /// The voxels as one packed slice (x fastest, then y, z and extra axes), if they are stored so and `T` is their dtype's size.
    pub fn as_packed<T: bytemuck::Pod>(&self) -> Option<&[T]> {
        let packed = self.strides == packed_strides(self.grid.shape)
            && self.extra_strides == packed_extra(self.grid.len(), &self.extra);
        if !packed || size_of::<T>() != self.dtype.bytes() {
            return None;
        }
        let n = self.grid.len() * self.channels();
        let bytes =
            self.storage.bytes().get(self.offset * size_of::<T>()..(self.offset + n) * size_of::<T>())?;
        bytemuck::try_cast_slice(bytes).ok()
    }

    /// Copies a channel's stored voxels into a packed buffer, x fastest.
    ///
    /// # Errors
    /// [`Error::Shape`] if `out` does not have the channel's bytes.
    pub fn copy_channel(&self, channel: usize, out: &mut [u8]) -> Result<()> {
        self.copy_box(channel, &crate::Box3::whole(self.grid.shape), out)
    }

    /// Copies a box of a channel's stored voxels into a packed buffer, x fastest.
    ///
    /// # Errors
    /// [`Error::Shape`] if `out` does not have the box's bytes or the box leaves the volume.
    pub fn copy_box(&self, channel: usize, b: &crate::Box3, out: &mut [u8]) -> Result<()> {
        let inside = (0..3).all(|i| b.end()[i] <= self.grid.shape[i]) && channel < self.channels();
        if !inside || out.len() != b.len() * self.dtype.bytes() {
            return Err(Error::shape(
                "box",
                format!("{b:?}, {} bytes", out.len()),
                format!("inside {:?}", self.grid.shape),
            ));
        }
        if b.is_empty() {
            return Ok(());
        }
        let start: isize = (0..3).map(|i| b.start[i] as isize * self.strides[i]).sum();
        let from = (self.channel_offset(channel) as isize + start) as usize;
        copy_strided(
            out,
            packed_strides(b.shape),
            0,
            self.storage.bytes(),
            self.strides,
            from,
            b.shape,
            self.dtype.bytes(),
        );
        Ok(())
    }

    /// A box of a channel's stored voxels, if they lie packed in the buffer, x fastest.
    pub fn packed_box(&self, channel: usize, b: &crate::Box3) -> Option<&[u8]> {
        let inside = (0..3).all(|i| b.end()[i] <= self.grid.shape[i]) && channel < self.channels();
        let packed = packed_strides(b.shape);
        if !inside || (0..3).any(|i| b.shape[i] > 1 && self.strides[i] != packed[i]) {
            return None;
        }
        let first: isize = (0..3).map(|i| b.start[i] as isize * self.strides[i]).sum();
        let from = (self.channel_offset(channel) as isize + first) as usize * self.dtype.bytes();
        self.storage.bytes().get(from..from + b.len() * self.dtype.bytes())
    }

    /// All values as float32 in a packed buffer (x fastest, then y, z, extra axes), scale applied.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for complex and colour voxels, [`Error::Limit`] if there is no memory.
    pub fn to_f32(&self) -> Result<Vec<f32>> {
        let n = self.grid.len();
        let mut raw = vec![0u8; n * self.dtype.bytes()];
        let mut out = vec![0f32; n * self.channels()];
        for (c, chunk) in out.chunks_mut(n.max(1)).enumerate() {
            self.copy_channel(c, &mut raw)?;
            decode_f32(self.dtype, self.scale, &raw, chunk)?;
        }
        Ok(out)
    }
}

/// Stored native-order bytes to float32 values.
fn decode_f32(dtype: DType, scale: Option<Scale>, raw: &[u8], out: &mut [f32]) -> Result<()> {
    let pair = scale.map(|s| (s.slope, s.intercept));
    with_element!(dtype, T => { convert::decode_f32::<T>(raw, false, pair, out); Ok(()) },
        else => Err(Error::not_numeric("float32", dtype)))
}

/// The dtype of values: stored, or float32 if a scale applies to a real number narrower than float64.
pub(crate) fn scaled_dtype(dtype: DType, scale: Option<Scale>) -> DType {
    match (dtype, scale) {
        (d, Some(_)) if d.is_real() && d != DType::F64 => DType::F32,
        (d, _) => d,
    }
}

/// Strides of a packed box, x fastest.
fn packed_strides(shape: [usize; 3]) -> [isize; 3] {
    [1, shape[0] as isize, (shape[0] * shape[1]) as isize]
}

fn packed_extra(voxels: usize, extra: &[usize]) -> Vec<isize> {
    let mut step = voxels as isize;
    extra
        .iter()
        .map(|&n| {
            let s = step;
            step *= n as isize;
            s
        })
        .collect()
}

/// Bytes of a shape, checked.
fn byte_len(dtype: DType, shape: [usize; 3], extra: &[usize]) -> Result<usize> {
    shape
        .iter()
        .chain(extra)
        .try_fold(dtype.bytes(), |n, &d| n.checked_mul(d))
        .filter(|&n| isize::try_from(n).is_ok())
        .ok_or_else(|| Error::Limit {
            what: format!("a volume of {shape:?} x {extra:?} {dtype}"),
            asked: u64::MAX,
            allowed: isize::MAX as u64,
        })
}

impl fmt::Debug for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Volume({}, {}", self.dtype, self.grid)?;
        if !self.extra.is_empty() {
            write!(f, ", extra axes {:?}", self.extra)?;
        }
        f.write_str(")")
    }
}
