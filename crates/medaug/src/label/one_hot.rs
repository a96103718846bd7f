use std::sync::Arc;

use medcore::{
    Category, DType, Declared, Derived, Error, Facts, Items, Key, Remake, RemakeBy, Result, Role, Step,
    Transform, with_element,
};
use medkernels::channels;
use medkernels::element::Element;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most channels.
const MOST: usize = 4096;

/// Voxels of which all channels are made while they are in the first cache level.
const PART: usize = 2048;

/// Turn the label into channels of 0 and 1, one for each class or each region of several classes.
///
/// The channels are a map: warps that come after interpolate them linearly, intensity transforms leave them alone. Regions may overlap, as in region-based training (`nnU-Net`, `BraTS`):
/// `classes: [[1, 2, 3], [2, 3], 3]` are the whole tumour, its core and the part that enhances. The channels are the last axis, and the first of tensors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {
    "MONAI": "AsDiscrete, ConvertToMultiChannelBasedOnBratsClasses",
    "TorchIO": "OneHot",
    "batchgeneratorsv2": "ConvertSegmentationToRegionsTransform",
    "PyTorch": "nn.functional.one_hot"
}))]
pub struct OneHot {
    /// How many classes there are: the values from 0 on, each a channel. Or for each channel the label value that it stands for, or several. 1 to 4096 channels.
    pub classes: Classes,
    /// The dtype of the channels.
    #[serde(default = "float32")]
    pub dtype: DType,
    /// The name of the item that the channels become; they take the label's place if not given.
    #[serde(default)]
    pub item: Option<String>,
}

fn float32() -> DType {
    DType::F32
}

/// The classes of channels: how many, or a value or list of values for each channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a number of classes, or a label value or list of values for each channel")]
pub enum Classes {
    /// So many, from 0 on.
    Count(usize),
    /// What each channel stands for.
    Each(Vec<Region>),
}

/// A label value, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a label value or a list of them")]
pub enum Region {
    /// One.
    One(i64),
    /// Several.
    Several(Vec<i64>),
}

impl Classes {
    /// The values of each channel.
    fn values(&self) -> Vec<Vec<i64>> {
        match self {
            Classes::Count(n) => (0..(*n).min(MOST + 1)).map(|n| vec![n as i64]).collect(),
            Classes::Each(all) => all
                .iter()
                .map(|region| match region {
                    Region::One(value) => vec![*value],
                    Region::Several(values) => values.clone(),
                })
                .collect(),
        }
    }
}

impl Declared for OneHot {
    const NAME: &'static str = "one_hot";
    const CATEGORY: Category = Category::Label;
    const MAIN: Option<&'static str> = Some("classes");
}

impl Transform for OneHot {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let values = self.classes.values();
        if values.is_empty() || values.len() > MOST || values.iter().any(Vec::is_empty) {
            let wanted = "1 to 4096 channels, each of one label value or more";
            return Err(Error::param(Self::NAME, "classes", format!("{:?}", self.classes), wanted));
        }
        let dtype = self.dtype;
        let one = with_element!(dtype, T => bytemuck::bytes_of(&T::from_f64_saturating(1.0)).to_vec(),
            else => return Err(Error::not_numeric(Self::NAME, dtype)));
        let (count, from) = (values.len(), dtype_of(at, Self::NAME)?);
        let run = move |rows: &[&[u8]], out: &mut [&mut [u8]]| {
            with_element!(from, T => marks::<T>(rows[0], &values, |channel, start, marks| {
                with_element!(dtype, U => {
                    let out: &mut [U] = bytemuck::cast_slice_mut(&mut out[channel][..]);
                    let one = bytemuck::pod_read_unaligned(&one);
                    channels::write(marks, one, &mut out[start..start + marks.len()]);
                }, else => ());
            }), else => ());
            Ok(())
        };
        let label = format!("{count} channels of classes");
        let by = RemakeBy::Voxels(Arc::new(run));
        let step = Step::Remake(Remake { label, dtype, extra: vec![count], by });
        if let Some(extra) = at.item.map(|i| &i.extra).filter(|e| !e.is_empty()) {
            return Err(Error::shape(
                Self::NAME,
                format!("axes {extra:?} after x, y, z"),
                "a label without channels",
            ));
        }
        becomes(Self::NAME, at, self.item.as_deref(), Role::Map, vec![step])
    }

    fn derives(&self) -> bool {
        true
    }
}

/// Gives the marks of each channel, part by part.
fn marks<T: Element>(row: &[u8], values: &[Vec<i64>], mut give: impl FnMut(usize, usize, &[u8])) {
    let row: &[T] = bytemuck::cast_slice(row);
    // Values that the dtype cannot hold occur nowhere.
    let exact =
        |v: &i64| Some(T::from_i128_saturating(i128::from(*v))).filter(|t| t.to_i128() == i128::from(*v));
    let values: Vec<Vec<T>> = values.iter().map(|all| all.iter().filter_map(exact).collect()).collect();
    let mut marks = [0; PART];
    for (n, part) in row.chunks(PART).enumerate() {
        for (channel, values) in values.iter().enumerate() {
            let marks = &mut marks[..part.len()];
            channels::mark(part, values, marks);
            give(channel, n * PART, marks);
        }
    }
}

/// The dtype of the item being planned, which must hold real numbers.
///
/// # Errors
/// [`Error::Unsupported`] for complex numbers and colours.
pub(crate) fn dtype_of(at: &Facts<'_>, transform: &str) -> Result<DType> {
    let dtype = at.item.map_or(DType::U8, |i| i.dtype);
    if dtype.is_real() { Ok(dtype) } else { Err(Error::not_numeric(transform, dtype)) }
}

/// What lets the item being planned become another one, under a new name or, if none is given, its own.
///
/// # Errors
/// [`Error::Param`] where another item has the name.
pub(crate) fn becomes(
    transform: &str,
    at: &Facts<'_>,
    name: Option<&str>,
    role: Role,
    steps: Vec<Step>,
) -> Result<Vec<Step>> {
    let own = at.item.map_or("label", |i| i.name.as_str());
    let name = name.unwrap_or(own);
    if name != own && at.items.iter().any(|i| i.name == name) {
        return Err(Error::param(transform, "item", format!("{name:?}"), "a name that no other item has"));
    }
    let items = vec![Derived { name: name.into(), role, steps }];
    Ok(vec![Step::Items(Items::Derive { items, whole: name != own, instead: false })])
}
