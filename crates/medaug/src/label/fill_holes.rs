use medcore::{Category, Declared, Facts, Key, Result, Step, Transform};
use medkernels::components::Components;
use medkernels::element::Element;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::whole::{OnLabels, check_connectivity, check_labels, values, whole};

/// Fill the holes of each label: what is not connected to the volume's edge without crossing the label becomes that label.
///
/// Labels are gone through one after the other, in the order given or ascending; other labels that lie in a hole are filled too. An axis of one voxel has no edge, so that a slice is filled as a
/// picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "FillHoles", "SciPy": "ndimage.binary_fill_holes", "SimpleITK": "BinaryFillhole"}))]
pub struct FillHoles {
    /// Which voxels outside the label touch: 1 by faces (6 neighbours), 2 also by edges (18), 3 also by corners (26).
    pub connectivity: u8,
    /// The label values whose holes are filled; all that there are but 0 if not given.
    pub labels: Option<Vec<i64>>,
}

impl Default for FillHoles {
    fn default() -> FillHoles {
        FillHoles { connectivity: 1, labels: None }
    }
}

impl Declared for FillHoles {
    const NAME: &'static str = "fill_holes";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("connectivity");
}

impl Transform for FillHoles {
    fn plan(&self, _: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let connectivity = check_connectivity(Self::NAME, self.connectivity)?;
        check_labels(Self::NAME, self.labels.as_deref())?;
        let label = format!("fill the holes of labels, connectivity {connectivity}");
        Ok(vec![whole(Self::NAME, label, self.clone())])
    }
}

impl OnLabels for FillHoles {
    fn run<T: Element>(&self, voxels: &mut [T], shape: [usize; 3]) {
        let [nx, ny, nz] = shape;
        for label in values(self.labels.as_deref(), voxels) {
            let outside = |v: T| v.to_i128() != label;
            let found = Components::of(voxels, shape, self.connectivity, false, outside);
            let mut open = vec![false; found.parts.len()];
            found.for_each_run(|run, part| {
                let (x, row) = (run.start % nx, run.start / nx);
                let (y, z) = (row % ny, row / ny);
                let ends = nx > 1 && (x == 0 || x + run.len() == nx);
                let at_edge = |at: usize, n: usize| n > 1 && (at == 0 || at + 1 == n);
                open[part] |= ends || at_edge(y, ny) || at_edge(z, nz);
            });
            if open.iter().all(|open| *open) {
                continue;
            }
            let value = T::from_i128_saturating(label);
            found.for_each_run(|run, part| {
                if !open[part] {
                    voxels[run].fill(value);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monais_example() {
        let mut v: Vec<u8> = vec![1, 1, 1, 2, 2, 2, 3, 3, 1, 0, 1, 2, 0, 0, 3, 0, 1, 1, 1, 2, 2, 2, 3, 3];
        let mut want = v.clone();
        want[9] = 1;
        FillHoles { connectivity: 2, labels: None }.run(&mut v, [8, 3, 1]);
        assert_eq!(v, want);
    }
}
