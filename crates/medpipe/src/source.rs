//! Where voxels come from.

use std::sync::Arc;

use medcore::{Box3, DType, Grid, ItemFacts, Meta, Role, Scale, Volume, with_element};
use medio::VolumeFile;
use medkernels::buffer::Buffer;
use medkernels::convert;

use crate::stack::Stack;
use crate::tile::{Tile, Want};
use crate::{Kept, Result, Shared};

/// The start of a chain.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file whose header has been read.
    File(VolumeFile),
    /// Voxels in memory.
    Memory(Volume),
    /// An entry of a cache, there or still to be made.
    Cached(Arc<Kept>),
    /// Several of these, as channels.
    Stack(Stack),
    /// Voxels that several patches of one visit share, made when the first needs them.
    Shared(Arc<Shared>),
}

impl Source {
    /// Grid.
    pub fn grid(&self) -> &Grid {
        match self {
            Source::File(f) => f.grid(),
            Source::Memory(v) => v.grid(),
            Source::Cached(k) => &k.facts().grid,
            Source::Stack(s) => s.grid(),
            Source::Shared(s) => s.grid(),
        }
    }

    /// Dtype of the values, scaling applied.
    pub fn dtype(&self) -> DType {
        match self {
            Source::File(f) => f.dtype(),
            Source::Memory(v) => v.dtype(),
            Source::Cached(k) => k.facts().dtype(),
            Source::Stack(s) => s.dtype(),
            Source::Shared(s) => s.dtype(),
        }
    }

    /// Dtype of the stored numbers.
    pub fn stored_dtype(&self) -> DType {
        match self {
            Source::File(f) => f.stored_dtype(),
            Source::Memory(v) => v.stored_dtype(),
            Source::Cached(k) => k.facts().stored,
            Source::Stack(s) => s.dtype(),
            Source::Shared(s) => s.stored_dtype(),
        }
    }

    /// Sizes of the axes after the third.
    pub fn extra(&self) -> &[usize] {
        match self {
            Source::File(f) => f.extra(),
            Source::Memory(v) => v.extra(),
            Source::Cached(k) => &k.facts().extra,
            Source::Stack(s) => s.extra(),
            Source::Shared(s) => s.extra(),
        }
    }

    /// Metadata.
    pub fn meta(&self) -> &Arc<Meta> {
        match self {
            Source::File(f) => f.meta(),
            Source::Memory(v) => v.meta(),
            Source::Cached(k) => k.meta(),
            Source::Stack(s) => s.meta(),
            Source::Shared(s) => s.meta(),
        }
    }

    /// The files whose voxels are read.
    pub fn files(&self) -> Vec<&VolumeFile> {
        match self {
            Source::File(f) => vec![f],
            Source::Memory(_) | Source::Cached(_) => vec![],
            Source::Stack(s) => s.parts().iter().flat_map(|p| p.source.files()).collect(),
            Source::Shared(s) => s.source().files(),
        }
    }

    /// Whether voxels lie in memory that others may hold too.
    pub fn shares_memory(&self) -> bool {
        match self {
            Source::Memory(_) | Source::Shared(_) => true,
            Source::File(_) | Source::Cached(_) => false,
            Source::Stack(s) => s.parts().iter().any(|p| p.source.shares_memory()),
        }
    }

    /// The facts of the source as an item.
    pub fn facts(&self, name: &str, role: Role) -> ItemFacts {
        ItemFacts {
            name: name.into(),
            role,
            dtype: self.dtype(),
            extra: self.extra().to_vec(),
            grid: *self.grid(),
        }
    }

    /// What is inflated to read a box of each of these channels, and whether that is everything because channel by channel would be more; `None` where
    /// nothing is.
    pub(crate) fn inflates(&self, channels: &[usize], b: &Box3) -> Result<Option<(u64, bool)>> {
        let f = match self {
            Source::File(f) => f,
            Source::Stack(s) => return s.inflates(channels, b),
            Source::Memory(_) | Source::Cached(_) | Source::Shared(_) => return Ok(None),
        };
        if !f.compressed() {
            return Ok(None);
        }
        let (parts, all) = (f.inflates(channels, b)?, f.content_bytes());
        // A quarter more is a fair price for not holding everything, and leaves checkpoints for the next visit.
        let whole = parts > all + all / 4;
        Ok(Some((if whole { all } else { parts }, whole)))
    }

    /// Whether the same region costs more than a look at memory when it is read again.
    pub(crate) fn compressed(&self) -> bool {
        match self {
            Source::File(f) => f.compressed(),
            Source::Memory(_) | Source::Cached(_) | Source::Shared(_) => false,
            Source::Stack(s) => s.parts().iter().any(|p| p.source.compressed()),
        }
    }

    /// Bytes that one voxel takes in all channels, as stored.
    pub(crate) fn voxel_bytes(&self) -> usize {
        match self {
            Source::Stack(s) => s.voxel_bytes(),
            other => other.stored_dtype().bytes() * other.extra().iter().product::<usize>(),
        }
    }

    /// The scale of the stored numbers.
    pub(crate) fn scale(&self) -> Option<Scale> {
        match self {
            Source::File(f) => f.scale(),
            Source::Memory(v) => v.scale(),
            Source::Cached(k) => k.facts().scale,
            Source::Stack(_) => None,
            Source::Shared(s) => s.scale(),
        }
    }

    /// Whether values are the stored numbers.
    fn unscaled(&self) -> bool {
        self.scale().is_none()
    }

    /// All voxels as they are stored.
    pub(crate) fn load(&self) -> Result<Volume> {
        match self {
            Source::File(f) => Ok(f.load()?),
            Source::Memory(v) => Ok(v.clone()),
            Source::Cached(k) => k.with(|source| source.load()),
            Source::Stack(s) => s.on_voxels(&mut Stack::load),
            Source::Shared(s) => s.load(),
        }
    }

    /// A box of a channel's stored numbers, packed, x fastest.
    pub(crate) fn copy_box(&self, channel: usize, b: &Box3, out: &mut [u8]) -> Result<()> {
        match self {
            Source::File(f) => Ok(f.read_raw(channel, b, out)?),
            Source::Memory(v) => Ok(v.copy_box(channel, b, out)?),
            Source::Cached(k) => k.source()?.copy_box(channel, b, out),
            Source::Stack(s) => s.read(channel, b, Want::Stored, out),
            Source::Shared(s) => Ok(s.load()?.copy_box(channel, b, out)?),
        }
    }

    /// The same box of all channels, one after the other.
    pub(crate) fn copy_boxes(&self, b: &Box3, out: &mut [u8]) -> Result<()> {
        if let Source::Stack(s) = self {
            return s.read_each(b, Want::Stored, out);
        }
        let n = (b.len() * self.stored_dtype().bytes()).max(1);
        out.chunks_mut(n).enumerate().try_for_each(|(channel, out)| self.copy_box(channel, b, out))
    }

    /// A file or voxels in memory: of an entry of a cache, what there is, or what is made for it now.
    pub(crate) fn ready(&self) -> Result<Source> {
        match self {
            Source::Cached(k) => k.source(),
            Source::Shared(s) => Ok(Source::Memory(s.load()?)),
            ready => Ok(ready.clone()),
        }
    }

    /// A box of a channel without a copy, if memory holds it in the wanted form.
    pub(crate) fn view(&self, channel: usize, b: &Box3, want: Want) -> Option<Tile> {
        let v = match self {
            Source::Memory(v) => v,
            Source::Stack(s) => return s.view(channel, b, want),
            Source::File(_) | Source::Cached(_) | Source::Shared(_) => return None,
        };
        if !self.unscaled() || (want == Want::F32 && v.stored_dtype() != DType::F32) {
            return None;
        }
        let strides = v.strides();
        let start: isize = (0..3).map(|i| b.start[i] as isize * strides[i]).sum();
        let offset = (v.channel_offset(channel) as isize + start) as usize;
        let tile = Tile::shared(v.storage().clone(), v.stored_dtype(), offset, strides, b.shape);
        // A NumPy array may lie at an odd address; then it is copied.
        (v.stored_dtype() != DType::F32 || tile.aligned()).then_some(tile)
    }

    /// A box of a channel into a packed buffer, as float32 or as the dtype of the values.
    pub(crate) fn read(&self, channel: usize, b: &Box3, want: Want, out: &mut [u8]) -> Result<()> {
        let as_f32 = want == Want::F32 || !self.unscaled();
        match self {
            Source::File(f) if as_f32 && self.dtype().is_real() && self.dtype() != DType::F64 => {
                f.read_f32(channel, b, bytemuck::cast_slice_mut(out))?;
            }
            Source::File(f) if self.unscaled() && want == Want::Stored => f.read_raw(channel, b, out)?,
            Source::File(f) => {
                let mut raw =
                    Buffer::scratch(b.len() * f.stored_dtype().bytes()).map_err(medcore::Error::from)?;
                f.read_raw(channel, b, raw.as_bytes_mut())?;
                self.decode(raw.as_bytes(), want, out)?;
            }
            Source::Memory(v)
                if self.unscaled() && (want == Want::Stored || v.stored_dtype() == DType::F32) =>
            {
                v.copy_box(channel, b, out)?;
            }
            Source::Memory(v) => {
                if let Some(raw) = v.packed_box(channel, b).filter(|_| v.stored_dtype().is_real()) {
                    return self.decode(raw, want, out);
                }
                let mut raw =
                    Buffer::scratch(b.len() * v.stored_dtype().bytes()).map_err(medcore::Error::from)?;
                v.copy_box(channel, b, raw.as_bytes_mut())?;
                self.decode(raw.as_bytes(), want, out)?;
            }
            Source::Cached(_) | Source::Shared(_) => self.ready()?.read(channel, b, want, out)?,
            Source::Stack(s) => s.read(channel, b, want, out)?,
        }
        Ok(())
    }

    /// All channels into a packed buffer, in the source's own best way; as [`Source::read`].
    pub(crate) fn read_all(&self, want: Want, out: &mut [u8]) -> Result<()> {
        match self {
            Source::File(f) if want.dtype(self.dtype()) == DType::F32 && f.stored_dtype().is_real() => {
                Ok(f.read_all_f32(bytemuck::cast_slice_mut(out))?)
            }
            Source::File(f) if self.unscaled() && want == Want::Stored => Ok(f.read_all_raw(out)?),
            Source::Stack(s) => s.read_each(&Box3::whole(s.grid().shape), want, out),
            other => {
                let whole = Box3::whole(other.grid().shape);
                let n = (whole.len() * want.dtype(other.dtype()).bytes()).max(1);
                out.chunks_mut(n).enumerate().try_for_each(|(c, out)| other.read(c, &whole, want, out))
            }
        }
    }

    /// Stored native bytes to values.
    fn decode(&self, raw: &[u8], want: Want, out: &mut [u8]) -> Result<()> {
        let scale = self.scale().map(|s| (s.slope, s.intercept));
        let dtype = self.stored_dtype();
        match (dtype, scale, want) {
            (DType::C64, Some(scale), Want::Stored) => {
                let (raw, out) =
                    (bytemuck::cast_slice::<u8, f32>(raw), bytemuck::cast_slice_mut::<u8, f32>(out));
                let one = |v: f32, slope: f64, intercept: f64| (f64::from(v) * slope + intercept) as f32;
                scale_complex(raw, scale, one, out);
                return Ok(());
            }
            (DType::C128, Some(scale), Want::Stored) => {
                let (raw, out) =
                    (bytemuck::cast_slice::<u8, f64>(raw), bytemuck::cast_slice_mut::<u8, f64>(out));
                scale_complex(raw, scale, |v, slope, intercept| v * slope + intercept, out);
                return Ok(());
            }
            _ => {}
        }
        let double = want == Want::Stored && self.dtype() == DType::F64;
        with_element!(dtype, T => {
            if double {
                convert::decode_f64::<T>(raw, false, scale, bytemuck::cast_slice_mut(out));
            } else {
                convert::decode_f32::<T>(raw, false, scale, bytemuck::cast_slice_mut(out));
            }
            Ok(())
        }, else => Err(medcore::Error::not_numeric("arithmetic", dtype).into()))
    }
}

/// Complex numbers, scaled: both parts by the slope, the intercept to the real one.
fn scale_complex<T: Copy>(raw: &[T], scale: (f64, f64), one: impl Fn(T, f64, f64) -> T, out: &mut [T]) {
    for (out, raw) in out.as_chunks_mut::<2>().0.iter_mut().zip(raw.as_chunks::<2>().0) {
        *out = [one(raw[0], scale.0, scale.1), one(raw[1], scale.0, 0.0)];
    }
}
