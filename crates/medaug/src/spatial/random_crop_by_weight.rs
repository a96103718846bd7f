use std::sync::Arc;

use medcore::{
    Category, Declared, Facts, Keep, Key, Measure, Measured, Of, PerAxis, Result, Role, Step, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::PadMode;
use super::patches::{Absent, Edges, Patches, one};

/// Cut out patches around voxels that are drawn with probabilities in proportion to a map's values, the same for every item of the sample. With `count` above 1 the
/// sample becomes that many.
///
/// The map is looked at as it stands at this point of the pipeline, in float32, with sums in float64; it has one channel, and a negative or infinite weight or a NaN is an error.
/// Corresponds to TorchIO's `WeightedSampler`, and to MONAI's `RandWeightedCrop`, which leaves out the last place along each axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {"MONAI": "RandWeightedCrop", "TorchIO": "WeightedSampler"}))]
pub struct RandomCropByWeight {
    /// Voxels of a patch along x, y, z. The voxel drawn has half of them before it, rounded down.
    pub shape: PerAxis<usize>,
    /// Number of patches.
    #[serde(default = "one")]
    pub count: usize,
    /// The item whose values are weights; the first map if not given.
    #[serde(default)]
    pub map: Option<String>,
    /// What happens near the volume's edge. `{nnunet: n}`: patches may reach beyond it by half of `n` voxels, and behind the volume as far as the voxel drawn needs.
    #[serde(default = "skip")]
    pub edges: Edges,
    /// What happens where no voxel has weight.
    #[serde(default)]
    pub absent: Absent,
    /// What is added where a patch reaches beyond the volume.
    #[serde(default)]
    pub mode: PadMode,
    /// The value added in mode `constant`, in real units.
    #[serde(default)]
    pub value: f64,
    /// The label added in mode `constant`; nnU-Net's -1 needs labels of a signed dtype.
    #[serde(default)]
    pub label_value: i64,
}

fn skip() -> Edges {
    Edges::Skip
}

impl Declared for RandomCropByWeight {
    const NAME: &'static str = "random_crop_by_weight";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("shape");
    const RANDOM: bool = true;
}

impl Transform for RandomCropByWeight {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let outside = self.mode.outside(Self::NAME, self.value, self.label_value)?;
        let patches = Patches::new(Self::NAME, &self.shape, self.count, outside)?;
        let patches = patches.with_edges(&self.edges);
        let map = at.named(Self::NAME, "map", self.map.as_deref(), Role::Map)?.name.clone();
        let (grid, absent) = (*at.grid, self.absent);
        let draws: Vec<Key> = (0..self.count as u64).map(|n| key.text("patch").index(n)).collect();
        let shares = draws.iter().map(|draw| draw.text("voxel").uniform()).collect();
        let inside = patches.centres(grid.shape);
        let label = format!("crop around voxels by the weights {map:?}");
        let then = move |m: &Measured| {
            if m.drawn.is_empty() {
                absent.check(Self::NAME, "no voxel has weight")?;
            }
            let start = |(n, draw): (usize, &Key)| match m.drawn.get(n) {
                Some(&voxel) => (patches.around(grid.shape, voxel), format!(" around {voxel:?}")),
                None => (patches.anywhere(grid.shape, draw.text("start")), " (no weight)".into()),
            };
            Ok(patches.cut(&grid, &draws.iter().enumerate().map(start).collect::<Vec<_>>()))
        };
        Ok(vec![Step::Measure(Measure {
            label,
            item: Some(map),
            of: Of::Drawn { shares, inside },
            keep: Keep::All,
            per_channel: false,
            then: Arc::new(then),
        })])
    }

    fn patches(&self) -> Option<usize> {
        Some(self.count)
    }
}
