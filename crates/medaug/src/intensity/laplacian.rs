use medcore::{Category, Declared, Error, Facts, Filter, FilterTile, Key, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::neighbours::with_neighbours;
use crate::intensity::gaussian::LengthUnit;

/// The Laplacian: along each axis the voxels before and after, less twice the voxel, summed.
///
/// Beyond the volume's edge lies the edge voxel again. Corresponds to SciPy's `laplace`, and with `unit: mm` to SimpleITK's `Laplacian`, which divides by the squared spacing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"SciPy": "ndimage.laplace", "SimpleITK": "Laplacian"}))]
pub struct Laplacian {
    /// The unit of length that differences are taken over.
    pub unit: LengthUnit,
}

impl Declared for Laplacian {
    const NAME: &'static str = "laplacian";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("unit");
}

impl Transform for Laplacian {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let spacing = if self.unit == LengthUnit::Mm { at.grid.spacing() } else { [1.0; 3] };
        let weights = spacing.map(|s| (1.0 / (s * s)) as f32);
        if weights.iter().any(|w| !w.is_finite()) {
            return Err(Error::param(Self::NAME, "unit", "mm on a grid without spacing", "voxels"));
        }
        let run = move |tile: &FilterTile<'_>, out: &mut [f32]| {
            with_neighbours(tile, out, |v, around| {
                let [x, y, z] = around.map(|[before, after]| (before - v) + (after - v));
                x * weights[0] + y * weights[1] + z * weights[2]
            });
            Ok(())
        };
        Ok(vec![Step::Filter(Filter::new("Laplacian", [1; 3], run))])
    }
}
