//! What transforms that cut patches have in common.

use medcore::{Box3, Error, Grid, Items, Key, PerAxis, Result, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::{Outside, placed};

/// What happens near the volume's edge to patches around a voxel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Edges {
    /// A patch that would reach beyond the edge is shifted inside: MONAI's `RandCropByPosNegLabel` and `RandCropByLabelClasses`.
    #[default]
    Shift,
    /// Voxels whose patch would reach beyond the edge are not chosen; along axes that are not longer than the patch all are: `TorchIO`'s samplers.
    Skip,
    /// Patches may reach beyond the edge by half of this many voxels, and behind the volume as far as a chosen voxel needs: nnU-Net's loader (version 2).
    Nnunet(PerAxis<usize>),
}

/// What happens where the volume has nothing of what was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// Any place is equally likely, as in nnU-Net.
    #[default]
    Uniform,
    /// An error.
    Error,
}

impl Absent {
    /// An error where that was asked for.
    pub(crate) fn check(self, transform: &str, missing: &str) -> Result<()> {
        match self {
            Absent::Uniform => Ok(()),
            Absent::Error => Err(Error::Data {
                what: transform.into(),
                found: missing.into(),
                hint: "absent=\"uniform\" cuts a patch at any place instead".into(),
            }),
        }
    }
}

pub(crate) fn one() -> usize {
    1
}

/// Patches of one shape.
#[derive(Debug, Clone)]
pub(crate) struct Patches {
    pub(crate) shape: [usize; 3],
    edges: Edges,
    outside: Outside,
}

impl Patches {
    /// The most that one volume is cut into.
    pub(crate) const MOST: usize = 1 << 20;

    pub(crate) fn new(
        transform: &str,
        shape: &PerAxis<usize>,
        count: usize,
        outside: Outside,
    ) -> Result<Patches> {
        let shape = shape.each();
        if shape.iter().any(|&m| m == 0 || m >= 1 << 31) {
            return Err(Error::param(transform, "shape", format!("{shape:?}"), "1 to 2^31 voxels per axis"));
        }
        if count == 0 || count > Patches::MOST {
            return Err(Error::param(transform, "count", count, "1 to 2^20"));
        }
        Ok(Patches { shape, edges: Edges::Shift, outside })
    }

    pub(crate) fn with_edges(self, edges: &Edges) -> Patches {
        Patches { edges: edges.clone(), ..self }
    }

    /// The first and the last place where a patch may begin along an axis of `n` voxels.
    fn range(&self, axis: usize, n: usize) -> [i64; 2] {
        let (n, m) = (n as i64, self.shape[axis] as i64);
        match &self.edges {
            // Shorter axes lie in the middle of the patch.
            Edges::Shift | Edges::Skip if m > n => [-((m - n) / 2); 2],
            Edges::Shift | Edges::Skip => [0, n - m],
            Edges::Nnunet(beyond) => {
                let half = ((beyond.each()[axis] as i64).max(m - n) + 1) / 2;
                [-half, n + half - m]
            }
        }
    }

    /// Where a patch begins that lies anywhere, every place equally likely.
    pub(crate) fn anywhere(&self, n: [usize; 3], draw: Key) -> [i64; 3] {
        [0, 1, 2].map(|i| {
            let [low, high] = self.range(i, n[i]);
            low + draw.index(i as u64).below((high - low + 1) as u64) as i64
        })
    }

    /// Where the patch around a voxel begins: half its shape before it, rounded down.
    pub(crate) fn around(&self, n: [usize; 3], voxel: [usize; 3]) -> [i64; 3] {
        [0, 1, 2].map(|i| {
            let [low, high] = self.range(i, n[i]);
            let start = (voxel[i] as i64 - (self.shape[i] / 2) as i64).max(low);
            if matches!(self.edges, Edges::Nnunet(_)) { start } else { start.min(high) }
        })
    }

    /// The voxels that may be chosen to lie in the middle of a patch.
    pub(crate) fn centres(&self, n: [usize; 3]) -> Box3 {
        let mut out = Box3::whole(n);
        for i in (0..3).filter(|&i| self.edges == Edges::Skip && n[i] > self.shape[i]) {
            out.start[i] = self.shape[i] / 2;
            out.shape[i] = n[i] - self.shape[i] + 1;
        }
        out
    }

    /// The steps of one patch.
    pub(crate) fn patch(&self, grid: &Grid, start: [i64; 3], why: &str) -> Vec<Step> {
        let label = format!("crop {:?} from {start:?}{why}", self.shape);
        placed(label, grid, start.map(|s| -s), self.shape, self.outside).into_iter().collect()
    }

    /// The steps that cut a patch from each place (which is told with the reason for it): one patch is a crop, several are samples.
    pub(crate) fn cut(&self, grid: &Grid, starts: &[([i64; 3], String)]) -> Vec<Step> {
        if let [(start, why)] = starts {
            return self.patch(grid, *start, why);
        }
        let each = starts.iter().map(|(start, why)| self.patch(grid, *start, why));
        vec![Step::Items(Items::Split(each.collect()))]
    }
}
