use medcore::{Category, Declared, Facts, Key, Lattice, Result, Step, Transform, Warp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Turn the voxel axes to one of the 24 orientations of a cube, each equally likely. The affine follows, so that every voxel keeps its place in the
/// world.
///
/// Axes of different lengths change the shape: for patches that are cubes, or volumes of which patches are cut afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"batchgeneratorsv2": "Rot90Transform, TransposeAxesTransform"}))]
pub struct RandomOrientation {
    /// Whether mirror images count too: 48 orientations.
    pub mirror: bool,
}

impl Declared for RandomOrientation {
    const NAME: &'static str = "random_orientation";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("mirror");
    const RANDOM: bool = true;
}

impl Transform for RandomOrientation {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1], [2, 1, 0], [1, 0, 2]];
        let key = key.text("orientation");
        let order = key.index(0).below(6) as usize;
        let flipped = [1, 2].map(|axis| key.index(axis).below(2) == 1);
        // The last three orders mirror; an odd number of flips does too.
        let odd = flipped[0] ^ flipped[1] ^ (order > 2);
        let first = if self.mirror { key.index(3).below(2) == 1 } else { odd };
        let axes = ORDERS[order];
        let mut lattice = Lattice { axes, flipped: [first, flipped[0], flipped[1]], ..Lattice::IDENTITY };
        let n = at.grid.shape;
        for j in (0..3).filter(|&j| lattice.flipped[j]) {
            lattice.offset[axes[j]] = n[axes[j]] as i64 - 1;
        }
        if lattice == Lattice::IDENTITY {
            return Ok(vec![]);
        }
        let names = [["x", "y", "z"], ["-x", "-y", "-z"]];
        let [x, y, z] = [0, 1, 2].map(|j| names[usize::from(lattice.flipped[j])][axes[j]]);
        let label = format!("axes along {x}, {y}, {z}");
        Ok(vec![Step::Warp(Warp::lattice(label, at.grid, lattice, axes.map(|i| n[i])))])
    }
}
