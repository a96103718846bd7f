use medcore::{Axes, Category, Declared, Dist, Facts, Key, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::simulate_low_resolution::down_and_up;

/// Down-sample along one axis by nearest voxel and up-sample linearly to the old grid, as a scan of thick slices would look.
///
/// The axis is drawn of `axes`. Sampling follows TorchIO's `RandomAnisotropy`: voxels along the axis are `factor` times as wide, as many of them as fit,
/// about the centre. Never joined with another interpolation: the loss is the point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"TorchIO": "RandomAnisotropy"}))]
pub struct Anisotropy {
    /// How much wider voxels become; 1 or more.
    pub factor: Dist,
    /// The axes of which one is drawn.
    pub axes: Axes,
}

impl Default for Anisotropy {
    fn default() -> Anisotropy {
        Anisotropy { factor: 2.0.into(), axes: Axes([true; 3]) }
    }
}

impl Declared for Anisotropy {
    const NAME: &'static str = "anisotropy";
    const CATEGORY: Category = Category::Artefact;
    const MAIN: Option<&'static str> = Some("factor");
    const RANDOM: bool = true;
}

impl Transform for Anisotropy {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.factor.within(Self::NAME, "factor", 1.0, 1e3)?;
        let n = at.grid.shape;
        // Along an axis of one voxel there is nothing to lose.
        let axes: Vec<usize> = (0..3).filter(|&a| self.axes.0[a] && n[a] > 1).collect();
        if axes.is_empty() {
            return Ok(vec![]);
        }
        let axis = axes[key.text("axis").below(axes.len() as u64) as usize];
        let factor = self.factor.draw(key.text("factor"));
        let (mut low, mut ratio) = (n, [1.0; 3]);
        low[axis] = ((n[axis] as f64 / factor).floor() as usize).max(1);
        ratio[axis] = factor;
        if factor == 1.0 {
            return Ok(vec![]);
        }
        Ok(down_and_up(at.grid, low, ratio))
    }
}
