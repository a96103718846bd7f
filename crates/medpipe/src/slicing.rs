//! Voxels by their indices.

use medcore::{Affine, Boundary, Grid, Lattice, Sampler, Step, Warp};

use crate::lazy::Applied;
use crate::{LazyVolume, Result};

/// Indices along one axis: `start`, `start + step`, ..., `count` of them. All lie inside the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AxisSlice {
    /// First index.
    pub start: usize,
    /// Step; not 0, may be negative.
    pub step: isize,
    /// How many.
    pub count: usize,
}

impl LazyVolume {
    /// The voxels at these indices, with the affine that keeps them in place.
    ///
    /// # Errors
    /// [`medcore::Error::Shape`] for indices outside the volume.
    pub fn slice(&self, axes: [AxisSlice; 3]) -> Result<LazyVolume> {
        // Of a result that was already computed the voxels are taken from there.
        let mut chain = match self.computed() {
            Some(made) => self.continued(made),
            None => self.chain()?.clone(),
        };
        let grid = *chain.grid();
        for i in 0..3 {
            let a = axes[i];
            let last = a.start as i128 + a.step as i128 * (a.count.max(1) as i128 - 1);
            if a.step == 0 || a.start >= grid.shape[i] || last < 0 || last >= grid.shape[i] as i128 {
                return Err(medcore::Error::shape(
                    "slice",
                    format!("{a:?} on axis {i}"),
                    format!("indices inside {:?}", grid.shape),
                )
                .into());
            }
        }
        let shape = axes.map(|a| a.count);
        let lattice = Lattice {
            axes: [0, 1, 2],
            flipped: axes.map(|a| a.step < 0),
            offset: axes.map(|a| a.start as i64),
        };
        let mut warp = Warp::lattice(format!("slice {shape:?}"), &grid, lattice, shape);
        if axes.iter().any(|a| a.step.abs() != 1 && a.count > 1) {
            let mut map = Affine::from_spacing(axes.map(|a| a.step as f64));
            for i in 0..3 {
                map.rows[i][3] = axes[i].start as f64;
            }
            warp.map = map.into();
            warp.grid = Grid::new(shape, grid.affine * map);
            warp.sampler = [Sampler::Nearest; 3];
            warp.boundary = Boundary::Edge;
            warp.composable = false;
        }
        chain.push_step(Step::Warp(warp), None, &|_| None)?;
        let out = LazyVolume::of_chain(chain, self.nodes.clone());
        Ok(out.after(self, Applied::Slice(axes)))
    }
}
