use medcore::{
    Category, Declared, Derived, Error, Facts, Items, Key, PerAxis, Result, Role, Sampler, Step, Transform,
    Warp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spatial::resample::centred;

/// Add the label at lower resolutions: what the lower outputs of a network are compared with (deep supervision).
///
/// The label stays as it is; of `label` come `label_2`, `label_3` and so on, one item for each of `scales`, with fewer voxels over the same field of
/// view. Each voxel is the nearest of the label's own. Corresponds to batchgeneratorsv2's `DownsampleSegForDSTransform`, whose list begins with the
/// label itself (1) and counts axes z, y, x. Transforms that move voxels come before: afterwards the items lie on several grids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {"batchgeneratorsv2": "DownsampleSegForDSTransform"}))]
pub struct LabelPyramid {
    /// For each further item its share of the label's voxels along all axes, or along x, y, z; above 0, at most 1. The number of voxels is rounded half to even,
    /// and at least 1.
    pub scales: Vec<PerAxis<f64>>,
}

impl Declared for LabelPyramid {
    const NAME: &'static str = "label_pyramid";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("scales");
}

impl Transform for LabelPyramid {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let (label, role) = at.item.map_or(("label", Role::Label), |i| (i.name.as_str(), i.role));
        let mut items = vec![];
        for (n, scale) in self.scales.iter().enumerate() {
            let (scale, name) = (scale.each(), format!("{label}_{}", n + 2));
            if scale.iter().any(|s| !(*s > 0.0 && *s <= 1.0)) {
                let found = format!("{scale:?}");
                return Err(Error::param(Self::NAME, "scales", found, "shares above 0, at most 1"));
            }
            if at.items.iter().any(|i| i.name == name) {
                let wanted = format!("no item {name:?} yet");
                return Err(Error::param(Self::NAME, "scales", format!("for item {name:?}"), wanted));
            }
            items.push(Derived { name, role, steps: lower(at, scale) });
        }
        Ok(if items.is_empty() {
            vec![]
        } else {
            vec![Step::Items(Items::Derive { items, whole: true, instead: false })]
        })
    }

    fn derives(&self) -> bool {
        true
    }
}

/// To the nearest voxels on a grid of fewer.
fn lower(at: &Facts<'_>, scale: [f64; 3]) -> Vec<Step> {
    let n = at.grid.shape;
    let shape = [0, 1, 2].map(|i| ((n[i] as f64 * scale[i]).round_ties_even() as usize).max(1));
    if shape == n {
        return vec![];
    }
    let ratio = [0, 1, 2].map(|i| n[i] as f64 / shape[i] as f64);
    let warp = centred(format!("{n:?} to {shape:?}"), at.grid, shape, ratio, Sampler::Nearest);
    vec![Step::Warp(Warp { composable: false, ..warp })]
}
