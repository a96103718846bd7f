//! A box of a chain's output, pulled through its stages.
//!
//! Every stage asks the one before it for just the box that it needs. A stage's result for a voxel does not depend on the box it is part of,
//! so any tiling gives the same bits.

use medcore::{Box3, DType, Error, Filter, FilterRun, FilterTile, Grid, RawTile, with_element};
use medkernels::buffer::Buffer;

use crate::Result;
use crate::chain::{Chain, Op};
use crate::passes::run_points;
use crate::tile::{Tile, Want, packed_strides};
use crate::values::{cast, relabel};

pub(crate) fn buffer(bytes: usize) -> Result<Buffer> {
    Ok(Buffer::for_overwrite(bytes).map_err(Error::from)?)
}

/// The same for what is needed only until a box is made.
pub(crate) fn scratch(bytes: usize) -> Result<Buffer> {
    Ok(Buffer::scratch(bytes).map_err(Error::from)?)
}

impl Chain {
    /// Dtype after the first `k` stages.
    fn dtype_at(&self, k: usize) -> DType {
        if k == 0 { self.source.dtype() } else { self.stages[k - 1].dtype }
    }

    /// Grid after the first `k` stages.
    pub(crate) fn grid_at(&self, k: usize) -> Grid {
        if k == 0 { *self.source.grid() } else { self.stages[k - 1].grid }
    }

    /// Shape after the first `k` stages.
    pub(crate) fn shape_at(&self, k: usize) -> [usize; 3] {
        self.grid_at(k).shape
    }

    /// A box of a channel after the first `k` stages, if it is only another view of voxels in memory.
    pub(crate) fn lying(&self, k: usize, channel: usize, b: &Box3, want: Want) -> Option<Tile> {
        if k == 0 {
            return self.source.view(channel, b, want);
        }
        let Op::Lattice(m) = &self.stages[k - 1].op else { return None };
        let input = m.input_inside(b)?;
        Some(self.lying(k - 1, channel, &input, want)?.through(&m.lattice, b, &input))
    }

    /// A box of a channel after the first `k` stages, without a copy where the voxels already lie in memory.
    pub(crate) fn view(&self, k: usize, channel: usize, b: &Box3, want: Want) -> Result<Tile> {
        if k == 0
            && let Some(tile) = self.source.view(channel, b, want)
        {
            return Ok(tile);
        }
        if k > 0
            && let Op::Lattice(m) = &self.stages[k - 1].op
            && let Some(input) = m.input_inside(b)
        {
            let tile = self.view(k - 1, channel, &input, want)?;
            return Ok(tile.through(&m.lattice, b, &input));
        }
        let dtype = want.dtype(self.dtype_at(k));
        let mut out = scratch(b.len() * dtype.bytes())?;
        self.fill(k, channel, b, want, out.as_bytes_mut())?;
        Ok(Tile::packed(out, dtype, b.shape))
    }

    /// The same into a packed buffer, x fastest.
    pub(crate) fn fill(&self, k: usize, channel: usize, b: &Box3, want: Want, out: &mut [u8]) -> Result<()> {
        if b.is_empty() {
            return Ok(());
        }
        let Some(stage) = k.checked_sub(1).map(|i| &self.stages[i]) else {
            return self.source.read(channel, b, want, out);
        };
        match &stage.op {
            Op::Lattice(m) => self.fill_moved(k, m, channel, b, want, out),
            Op::Interpolate(i) => {
                if let Some(made) = stage.with_coefficients(&self.grid_at(k - 1)) {
                    let stages = self.stages[..k - 1].iter().cloned().chain(made).collect();
                    let chain = Chain { stages, ..self.clone() };
                    return chain.fill(chain.stages.len(), channel, b, want, out);
                }
                self.fill_interpolated(k, i, channel, b, want, out)
            }
            Op::Points(runs) => {
                let (voxels, domain) = (bytemuck::cast_slice_mut(out), stage.grid.shape);
                match self.lying(k - 1, channel, b, Want::F32) {
                    Some(tile) if tile.strides[0] == 1 || b.shape[0] == 1 => {
                        run_points(runs, channel, b, domain, voxels, Some(&tile));
                        return Ok(());
                    }
                    // Turned at once, of which each line is read once; not piece by piece.
                    Some(tile) => tile.copy_to(bytemuck::cast_slice_mut(voxels), packed_strides(b.shape), 0),
                    None => self.fill(k - 1, channel, b, Want::F32, bytemuck::cast_slice_mut(voxels))?,
                }
                run_points(runs, channel, b, domain, voxels, None);
                Ok(())
            }
            Op::Cast(to) => {
                let tile = self.view(k - 1, channel, b, Want::Stored)?;
                let packed = tile.into_packed()?;
                let to = *to;
                if want == Want::Stored || to == DType::F32 {
                    return cast(packed.bytes_packed(), packed.dtype, out, to);
                }
                let mut exact = scratch(b.len() * to.bytes())?;
                cast(packed.bytes_packed(), packed.dtype, exact.as_bytes_mut(), to)?;
                cast(exact.as_bytes(), to, out, DType::F32)
            }
            Op::Filter(only, f) if only.is_some_and(|c| c != channel) => {
                let want = if stage.dtype == self.dtype_at(k - 1) { want } else { Want::F32 };
                self.fill(k - 1, channel, b, want, out)
            }
            Op::Filter(_, f) => self.fill_filtered(k, f, channel, b, want, out),
            Op::Relabel(r) => {
                let dtype = stage.dtype;
                let mut made;
                let place: &mut [u8] = if want == Want::Stored {
                    &mut *out
                } else {
                    made = scratch(b.len() * dtype.bytes())?;
                    made.as_bytes_mut()
                };
                if let Some(tile) = self.lying(k - 1, channel, b, Want::Stored) {
                    tile.copy_to(place, packed_strides(b.shape), 0);
                } else {
                    self.fill(k - 1, channel, b, Want::Stored, place)?;
                }
                with_element!(dtype, T => relabel::<T>(bytemuck::cast_slice_mut(place), &r.table)?, else => ());
                if want == Want::F32 {
                    let exact = place.to_vec();
                    return cast(&exact, dtype, out, DType::F32);
                }
                Ok(())
            }
            Op::Apart(_) => {
                let alone = self.through(k, channel);
                let want = if alone.dtype() == stage.dtype { want } else { Want::F32 };
                alone.fill(alone.stages.len(), channel, b, want, out)
            }
            // They are resolved before a box is asked for.
            Op::Measure(..) | Op::Global(..) | Op::Host(_) => Err(Error::Unsupported {
                what: "a region".into(),
                found: format!("{} that has not been computed", stage.label),
                hint: "this is a defect of medoxide; please report it".into(),
            }
            .into()),
        }
    }

    fn fill_filtered(
        &self,
        k: usize,
        f: &Filter,
        channel: usize,
        b: &Box3,
        want: Want,
        out: &mut [u8],
    ) -> Result<()> {
        let domain = self.shape_at(k - 1);
        let input = b.grown(f.halo, domain);
        let (run, want_in) = match &f.run {
            FilterRun::Float(run) => {
                let tile = self.view(k - 1, channel, &input, Want::F32)?.into_packed()?;
                let voxels = tile.packed_f32().unwrap_or_default();
                let tile = FilterTile { voxels, input, output: *b, domain };
                return Ok(run(&tile, bytemuck::cast_slice_mut(out))?);
            }
            FilterRun::Kept(run) => (run, Want::Stored),
            _ => return Err(unsupported_filter(&f.label).into()),
        };
        let tile = self.view(k - 1, channel, &input, want_in)?.into_packed()?.into_aligned()?;
        let dtype = tile.dtype;
        let tile = RawTile { bytes: tile.bytes_packed(), dtype, input, output: *b, domain };
        if want == Want::Stored || dtype == DType::F32 {
            return Ok(run(&tile, out)?);
        }
        let mut exact = scratch(b.len() * dtype.bytes())?;
        run(&tile, exact.as_bytes_mut())?;
        cast(exact.as_bytes(), dtype, out, DType::F32)
    }
}

fn unsupported_filter(label: &str) -> Error {
    let hint = "update medpipe together with medcore".into();
    Error::Unsupported { what: "this executor".into(), found: format!("the filter {label}"), hint }
}
