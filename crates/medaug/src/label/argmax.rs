use std::sync::Arc;

use medcore::{
    Category, DType, Declared, Error, Facts, ItemFacts, Key, Remake, RemakeBy, Result, Role, Step, Transform,
    with_element,
};
use medkernels::channels;
use medkernels::element::Element;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::one_hot::{becomes, dtype_of};

/// Voxels that are worked on at once, in the first cache level.
const PART: usize = 1024;

/// Turn channels into a label: at each voxel the class whose channel has the largest value, of equal ones the first.
///
/// What is not a number counts as larger than any number, as in `NumPy` and torch. The label has the smallest dtype that holds its values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "AsDiscrete", "NumPy": "argmax", "PyTorch": "argmax"}))]
pub struct Argmax {
    /// The label values that the channels stand for; 0, 1, 2 and so on if not given.
    pub classes: Option<Vec<i64>>,
    /// The name of the item that the label becomes; it takes the channels' place if not given.
    pub item: Option<String>,
}

impl Declared for Argmax {
    const NAME: &'static str = "argmax";
    const CATEGORY: Category = Category::Map;
    const MAIN: Option<&'static str> = Some("classes");
}

impl Transform for Argmax {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let (channels, from) = (at.item.map_or(1, ItemFacts::channels), dtype_of(at, Self::NAME)?);
        let classes = self.classes.clone().unwrap_or_else(|| (0..channels as i64).collect());
        if classes.len() != channels {
            let wanted = format!("a label value for each of {channels} channels");
            return Err(Error::param(Self::NAME, "classes", format!("{classes:?}"), wanted));
        }
        let (low, high) = (classes.iter().min().copied(), classes.iter().max().copied());
        let dtype = DType::smallest_integer(low.unwrap_or(0) as f64, high.unwrap_or(0) as f64);
        let dtype = dtype.ok_or_else(|| {
            Error::param(Self::NAME, "classes", format!("{classes:?}"), "values of magnitudes up to 2^53")
        })?;
        let run = move |rows: &[&[u8]], out: &mut [&mut [u8]]| {
            with_element!(from, T => largest::<T>(rows, |start, at| {
                with_element!(dtype, U => {
                    let out: &mut [U] = bytemuck::cast_slice_mut(&mut out[0][..]);
                    for (v, at) in out[start..].iter_mut().zip(at) {
                        *v = U::from_i128_saturating(i128::from(classes[*at as usize]));
                    }
                }, else => ());
            }), else => ());
            Ok(())
        };
        let label = format!("the largest of {channels} channels");
        let by = RemakeBy::Voxels(Arc::new(run));
        let step = Step::Remake(Remake { label, dtype, extra: vec![], by });
        becomes(Self::NAME, at, self.item.as_deref(), Role::Label, vec![step])
    }

    fn derives(&self) -> bool {
        true
    }
}

/// Gives the number of the largest channel of each voxel, part by part.
fn largest<T: Element>(rows: &[&[u8]], mut give: impl FnMut(usize, &[u32])) {
    let rows: Vec<&[T]> = rows.iter().map(|row| bytemuck::cast_slice(row)).collect();
    let (mut most, mut at) = ([T::from_f64_saturating(0.0); PART], [0; PART]);
    for start in (0..rows[0].len()).step_by(PART) {
        let part = start..rows[0].len().min(start + PART);
        let (most, at) = (&mut most[..part.len()], &mut at[..part.len()]);
        most.copy_from_slice(&rows[0][part.clone()]);
        at.fill(0);
        for (n, row) in rows.iter().enumerate().skip(1) {
            channels::larger(&row[part.clone()], n as u32, most, at);
        }
        give(start, at);
    }
}
