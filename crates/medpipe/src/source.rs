//! Where voxels come from.

use std::sync::Arc;

use medcore::{Box3, DType, Grid, ItemFacts, Meta, Role, Scale, Volume, with_element};
use medio::VolumeFile;
use medkernels::buffer::Buffer;
use medkernels::convert;

use crate::tile::{Tile, Want};
use crate::{Kept, Result};

/// The start of a chain.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file whose header has been read.
    File(VolumeFile),
    /// Voxels in memory.
    Memory(Volume),
    /// An entry of a cache, there or still to be made.
    Cached(Arc<Kept>),
}

impl Source {
    /// Grid.
    pub fn grid(&self) -> &Grid {
        match self {
            Source::File(f) => f.grid(),
            Source::Memory(v) => v.grid(),
            Source::Cached(k) => &k.facts().grid,
        }
    }

    /// Dtype of the values, scaling applied.
    pub fn dtype(&self) -> DType {
        match self {
            Source::File(f) => f.dtype(),
            Source::Memory(v) => v.dtype(),
            Source::Cached(k) => k.facts().dtype(),
        }
    }

    /// Dtype of the stored numbers.
    pub fn stored_dtype(&self) -> DType {
        match self {
            Source::File(f) => f.stored_dtype(),
            Source::Memory(v) => v.stored_dtype(),
            Source::Cached(k) => k.facts().stored,
        }
    }

    /// Sizes of the axes after the third.
    pub fn extra(&self) -> &[usize] {
        match self {
            Source::File(f) => f.extra(),
            Source::Memory(v) => v.extra(),
            Source::Cached(k) => &k.facts().extra,
        }
    }

    /// Metadata.
    pub fn meta(&self) -> &Arc<Meta> {
        match self {
            Source::File(f) => f.meta(),
            Source::Memory(v) => v.meta(),
            Source::Cached(k) => k.meta(),
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
        let Source::File(f) = self else { return Ok(None) };
        if !f.compressed() {
            return Ok(None);
        }
        let (parts, all) = (f.inflates(channels, b)?, f.content_bytes());
        // A quarter more is a fair price for not holding everything, and leaves checkpoints for the next visit.
        let whole = parts > all + all / 4;
        Ok(Some((if whole { all } else { parts }, whole)))
    }

    /// Whether a region costs about as much as the whole, so that several are better cut out of the whole in memory.
    pub(crate) fn sequential(&self) -> bool {
        match self {
            Source::File(f) => f.sequential(),
            Source::Memory(_) => false,
            Source::Cached(k) => k.too_large(),
        }
    }

    /// Whether the same region costs more than a look at memory when it is read again.
    pub(crate) fn compressed(&self) -> bool {
        matches!(self, Source::File(f) if f.compressed())
    }

    /// The scale of the stored numbers.
    pub(crate) fn scale(&self) -> Option<Scale> {
        match self {
            Source::File(f) => f.scale(),
            Source::Memory(v) => v.scale(),
            Source::Cached(k) => k.facts().scale,
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
        }
    }

    /// A channel's stored numbers, packed, x fastest.
    pub(crate) fn copy_channel(&self, channel: usize, out: &mut [u8]) -> Result<()> {
        match self {
            Source::File(f) => Ok(f.read_raw(channel, &Box3::whole(f.grid().shape), out)?),
            Source::Memory(v) => Ok(v.copy_channel(channel, out)?),
            Source::Cached(k) => k.source()?.copy_channel(channel, out),
        }
    }

    /// A file or voxels in memory: of an entry of a cache, what there is, or what is made for it now.
    pub(crate) fn ready(&self) -> Result<Source> {
        match self {
            Source::Cached(k) => k.source(),
            ready => Ok(ready.clone()),
        }
    }

    /// A box of a channel without a copy, if memory holds it in the wanted form.
    pub(crate) fn view(&self, channel: usize, b: &Box3, want: Want) -> Option<Tile> {
        let Source::Memory(v) = self else { return None };
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
                let mut raw = Buffer::for_overwrite(b.len() * f.stored_dtype().bytes())
                    .map_err(medcore::Error::from)?;
                f.read_raw(channel, b, raw.as_bytes_mut())?;
                self.decode(raw.as_bytes(), want, out)?;
            }
            Source::Memory(v)
                if self.unscaled() && (want == Want::Stored || v.stored_dtype() == DType::F32) =>
            {
                v.copy_box(channel, b, out)?;
            }
            Source::Memory(v) => {
                let mut raw = Buffer::for_overwrite(b.len() * v.stored_dtype().bytes())
                    .map_err(medcore::Error::from)?;
                v.copy_box(channel, b, raw.as_bytes_mut())?;
                self.decode(raw.as_bytes(), want, out)?;
            }
            Source::Cached(k) => k.source()?.read(channel, b, want, out)?,
        }
        Ok(())
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
