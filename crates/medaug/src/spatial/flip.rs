use medcore::{Axes, Category, Declared, Facts, Key, Lattice, Result, Step, Transform, Warp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::affine::AffineRule;

/// Reverse voxel axes. The affine follows, so that every voxel keeps its place in the world, unless it is told to stay.
///
/// Corresponds to `numpy.flip`, MONAI's `Flip` and, with `affine: keep`, TorchIO's `Flip`, which mirrors the content in the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {
    "MONAI": "Flip, RandFlip, RandAxisFlip",
    "TorchIO": "Flip, RandomFlip",
    "batchgeneratorsv2": "MirrorTransform",
    "NumPy": "flip",
    "SimpleITK": "Flip"
}))]
pub struct Flip {
    /// The axes to reverse.
    pub axes: Axes,
    /// Whether the output's affine follows, or stays, so that content and landmarks move.
    #[serde(default = "update")]
    pub affine: AffineRule,
}

fn update() -> AffineRule {
    AffineRule::Update
}

impl Declared for Flip {
    const NAME: &'static str = "flip";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("axes");
}

impl Transform for Flip {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let mut lattice = Lattice { flipped: self.axes.0, ..Lattice::IDENTITY };
        for i in (0..3).filter(|&i| self.axes.0[i]) {
            lattice.offset[i] = at.grid.shape[i] as i64 - 1;
        }
        if lattice == Lattice::IDENTITY {
            return Ok(vec![]);
        }
        let names: String = (0..3).filter(|&i| self.axes.0[i]).map(|i| ['x', 'y', 'z'][i]).collect();
        let flipped = Warp::lattice(format!("flip {names}"), at.grid, lattice, at.grid.shape);
        Ok(vec![Step::Warp(match self.affine {
            AffineRule::Update => flipped,
            AffineRule::Keep => Warp { grid: *at.grid, deforms: true, ..flipped },
        })])
    }
}
