use medcore::{Category, Declared, Dist, Facts, Key, Result, Step, Transform};
use medkernels::components::Components;
use medkernels::element::Element;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::whole::{OnLabels, check_connectivity, check_labels, whole};

/// Remove connected components that are smaller than a size; their voxels become 0.
///
/// Corresponds to MONAI's `RemoveSmallObjects` and scikit-image's `remove_small_objects`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "RemoveSmallObjects",
    "SimpleITK": "RelabelComponent",
    "scikit-image": "morphology.remove_small_objects",
    "cc3d": "dust"
}))]
pub struct RemoveSmallComponents {
    /// The smallest size that is kept, 0 or more.
    pub min_size: Dist,
    /// The unit of the size.
    pub unit: VolumeUnit,
    /// Which voxels touch: 1 by faces (6 neighbours), 2 also by edges (18), 3 also by corners (26).
    pub connectivity: u8,
    /// Whether voxels of another label value are another component; otherwise all voxels that are looked at count as one label.
    pub per_label: bool,
    /// The label values that are looked at; all but 0 if not given.
    pub labels: Option<Vec<i64>>,
}

/// A unit of volume in an image: `voxels` or `mm3`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VolumeUnit {
    /// Voxels.
    #[default]
    Voxels,
    /// Cubic millimetres.
    Mm3,
}

impl Default for RemoveSmallComponents {
    fn default() -> RemoveSmallComponents {
        RemoveSmallComponents {
            min_size: 64.0.into(),
            unit: VolumeUnit::Voxels,
            connectivity: 3,
            per_label: true,
            labels: None,
        }
    }
}

impl Declared for RemoveSmallComponents {
    const NAME: &'static str = "remove_small_components";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("min_size");
}

impl Transform for RemoveSmallComponents {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let connectivity = check_connectivity(Self::NAME, self.connectivity)?;
        check_labels(Self::NAME, self.labels.as_deref())?;
        self.min_size.within(Self::NAME, "min_size", 0.0, f64::MAX)?;
        let size = self.min_size.draw(key.text("min_size"));
        let voxel = match self.unit {
            VolumeUnit::Voxels => 1.0,
            VolumeUnit::Mm3 => at.grid.spacing().iter().product(),
        };
        // A size that is a whole number of voxels but for rounding is that number.
        let fewest = (size / voxel * (1.0 - 1e-12)).ceil() as u64;
        let (per_label, labels) = (self.per_label, self.labels.clone());
        let label = format!("remove components of fewer than {fewest} voxels, connectivity {connectivity}");
        Ok(vec![whole(Self::NAME, label, Small { fewest, connectivity, per_label, labels })])
    }
}

struct Small {
    fewest: u64,
    connectivity: u8,
    per_label: bool,
    labels: Option<Vec<i64>>,
}

impl OnLabels for Small {
    fn run<T: Element>(&self, voxels: &mut [T], shape: [usize; 3]) {
        let zero = T::from_f64_saturating(0.0);
        let belongs = |value: T| {
            let is = |v: &i64| i128::from(*v) == value.to_i128();
            value != zero && self.labels.as_ref().is_none_or(|labels| labels.iter().any(is))
        };
        let found = Components::of(voxels, shape, self.connectivity, self.per_label, belongs);
        found.for_each_run(|run, part| {
            if found.parts[part].voxels < self.fewest {
                voxels[run].fill(zero);
            }
        });
    }
}
