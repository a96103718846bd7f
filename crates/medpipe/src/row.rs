//! A chain's output put where it is wanted: C-contiguous, in the dtype that was asked for.

use std::sync::Arc;

use medcore::{Box3, DType, Error, Point, Role, Step, Volume, with_element};
use medkernels::copy::copy_strided;
use medkernels::element::Element;
use medkernels::float_env::FloatEnv;
use medkernels::threads;

use crate::chain::Chain;
use crate::compute::{Layout, Resolved, c_strides};
use crate::evaluate::{buffer, scratch};
use crate::part::inner;
use crate::slabs::SLAB;
use crate::source::Source;
use crate::tile::{Want, packed_strides};
use crate::turn::Turn;
use crate::values::cast;
use crate::{LazyVolume, Result};

impl LazyVolume {
    /// The bytes that [`LazyVolume::compute_into`] writes.
    ///
    /// # Errors
    /// As [`LazyVolume::facts`].
    pub fn bytes_as(&self, dtype: DType) -> Result<usize> {
        let chain = self.chain()?;
        Ok(chain.grid().len() * chain.channels() * dtype.bytes())
    }

    /// Writes the result in a dtype, C-contiguous (channel, x, y, z), into memory of the caller's: the numbers of [`LazyVolume::compute_as`] with
    /// [`Layout::ZFastest`], channels slowest.
    ///
    /// # Errors
    /// As [`LazyVolume::compute_as`]; [`medcore::Error::Shape`] if `out` has not exactly its bytes; [`medcore::Error::Data`] with the
    /// value, for integer dtypes and for labels that meet one that does not hold it: nothing is saturated.
    pub fn compute_into(&self, dtype: DType, out: &mut [u8]) -> Result<()> {
        let chain = match self.computed() {
            Some(v) => self.continued(v),
            None => self.chain()?.clone(),
        };
        let wanted = chain.grid().len() * chain.channels() * dtype.bytes();
        if out.len() != wanted {
            return Err(
                Error::shape("output", format!("{} bytes", out.len()), format!("{wanted} bytes")).into()
            );
        }
        let exact = dtype == DType::F64 && chain.stages.is_empty() && chain.source.scale().is_some();
        if exact {
            let made = self.compute_as(Some(dtype), Layout::ZFastest)?;
            out.copy_from_slice(made.storage().bytes());
            return Ok(());
        }
        let _env = FloatEnv::enter();
        chain.on_voxels(|chain| chain.fill_row(dtype, out))
    }
}

impl Chain {
    /// The whole output into `out`.
    fn fill_row(&self, dtype: DType, out: &mut [u8]) -> Result<()> {
        let have = self.dtype();
        let want = if dtype == DType::F32 && have.is_real() { Want::F32 } else { Want::Stored };
        let cast = (want.dtype(have) != dtype).then_some(dtype);
        let lossless = have.is_integer() && range(dtype).is_some_and(|r| holds(r, range(have)));
        let exact = dtype.is_integer() || self.role == Role::Label;
        let row = Row { want, have, cast, check: exact && have != dtype && !lossless };
        let resolved = self.resolved()?;
        if cast.is_none() && !row.check {
            if let Some(turned) = resolved.chain.turned_to_c() {
                return turned.fill_slabs(want, None, false, out).map(drop);
            }
            if resolved.viewable(want) {
                return resolved.copy_view(want, c_strides(self.grid().shape), out);
            }
        }
        if !row.check
            && let Some(mut turned) = resolved.chain.turned_part(row.dtype())?
        {
            if let Some(to) = cast {
                turned.push_step(Step::Point(Point::Cast(to)), None, &|_| None)?;
            }
            return turned.fill_slabs(want, None, false, out).map(drop);
        }
        if threads::threads() > 1 {
            return row.fill_on_threads(resolved, out);
        }
        row.fill(&resolved.chain.preloaded()?, out)
    }

    /// The same work on what is needed of the source, turned while it is small: stored numbers that are narrower than those of the row, or that
    /// have to be read first. `None` where a stage's bits depend on the order of axes, or where much is needed.
    fn turned_part(&self, dtype: DType) -> Result<Option<Chain>> {
        const TURN: Turn = [2, 1, 0];
        let (needed, size) = (self.source_box(), self.source.stored_dtype().bytes());
        let (grid, channels) = (*self.source.grid(), self.channels());
        let bytes = needed.len() * size;
        let worth = size < dtype.bytes() || !matches!(self.source, Source::Memory(_));
        let loads = self.source.compressed() && needed == Box3::whole(grid.shape);
        if !worth
            || loads
            || bytes * channels > PART
            || bytes == 0
            || !self.stages.iter().all(|s| s.turns(TURN))
        {
            return Ok(None);
        }
        let shape = needed.shape;
        let to = c_strides(shape);
        let mut part = buffer(bytes * channels)?;
        let (read, start) = match &self.source {
            Source::Memory(v) => (v.clone(), needed.start),
            source => (source.part(&needed)?, [0; 3]),
        };
        let first: isize = (0..3).map(|i| start[i] as isize * read.strides()[i]).sum();
        for (c, part) in part.as_bytes_mut().chunks_mut(bytes).enumerate() {
            let at = (read.channel_offset(c) as isize + first) as usize;
            copy_strided(part, to, 0, read.storage().bytes(), read.strides(), at, shape, size);
        }
        drop(read);
        let (extra, dtype) = (self.source.extra().to_vec(), self.source.stored_dtype());
        let steps = extra
            .iter()
            .scan(needed.len() as isize, |step, &n| Some(std::mem::replace(step, *step * n as isize)));
        let steps = steps.collect();
        let part = Volume::strided(Arc::new(part), dtype, inner(&grid, &needed), 0, to, extra, steps)?
            .with_meta(self.source.meta().clone())
            .with_scale(self.source.scale());
        Ok(self.clone().on_part(Source::Memory(part), &needed, &grid).turned(TURN))
    }

    /// Planes along z that are made at once: as many as stay in the second cache level, and thick against what filters read around them.
    fn slab_planes(&self) -> usize {
        let [nx, ny, nz] = self.grid().shape;
        let halo: usize = self.stages.iter().map(|s| s.halo()[2]).sum();
        // Sixteen float32 along z are a cache line of the output.
        let planes = (SLAB / 4 / (nx * ny).max(1)).next_multiple_of(16);
        planes.max(4 * halo).clamp(1, nz.max(1))
    }
}

/// Bytes of a part that is turned as a whole: it stays in the second or third cache level.
const PART: usize = 4 << 20;

/// How values become those of the row.
struct Row {
    want: Want,
    /// Dtype at the end of the chain.
    have: DType,
    /// The dtype that they are cast to, if it is another one.
    cast: Option<DType>,
    /// Whether there may be values that the dtype does not hold.
    check: bool,
}

impl Row {
    fn dtype(&self) -> DType {
        self.cast.unwrap_or_else(|| self.want.dtype(self.have))
    }

    /// Slab by slab on this thread: each is turned while it is in the cache.
    fn fill(&self, chain: &Chain, out: &mut [u8]) -> Result<()> {
        let shape = chain.grid().shape;
        let [nx, ny, nz] = shape;
        let planes = chain.slab_planes();
        let made = self.made();
        let mut tile = scratch(nx * ny * planes * made.dtype(self.have).bytes())?;
        let mut other = scratch(if self.casts() { nx * ny * planes * self.dtype().bytes() } else { 0 })?;
        let channel_bytes = (chain.grid().len() * self.dtype().bytes()).max(1);
        for (channel, out) in out.chunks_mut(channel_bytes).enumerate() {
            for z in (0..nz).step_by(planes) {
                let b = Box3 { start: [0, 0, z], shape: [nx, ny, planes.min(nz - z)] };
                let tile = &mut tile.as_bytes_mut()[..b.len() * made.dtype(self.have).bytes()];
                chain.fill(chain.stages.len(), channel, &b, made, tile)?;
                let done = if self.casts() {
                    let other = &mut other.as_bytes_mut()[..b.len() * self.dtype().bytes()];
                    self.convert(tile, other)?;
                    other
                } else {
                    tile
                };
                let strides = packed_strides(b.shape);
                copy_strided(out, c_strides(shape), z, done, strides, 0, b.shape, self.dtype().bytes());
            }
        }
        Ok(())
    }

    /// All of it by all threads, and turned afterwards.
    fn fill_on_threads(&self, resolved: Resolved, out: &mut [u8]) -> Result<()> {
        let shape = resolved.chain.grid().shape;
        let n = resolved.chain.grid().len();
        let mut made = resolved.whole(self.made())?;
        if self.casts() {
            let mut other =
                scratch(made.len() / self.made().dtype(self.have).bytes() * self.dtype().bytes())?;
            self.convert(made.as_bytes(), other.as_bytes_mut())?;
            made = other;
        }
        let size = self.dtype().bytes();
        let channels = out.chunks_mut((n * size).max(1)).zip(made.as_bytes().chunks((n * size).max(1)));
        for (out, made) in channels {
            copy_strided(out, c_strides(shape), 0, made, packed_strides(shape), 0, shape, size);
        }
        Ok(())
    }

    /// Whether values are made in one dtype and stored in another.
    fn casts(&self) -> bool {
        self.cast.is_some() || self.check
    }

    /// The form in which the chain makes them: values that have to be looked at, as they are.
    fn made(&self) -> Want {
        if self.check { Want::Stored } else { self.want }
    }

    fn convert(&self, from: &[u8], to: &mut [u8]) -> Result<()> {
        if self.check {
            expect_held(from, self.have, self.dtype())?;
        }
        cast(from, self.have, to, self.dtype())
    }
}

/// The whole numbers that a dtype holds without a gap; none for dtypes that hold no real numbers.
fn range(dtype: DType) -> Option<[i128; 2]> {
    let exact = |bits: u32| Some([-(1 << bits), 1 << bits]);
    match dtype {
        DType::F64 => exact(53),
        DType::F32 => exact(24),
        DType::F16 => exact(11),
        DType::BF16 => exact(8),
        _ => with_element!(dtype, T => {
            Some([i128::MIN, i128::MAX].map(|v| T::from_i128_saturating(v).to_i128()))
        }, else => None),
    }
}

fn holds(range: [i128; 2], other: Option<[i128; 2]>) -> bool {
    other.is_some_and(|[low, high]| range[0] <= low && high <= range[1])
}

/// Refuses values that `to` does not hold: whole numbers beyond its range, and what rounds to such.
fn expect_held(bytes: &[u8], have: DType, to: DType) -> Result<()> {
    let Some([low, high]) = range(to) else { return Ok(()) };
    let fail = |value: f64| Error::Data {
        what: format!("values as {to}"),
        found: value.to_string(),
        hint: format!("{to} holds {low} to {high}: ask for a wider dtype, or rename the labels"),
    };
    with_element!(have, T => {
        let values: &[T] = bytemuck::try_cast_slice(bytes).unwrap_or_default();
        let Some(&first) = values.first() else { return Ok(()) };
        let (mut least, mut most, mut nan) = (first, first, false);
        for &v in values {
            least = if v < least { v } else { least };
            most = if v > most { v } else { most };
            nan |= v.partial_cmp(&v).is_none();
        }
        if nan && to.is_integer() {
            return Err(fail(f64::NAN).into());
        }
        for v in [least, most] {
            if !(low..=high).contains(&v.to_i128()) {
                return Err(fail(v.to_f64()).into());
            }
        }
        Ok(())
    }, else => Ok(()))
}
