use medcore::{Axes, Category, Declared, Dist, Error, Facts, Key, Lattice, Result, Step, Transform, Warp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Turn by quarter turns in the plane of two voxel axes, from the first towards the second. The affine follows, so that every voxel keeps its
/// place in the world.
///
/// Corresponds to `numpy.rot90` and MONAI's `Rotate90`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "Rotate90, RandRotate90",
    "batchgeneratorsv2": "Rot90Transform",
    "NumPy": "rot90"
}))]
pub struct Rot90 {
    /// Number of quarter turns; a drawn number is rounded down.
    pub k: Dist,
    /// The two axes of the plane.
    pub axes: Axes,
}

impl Default for Rot90 {
    fn default() -> Rot90 {
        Rot90 { k: 1.0.into(), axes: Axes([true, true, false]) }
    }
}

impl Declared for Rot90 {
    const NAME: &'static str = "rot90";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("k");
}

impl Transform for Rot90 {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let plane: Vec<usize> = (0..3).filter(|&i| self.axes.0[i]).collect();
        let [a, b] = plane[..] else {
            return Err(Error::param(Self::NAME, "axes", format!("{plane:?}"), "two different axes"));
        };
        self.k.within(Self::NAME, "k", -1e9, 1e9)?;
        let turns = self.k.draw(key.text("k")).floor().rem_euclid(4.0) as usize;
        let n = at.grid.shape;
        let mut lattice = Lattice::IDENTITY;
        let mut shape = n;
        // numpy: one turn takes out[i, j] from in[j, n_b - 1 - i].
        match turns {
            1 => {
                (lattice.axes[a], lattice.axes[b]) = (b, a);
                lattice.flipped[a] = true;
                lattice.offset[b] = n[b] as i64 - 1;
                shape.swap(a, b);
            }
            2 => {
                for i in [a, b] {
                    lattice.flipped[i] = true;
                    lattice.offset[i] = n[i] as i64 - 1;
                }
            }
            3 => {
                (lattice.axes[a], lattice.axes[b]) = (b, a);
                lattice.flipped[b] = true;
                lattice.offset[a] = n[a] as i64 - 1;
                shape.swap(a, b);
            }
            _ => return Ok(vec![]),
        }
        let name = ['x', 'y', 'z'];
        let label = format!("{turns} quarter turns in {}{}", name[a], name[b]);
        Ok(vec![Step::Warp(Warp::lattice(label, at.grid, lattice, shape))])
    }
}
