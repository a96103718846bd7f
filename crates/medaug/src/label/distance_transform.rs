use std::borrow::Cow;
use std::sync::Arc;

use medcore::{
    Category, DType, Declared, Facts, Key, Remake, RemakeBy, Result, Role, Step, Transform, with_element,
};
use medkernels::distance::to_others;
use medkernels::element::Element;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::one_hot::{becomes, dtype_of};
use super::whole::check_labels;

/// Turn the label into a map of distances: how far each voxel is from the nearest voxel outside its label, in mm, exactly (Euclidean).
///
/// Distances go from voxel centre to voxel centre, so a voxel at a label's edge has the voxels' spacing. They are float32; infinite where the volume has no voxel outside. Besides the map, a byte for each
/// voxel is needed while it is made, where `per_label` is off or `labels` are given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "DistanceTransformEDT",
    "SciPy": "ndimage.distance_transform_edt",
    "SimpleITK": "SignedMaurerDistanceMap",
    "OpenCV": "distanceTransform",
    "edt": "edt, sdf"
}))]
pub struct DistanceTransform {
    /// Whether voxels outside all labels have distances too, to the nearest label, and negative; otherwise theirs is 0.
    pub signed: bool,
    /// Whether voxels of another label are outside; otherwise all that are not 0 count as one.
    pub per_label: bool,
    /// The label values that are looked at, all others being outside; all but 0 if not given.
    pub labels: Option<Vec<i64>>,
    /// The name of the item that the distances become; they take the label's place if not given.
    pub item: Option<String>,
}

impl Declared for DistanceTransform {
    const NAME: &'static str = "distance_transform";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("signed");
}

impl Transform for DistanceTransform {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        check_labels(Self::NAME, self.labels.as_deref())?;
        let (from, size, given) = (dtype_of(at, Self::NAME)?, at.grid.spacing(), self.clone());
        let run = move |voxels: &[u8], shape: [usize; 3], out: &mut [u8]| {
            let out = bytemuck::cast_slice_mut(out);
            with_element!(from, T => {
                let voxels: &[T] = bytemuck::cast_slice(voxels);
                if given.per_label {
                    to_others(&given.looked_at(voxels), shape, size, given.signed, out);
                } else {
                    to_others(&given.inside(voxels), shape, size, given.signed, out);
                }
            }, else => ());
            Ok(())
        };
        let sign = if self.signed { "signed distances" } else { "distances" };
        let extra = at.item.map(|i| i.extra.clone()).unwrap_or_default();
        let by = RemakeBy::Channel(Arc::new(run));
        let step = Step::Remake(Remake { label: format!("{sign} in mm"), dtype: DType::F32, extra, by });
        becomes(Self::NAME, at, self.item.as_deref(), Role::Map, vec![step])
    }

    fn derives(&self) -> bool {
        true
    }
}

impl DistanceTransform {
    fn counts<T: Element>(&self, value: T) -> bool {
        match &self.labels {
            Some(labels) => labels.iter().any(|l| i128::from(*l) == value.to_i128()),
            None => value != T::from_f64_saturating(0.0),
        }
    }

    /// 1 for voxels of the labels, 0 for others.
    fn inside<T: Element>(&self, voxels: &[T]) -> Vec<u8> {
        voxels.iter().map(|v| u8::from(self.counts(*v))).collect()
    }

    /// The voxels, 0 where they are of no label that is looked at.
    fn looked_at<'a, T: Element>(&self, voxels: &'a [T]) -> Cow<'a, [T]> {
        if self.labels.is_none() {
            return voxels.into();
        }
        let zero = T::from_f64_saturating(0.0);
        voxels.iter().map(|v| if self.counts(*v) { *v } else { zero }).collect::<Vec<T>>().into()
    }
}
