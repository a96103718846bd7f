use std::sync::Arc;

use medcore::{
    Category, DType, Declared, Error, Facts, ItemFacts, Key, OfVoxels, Remake, RemakeBy, Result, Step,
    Transform, with_element,
};
use medkernels::grey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Make one brightness of colours: of NIfTI's RGB24 and RGBA32 voxels, or of three or four channels.
///
/// Bytes stay bytes, with the numbers of `OpenCV`'s `cvtColor`: weights in 2^-15ths, rounded half up, saturated. Channels of any other dtype become float32.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"OpenCV": "cvtColor", "Pillow": "Image.Image.convert", "scikit-image": "color.rgb2gray"}))]
pub struct Grey {
    /// What red, green and blue count: by name, or three numbers of magnitudes up to 16.
    pub weights: GreyWeights,
    /// What a fourth channel does.
    pub alpha: Alpha,
}

/// The weights of red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "\"bt601\", \"bt709\" or \"mean\", or three numbers")]
pub enum GreyWeights {
    /// By name.
    Named(NamedWeights),
    /// Red's, green's and blue's.
    Given([f64; 3]),
}

impl Default for GreyWeights {
    fn default() -> GreyWeights {
        GreyWeights::Named(NamedWeights::Bt601)
    }
}

/// Weights of red, green and blue that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamedWeights {
    /// ITU-R BT.601's luma, 0.299, 0.587 and 0.114: `OpenCV` and Pillow.
    Bt601,
    /// ITU-R BT.709's luma, 0.2126, 0.7152 and 0.0722: near scikit-image, whose weights are 0.2125, 0.7154 and 0.0721.
    Bt709,
    /// A third each.
    Mean,
}

/// What the fourth channel, opacity, does to the brightness.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Alpha {
    /// Nothing, as in `OpenCV` and Pillow.
    #[default]
    Ignore,
    /// The brightness is multiplied by its share of the largest (255 of bytes, 1 of other dtypes), as over black.
    Multiply,
}

impl Grey {
    fn weights(&self) -> Result<[f64; 3]> {
        let weights = match self.weights {
            GreyWeights::Named(NamedWeights::Bt601) => [0.299, 0.587, 0.114],
            GreyWeights::Named(NamedWeights::Bt709) => [0.2126, 0.7152, 0.0722],
            GreyWeights::Named(NamedWeights::Mean) => [1.0 / 3.0; 3],
            GreyWeights::Given(given) => given,
        };
        if weights.iter().all(|w| w.abs() <= 16.0) {
            return Ok(weights);
        }
        Err(Error::param(Self::NAME, "weights", format!("{weights:?}"), "three numbers from -16 to 16"))
    }
}

impl Declared for Grey {
    const NAME: &'static str = "grey";
    const CATEGORY: Category = Category::Channels;
    const MAIN: Option<&'static str> = Some("weights");
}

impl Transform for Grey {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let weights = self.weights()?;
        let (from, channels) = at.item.map_or((DType::Rgb24, 1), |i| (i.dtype, ItemFacts::channels(i)));
        let multiplied = self.alpha == Alpha::Multiply;
        let label = "brightness of colours".to_owned();
        let remake = |dtype, by| Step::Remake(Remake { label, dtype, extra: vec![], by });
        let fixed = grey::fixed(weights);
        let pixels = move |pixels: &[u8], out: &mut [u8], four: bool| {
            if four {
                grey::of_rgba(pixels, fixed, out);
                if multiplied {
                    grey::by_alpha(pixels, out);
                }
            } else {
                grey::of_rgb(pixels, fixed, out);
            }
            Ok(())
        };
        let step = match (from, channels) {
            (DType::Rgb24 | DType::Rgba32, 1) => {
                let four = from == DType::Rgba32;
                let run = move |rows: &[&[u8]], out: &mut [&mut [u8]]| pixels(rows[0], out[0], four);
                remake(DType::U8, RemakeBy::Voxels(Arc::new(run)))
            }
            (DType::U8, 3 | 4) => {
                let run = move |rows: &[&[u8]], out: &mut [&mut [u8]]| {
                    grey::of_planes(rows[0], rows[1], rows[2], fixed, out[0]);
                    if let (Some(alpha), true) = (rows.get(3), multiplied) {
                        grey::by_alpha_plane(alpha, out[0]);
                    }
                    Ok(())
                };
                let (planes, four): (Arc<OfVoxels>, bool) = (Arc::new(run), channels == 4);
                let pixels = Arc::new(move |row: &[u8], out: &mut [u8]| pixels(row, out, four));
                remake(DType::U8, RemakeBy::Pixels { planes, pixels })
            }
            (from, 3 | 4) if from.is_real() => {
                let run = move |rows: &[&[u8]], out: &mut [&mut [u8]]| {
                    let out: &mut [f32] = bytemuck::cast_slice_mut(&mut out[0][..]);
                    with_element!(from, T => {
                        let row = |n: usize| bytemuck::cast_slice::<u8, T>(rows[n]);
                        grey::of_numbers([row(0), row(1), row(2)], weights, out);
                        if rows.len() == 4 && multiplied {
                            grey::times(row(3), out);
                        }
                    }, else => ());
                    Ok(())
                };
                remake(DType::F32, RemakeBy::Voxels(Arc::new(run)))
            }
            _ => {
                let found = format!("{channels} channels of {from}");
                return Err(Error::shape(Self::NAME, found, "3 or 4 channels, or rgb24 or rgba32 voxels"));
            }
        };
        Ok(vec![step])
    }
}
