use medcore::{Category, Declared, Dist, Error, Facts, Grid, Key, Result, Step, Transform};
use medkernels::element::Element;
use medkernels::voxel_set::{Structure, VoxelSet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::whole::{OnLabels, check_labels, values, whole};
use crate::LengthUnit;

/// Grow labels, shrink them, or smooth their outlines, by binary morphology.
///
/// Labels are gone through one after the other, in the order given or ascending. Voxels that a label loses become 0. What lies outside the volume takes nothing from
/// a label and adds nothing to it, as in MONAI and batchgeneratorsv2; SciPy's `border_value=1` for erosions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "utils_morphological_ops.dilate, utils_morphological_ops.erode",
    "SciPy": "ndimage.binary_dilation, ndimage.binary_erosion, ndimage.binary_opening, ndimage.binary_closing",
    "SimpleITK": "BinaryDilate, BinaryErode, BinaryMorphologicalOpening, BinaryMorphologicalClosing",
    "scikit-image": "morphology.dilation, morphology.erosion, morphology.opening, morphology.closing"
}))]
pub struct Morphology {
    /// What is done.
    pub operation: MorphologyOperation,
    /// How far the element reaches from its centre, 0 or more, to at most 64 voxels.
    pub radius: Dist,
    /// The unit of the radius.
    pub unit: LengthUnit,
    /// The structuring element.
    pub element: StructuringElement,
    /// The label values that are changed; all that there are but 0 if not given.
    pub labels: Option<Vec<i64>>,
    /// Whether labels that grow take voxels from other labels; otherwise only where there is 0.
    pub overwrite: bool,
}

/// An operation of binary morphology: `dilate`, `erode`, `open` or `close`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MorphologyOperation {
    /// A voxel is in it if the element around it touches the label.
    #[default]
    Dilate,
    /// A voxel is in it if the element around it is in the label.
    Erode,
    /// Eroded, then dilated: thin parts go.
    Open,
    /// Dilated, then eroded: thin gaps are filled.
    Close,
}

/// A structuring element: `ball`, `box` or `cross`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StructuringElement {
    /// All within the radius (Euclidean): scikit-image's `ball`.
    #[default]
    Ball,
    /// All within the radius along each axis: a cube.
    Box,
    /// All whose distances along the axes have a sum within the radius: the six neighbours for 1, an octahedron beyond.
    Cross,
}

impl Default for Morphology {
    fn default() -> Morphology {
        Morphology {
            operation: MorphologyOperation::Dilate,
            radius: 1.0.into(),
            unit: LengthUnit::Voxels,
            element: StructuringElement::Ball,
            labels: None,
            overwrite: false,
        }
    }
}

impl Declared for Morphology {
    const NAME: &'static str = "morphology";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("operation");
}

impl Transform for Morphology {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        check_labels(Self::NAME, self.labels.as_deref())?;
        let scale = Scale::of(Self::NAME, at.grid, self.element, self.unit, self.radius.bounds())?;
        let radius = self.radius.draw(key.text("radius"));
        let label = format!("{} labels by a {} of radius {radius}", self.operation, self.element);
        let (operation, by, labels) = (self.operation, scale.structure(radius), self.labels.clone());
        Ok(vec![whole(Self::NAME, label, Change { operation, by, labels, overwrite: self.overwrite })])
    }
}

struct Change {
    operation: MorphologyOperation,
    by: Structure,
    labels: Option<Vec<i64>>,
    overwrite: bool,
}

impl OnLabels for Change {
    fn run<T: Element>(&self, voxels: &mut [T], shape: [usize; 3]) {
        for label in values(self.labels.as_deref(), voxels) {
            self.operation.change(voxels, shape, label, &self.by, self.overwrite);
        }
    }
}

impl MorphologyOperation {
    /// Changes one label.
    pub(crate) fn change<T: Element>(
        self,
        voxels: &mut [T],
        shape: [usize; 3],
        label: i128,
        by: &Structure,
        overwrite: bool,
    ) {
        let (zero, value) = (T::from_f64_saturating(0.0), T::from_i128_saturating(label));
        let before = VoxelSet::of(voxels, shape, |v| v.to_i128() == label);
        let after = match self {
            MorphologyOperation::Dilate => before.dilated(by),
            MorphologyOperation::Erode => before.eroded(by),
            MorphologyOperation::Open => before.opened(by),
            MorphologyOperation::Close => before.closed(by),
        };
        before.without(&after).for_each_run(|run| voxels[run].fill(zero));
        after.without(&before).for_each_run(|run| {
            for v in voxels[run].iter_mut().filter(|v| overwrite || **v == zero) {
                *v = value;
            }
        });
    }
}

impl std::fmt::Display for MorphologyOperation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            MorphologyOperation::Dilate => "dilate",
            MorphologyOperation::Erode => "erode",
            MorphologyOperation::Open => "open",
            MorphologyOperation::Close => "close",
        })
    }
}

impl std::fmt::Display for StructuringElement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            StructuringElement::Ball => "ball",
            StructuringElement::Box => "box",
            StructuringElement::Cross => "cross",
        })
    }
}

/// An element on a grid, of any radius.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    element: StructuringElement,
    /// A voxel's size along each axis, in the unit of the radius.
    voxel: [f64; 3],
    shape: [usize; 3],
}

impl Scale {
    /// # Errors
    /// [`Error::Param`] for radii that may be below 0, or more than 64 voxels.
    pub(crate) fn of(
        transform: &str,
        grid: &Grid,
        element: StructuringElement,
        unit: LengthUnit,
        [low, high]: [f64; 2],
    ) -> Result<Scale> {
        let voxel = match unit {
            LengthUnit::Voxels => [1.0; 3],
            LengthUnit::Mm => grid.spacing(),
        };
        let widest = voxel.iter().map(|size| high / size).fold(0.0, f64::max);
        if low >= 0.0 && widest <= 64.0 {
            return Ok(Scale { element, voxel, shape: grid.shape });
        }
        let found = format!("{low} to {high}, {widest:.1} voxels");
        Err(Error::param(transform, "radius", found, "0 or more, at most 64 voxels"))
    }

    pub(crate) fn structure(&self, radius: f64) -> Structure {
        // What lies on the edge but for rounding is inside.
        let radius = radius * (1.0 + 1e-12);
        let reach = [0, 1, 2].map(|i| ((radius / self.voxel[i]) as usize).min(self.shape[i]));
        Structure::new(reach, |offset| {
            let [x, y, z] = [0, 1, 2].map(|i| offset[i] as f64 * self.voxel[i]);
            match self.element {
                StructuringElement::Ball => x * x + y * y + z * z <= radius * radius,
                StructuringElement::Box => x.max(y).max(z) <= radius,
                StructuringElement::Cross => x + y + z <= radius,
            }
        })
    }
}
