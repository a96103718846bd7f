use medcore::{Category, Declared, Error, Facts, Key, Result, Step, Transform};
use medkernels::element::Element;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::morphology::{MorphologyOperation, Scale, StructuringElement};
use super::remove_random_component::drawn_order;
use super::whole::{OnLabels, check_labels, check_share, values, whole};
use crate::LengthUnit;

/// Change the outline of each label by an operation of binary morphology and a radius of its own, as a network that is not sure of it.
///
/// Labels are gone through in an order that is drawn. Corresponds to batchgeneratorsv2's `ApplyRandomBinaryOperatorTransform`, with the numbers of nnU-Net's cascade; the operations are
/// those of `morphology`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"batchgeneratorsv2": "ApplyRandomBinaryOperatorTransform"}))]
pub struct RandomMorphology {
    /// Smallest and largest radius, which is drawn uniformly for each label; 0 or more, to at most 64 voxels.
    pub radius: [f64; 2],
    /// The unit of the radius.
    pub unit: LengthUnit,
    /// The operations of which one is drawn for each label.
    pub operations: Vec<MorphologyOperation>,
    /// The structuring element.
    pub element: StructuringElement,
    /// Probability with which a label is changed; 0 to 1.
    pub p_per_label: f64,
    /// The label values that are changed; all that there are but 0 if not given.
    pub labels: Option<Vec<i64>>,
    /// Whether labels that grow take voxels from other labels; otherwise only where there is 0.
    pub overwrite: bool,
}

impl Default for RandomMorphology {
    fn default() -> RandomMorphology {
        RandomMorphology {
            radius: [1.0, 8.0],
            unit: LengthUnit::Voxels,
            operations: vec![
                MorphologyOperation::Dilate,
                MorphologyOperation::Erode,
                MorphologyOperation::Open,
                MorphologyOperation::Close,
            ],
            element: StructuringElement::Ball,
            p_per_label: 1.0,
            labels: None,
            overwrite: true,
        }
    }
}

impl Declared for RandomMorphology {
    const NAME: &'static str = "random_morphology";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("radius");
    const RANDOM: bool = true;
}

impl Transform for RandomMorphology {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        check_labels(Self::NAME, self.labels.as_deref())?;
        check_share(Self::NAME, "p_per_label", self.p_per_label)?;
        let [low, high] = self.radius;
        if !(low <= high && high.is_finite()) {
            let found = format!("{:?}", self.radius);
            return Err(Error::param(Self::NAME, "radius", found, "two finite numbers, low then high"));
        }
        if self.operations.is_empty() {
            return Err(Error::param(Self::NAME, "operations", "none", "dilate, erode, open or close"));
        }
        let scale = Scale::of(Self::NAME, at.grid, self.element, self.unit, self.radius)?;
        let label = format!("change outlines of labels, {} of radius {low} to {high}", self.element);
        Ok(vec![whole(Self::NAME, label, Changes { given: self.clone(), scale, key })])
    }
}

struct Changes {
    given: RandomMorphology,
    scale: Scale,
    key: Key,
}

impl OnLabels for Changes {
    fn run<T: Element>(&self, voxels: &mut [T], shape: [usize; 3]) {
        let RandomMorphology { radius: [low, high], operations, p_per_label, labels, overwrite, .. } =
            &self.given;
        let labels = values(labels.as_deref(), voxels);
        for (label, key) in drawn_order(&labels, *p_per_label, self.key) {
            let operation = operations[key.text("operation").below(operations.len() as u64) as usize];
            let radius = low + (high - low) * key.text("radius").uniform();
            operation.change(voxels, shape, label, &self.scale.structure(radius), *overwrite);
        }
    }
}
