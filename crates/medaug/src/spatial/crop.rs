use medcore::{Category, Declared, Error, Facts, Key, Lattice, Result, Step, Transform, Warp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Cut out a box of voxels. A box that leaves the volume is an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {"MONAI": "SpatialCrop", "TorchIO": "Crop", "SimpleITK": "RegionOfInterest"}))]
pub struct Crop {
    /// Index of the first voxel along x, y, z; negative numbers count from the end.
    pub start: [i64; 3],
    /// Voxels along x, y, z.
    pub shape: [usize; 3],
}

impl Declared for Crop {
    const NAME: &'static str = "crop";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = None;
}

impl Transform for Crop {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let n = at.grid.shape;
        let mut lattice = Lattice::IDENTITY;
        for i in 0..3 {
            let start = if self.start[i] < 0 { self.start[i] + n[i] as i64 } else { self.start[i] };
            let end = start.checked_add_unsigned(self.shape[i] as u64).unwrap_or(i64::MAX);
            if start < 0 || self.shape[i] == 0 || end > n[i] as i64 {
                let found = format!("{:?} with shape {:?}", self.start, self.shape);
                return Err(Error::param(
                    Self::NAME,
                    "start",
                    found,
                    format!("a box of at least one voxel inside {n:?}"),
                ));
            }
            lattice.offset[i] = start;
        }
        let label = format!("crop {:?} from {:?}", self.shape, lattice.offset);
        Ok(vec![Step::Warp(Warp::lattice(label, at.grid, lattice, self.shape))])
    }
}
