use medcore::{Category, Declared, Error, Facts, Key, Lattice, Orientation, Result, Step, Transform, Warp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Permute and flip the voxel axes so that they run in the given anatomical directions. The world stays in place; voxels are copied exactly.
///
/// Corresponds to nibabel's `as_closest_canonical` (for `RAS`), MONAI's `Orientation` and TorchIO's `ToCanonical`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {
    "MONAI": "Orientation",
    "TorchIO": "ToCanonical, ToOrientation",
    "SimpleITK": "DICOMOrient",
    "nibabel": "as_closest_canonical"
}))]
pub struct Reorient {
    /// Three letters, the directions that the axes x, y, z increase towards: one each of R/L, A/P, S/I.
    pub orientation: String,
}

impl Declared for Reorient {
    const NAME: &'static str = "reorient";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("orientation");
}

impl Transform for Reorient {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let wanted: Orientation = self.orientation.parse().map_err(|expected| {
            Error::param(Self::NAME, "orientation", format!("{:?}", self.orientation), expected)
        })?;
        let have = at.grid.orientation();
        let mut lattice = Lattice::IDENTITY;
        let mut shape = [0; 3];
        for j in 0..3 {
            let i = (0..3).find(|&i| have.axes[i] == wanted.axes[j]).unwrap_or(j);
            lattice.axes[j] = i;
            lattice.flipped[j] = have.flipped[i] != wanted.flipped[j];
            lattice.offset[i] = if lattice.flipped[j] { at.grid.shape[i] as i64 - 1 } else { 0 };
            shape[j] = at.grid.shape[i];
        }
        if lattice == Lattice::IDENTITY {
            return Ok(vec![]);
        }
        Ok(vec![Step::Warp(Warp::lattice(format!("reorient {have} to {wanted}"), at.grid, lattice, shape))])
    }
}
