//! The way back: from the grid where a chain ends to the one where it began.

use std::sync::{Arc, Mutex, PoisonError};

use medcore::{Boundary, Clip, Displacement, Error, Field, Grid, Lattice, Map, Role, Sampler, Volume, Warp};
use medkernels::threads;

use crate::chain::{Chain, Op, Stage};
use crate::source::Source;
use crate::{LazyVolume, Result};

/// Where the voxels of a volume came from.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// The grid of the file or array.
    grid: Grid,
    /// Voxels of the volume to voxels of it.
    map: Map,
}

/// The way back from a volume's grid to that of the file or array which it was made of, as one map.
///
/// What lies on the volume's grid, such as a prediction, is brought onto the file's with one interpolation, whatever chain led there: crops, pads, flips and turns are
/// undone exactly, affines by their inverse, and deformations voxel by voxel, to 1e-6 voxels.
#[derive(Clone, Debug)]
pub struct Inverse {
    from: Grid,
    onto: Grid,
    /// Voxels of the file to voxels of the volume.
    map: Map,
}

impl Chain {
    /// The same values from a source that holds what the first `done` stages gave.
    pub(crate) fn begun_after(&self, done: usize, source: Source) -> Chain {
        let way = self.way(done);
        Chain { source, stages: self.stages[done..].to_vec(), began: Some(Arc::new(way)), ..self.clone() }
    }

    /// Where voxels after the first `k` stages came from.
    fn way(&self, k: usize) -> Way {
        let here = || Way { grid: *self.source.grid(), map: Lattice::IDENTITY.to_affine().into() };
        let Way { grid, mut map } = self.began.as_deref().cloned().unwrap_or_else(here);
        for moved in self.stages[..k].iter().filter_map(Stage::moves) {
            map = map.after(&moved);
        }
        Way { grid, map }
    }
}

impl Stage {
    /// The map of its output's voxels to its input's, if they move.
    fn moves(&self) -> Option<Map> {
        match &self.op {
            Op::Lattice(m) => Some(m.lattice.to_affine().into()),
            Op::Interpolate(i) => Some(i.map.clone()),
            // A warp that waits for numbers moves voxels alike whatever they are.
            _ => self.awaited.clone(),
        }
    }
}

impl LazyVolume {
    /// The way back from this volume's grid to that of the file or array it was made of.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where a map cannot be inverted: a projection, or a deformation that folds; errors of measuring, where shapes depend on voxels.
    pub fn inverse(&self) -> Result<Inverse> {
        let chain = self.chain()?;
        let way = chain.way(chain.stages.len());
        let map = inverted(&way.map, &way.grid).ok_or_else(|| Error::Unsupported {
            what: "inverse".into(),
            found: "a map that cannot be inverted everywhere".into(),
            hint: "a deformation that folds has no inverse; displace by less, or over longer distances"
                .into(),
        })?;
        Ok(Inverse { from: *chain.grid(), onto: way.grid, map })
    }
}

impl Inverse {
    /// The grid of the file or array.
    pub fn grid(&self) -> &Grid {
        &self.onto
    }

    /// Brings what lies on the volume's grid onto the file's, with one interpolation: images and maps linearly, labels as said, zeros outside.
    ///
    /// # Errors
    /// [`Error::Shape`] if it does not have the volume's shape.
    pub fn apply(&self, volume: &LazyVolume, label_sampler: Sampler) -> Result<LazyVolume> {
        let chain = match volume.computed() {
            Some(v) => volume.continued(v),
            None => volume.chain()?.clone(),
        };
        if chain.grid().shape != self.from.shape {
            return Err(Error::shape("inverse", chain.grid(), self.from).into());
        }
        let mut chain = chain;
        chain.push_warp(&Warp {
            label: format!("back onto {:?} voxels", self.onto.shape),
            grid: self.onto,
            map: self.map.clone(),
            sampler: [Sampler::Linear; 3],
            label_sampler,
            boundary: Boundary::Constant(0.0),
            label_fill: 0.0,
            clip: Clip::No,
            composable: true,
            deforms: false,
        })?;
        Ok(LazyVolume::of_chain(chain, volume.nodes.clone()))
    }

    /// The same for a volume in memory, in a role.
    ///
    /// # Errors
    /// As [`Inverse::apply`]; [`Error::Data`] for a label whose values are not whole.
    pub fn apply_to(&self, volume: Volume, role: Role) -> Result<LazyVolume> {
        self.apply(&LazyVolume::from_volume_as(volume, role)?, Sampler::Nearest)
    }
}

/// The inverse of a map, at all voxels of a grid where no formula tells it.
fn inverted(map: &Map, grid: &Grid) -> Option<Map> {
    if let Some(affine) = map.affine() {
        return affine.inverse().map(Map::from);
    }
    // About an affine that is near, the rest is a displacement before it, known at every voxel.
    let near = map.straight();
    let (back, turn) = (near.inverse()?, near.linear());
    let n = grid.shape;
    let mut vectors = vec![[0f32; 3]; grid.len()];
    let lost = Mutex::new(false);
    let mut planes: Vec<_> = vectors.chunks_mut((n[0] * n[1]).max(1)).enumerate().collect();
    threads::for_each_mut(&mut planes, |_, (z, plane)| {
        for (i, vector) in plane.iter_mut().enumerate() {
            let c = [i % n[0], i / n[0], *z].map(|v| v as f64);
            let Some(there) = map.back(c) else {
                *lost.lock().unwrap_or_else(PoisonError::into_inner) = true;
                return;
            };
            let about = back.apply(c);
            let off = [0, 1, 2].map(|a| there[a] - about[a]);
            *vector = turn.map(|r| (r[0] * off[0] + r[1] * off[1] + r[2] * off[2]) as f32);
        }
    });
    if *lost.lock().unwrap_or_else(PoisonError::into_inner) {
        return None;
    }
    let unit = Lattice::IDENTITY.to_affine();
    let field = Field::new(n, vectors.into(), unit, unit.linear()).ok()?;
    Some(Map::from(back).after(&Map::from(Displacement::Field(field))))
}
