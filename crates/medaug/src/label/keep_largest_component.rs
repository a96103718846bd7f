use std::collections::HashMap;

use medcore::{Category, Declared, Facts, Key, Result, Step, Transform};
use medkernels::components::Components;
use medkernels::element::Element;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::whole::{OnLabels, check_connectivity, whole};

/// Keep only the largest connected component of each label; all other voxels of it become 0.
///
/// Of components of the same size, the one whose first voxel (x fastest) comes first is kept. Corresponds to MONAI's
/// `KeepLargestConnectedComponent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "KeepLargestConnectedComponent",
    "TorchIO": "KeepLargestComponent",
    "SciPy": "ndimage.label",
    "SimpleITK": "ConnectedComponent, RelabelComponent",
    "cc3d": "largest_k"
}))]
pub struct KeepLargestComponent {
    /// Which voxels touch: 1 by faces (6 neighbours), 2 also by edges (18), 3 also by corners (26).
    pub connectivity: u8,
    /// Whether each label value is looked at by itself; otherwise all voxels that are not 0 count as one.
    pub per_label: bool,
}

impl Default for KeepLargestComponent {
    fn default() -> KeepLargestComponent {
        KeepLargestComponent { connectivity: 3, per_label: true }
    }
}

impl Declared for KeepLargestComponent {
    const NAME: &'static str = "keep_largest_component";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("connectivity");
}

impl Transform for KeepLargestComponent {
    fn plan(&self, _: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let connectivity = check_connectivity(Self::NAME, self.connectivity)?;
        let label = format!("keep the largest component, connectivity {connectivity}");
        Ok(vec![whole(Self::NAME, label, self.clone())])
    }
}

impl OnLabels for KeepLargestComponent {
    fn run<T: Element>(&self, voxels: &mut [T], shape: [usize; 3]) {
        let zero = T::from_f64_saturating(0.0);
        let found = Components::of(voxels, shape, self.connectivity, self.per_label, |v| v != zero);
        let group = |part: usize| if self.per_label { bits(found.parts[part].value) } else { 0 };
        let mut best: HashMap<u64, usize> = HashMap::new();
        for (part, component) in found.parts.iter().enumerate() {
            let champion = best.entry(group(part)).or_insert(part);
            if component.voxels > found.parts[*champion].voxels {
                *champion = part;
            }
        }
        let mut kept = vec![false; found.parts.len()];
        for part in best.into_values() {
            kept[part] = true;
        }
        found.for_each_run(|run, part| {
            if !kept[part] {
                voxels[run].fill(zero);
            }
        });
    }
}

/// A value by which equal ones are found.
fn bits<T: Element>(value: T) -> u64 {
    let mut out = [0; 8];
    out[..T::BYTES].copy_from_slice(bytemuck::bytes_of(&value));
    u64::from_ne_bytes(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_larger_of_two_and_joins_a_u() {
        // A U of 7 voxels that only joins in its last row, and one voxel apart.
        let mut v: Vec<u8> = vec![1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1];
        let want: Vec<u8> = vec![1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0];
        KeepLargestComponent { connectivity: 1, per_label: true }.run(&mut v, [5, 3, 1]);
        assert_eq!(v, want);
    }
}
