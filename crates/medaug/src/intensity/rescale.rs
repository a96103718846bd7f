use medcore::{Category, Declared, Error, Facts, Keep, Key, Measured, Of, Result, Step, Transform};
use medkernels::linear::Linear;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mask;

/// Map an input range linearly to an output range.
///
/// The input range is given (a CT window, in HU), or measured: the smallest and largest finite value, or two percentiles (as `numpy.percentile`).
/// A range of no width maps to the lower output. Corresponds to MONAI's `ScaleIntensityRange(Percentiles)` and TorchIO's `RescaleIntensity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "ScaleIntensity, ScaleIntensityRange, ScaleIntensityRangePercentiles",
    "TorchIO": "RescaleIntensity",
    "SimpleITK": "RescaleIntensity, IntensityWindowing",
    "OpenCV": "normalize",
    "scikit-image": "exposure.rescale_intensity"
}))]
pub struct Rescale {
    /// Values that become the lower and upper output.
    pub out_range: [f64; 2],
    /// Values of the input that are mapped to the output range; measured if not given.
    pub in_range: Option<[f64; 2]>,
    /// Percentiles (0 to 100) that the input range is measured at, if not given; the extremes otherwise.
    pub percentiles: Option<[f64; 2]>,
    /// Whether the percentiles become themselves, as shares of the way from the lower to the upper output, as with MONAI's `relative`; 0 and 100 are the ends.
    pub relative: bool,
    /// Whether values outside the input range are clipped to the output range.
    pub clip: bool,
    /// Voxels that the range is measured over.
    pub mask: Mask,
    /// Whether each channel (or frame) has its own range.
    pub channel_wise: bool,
}

impl Default for Rescale {
    fn default() -> Rescale {
        Rescale {
            out_range: [0.0, 1.0],
            in_range: None,
            percentiles: None,
            relative: false,
            clip: true,
            mask: Mask::All,
            channel_wise: false,
        }
    }
}

impl Declared for Rescale {
    const NAME: &'static str = "rescale";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("out_range");
}

impl Rescale {
    fn check(name: &str, range: [f64; 2]) -> Result<()> {
        if range[0] <= range[1] && range.iter().all(|v| v.is_finite()) {
            return Ok(());
        }
        Err(Error::param(Self::NAME, name, format!("{range:?}"), "two finite numbers, low then high"))
    }

    fn point(input: [f64; 2], out: [f64; 2], clip: bool) -> Step {
        let label = format!("rescale {:.6} to {:.6} onto {} to {}", input[0], input[1], out[0], out[1]);
        Step::linear(label, Linear::rescale(input, out, clip))
    }
}

impl Transform for Rescale {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        Self::check("out_range", self.out_range)?;
        let (mut out, clip) = (self.out_range, self.clip);
        if self.relative {
            let Some(q) = self.percentiles else {
                return Err(Error::param(Self::NAME, "relative", "true without percentiles", "percentiles"));
            };
            let [low, high] = out;
            out = q.map(|q| low + (high - low) * q / 100.0);
        }
        if let Some(range) = self.in_range {
            Self::check("in_range", range)?;
            if self.percentiles.is_some() {
                return Err(Error::param(
                    Self::NAME,
                    "percentiles",
                    "given together with in_range",
                    "one of the two",
                ));
            }
            return Ok(vec![Rescale::point(range, out, clip)]);
        }
        let of = match self.percentiles {
            Some(q) => {
                Self::check("percentiles", q)?;
                if q[0] < 0.0 || q[1] > 100.0 {
                    return Err(Error::param(
                        Self::NAME,
                        "percentiles",
                        format!("{q:?}"),
                        "values from 0 to 100",
                    ));
                }
                Of::Percentiles(q.to_vec())
            }
            None => Of::Extent,
        };
        let then = move |m: &Measured, _: &Keep| {
            let range = match m.percentiles[..] {
                [low, high] => [low, high],
                _ => m.extent,
            };
            if m.count == 0 || range.iter().any(|v| !v.is_finite()) {
                return Err(Error::Data {
                    what: Self::NAME.into(),
                    found: format!("no finite range over {} voxels (found {range:?})", m.count),
                    hint: "give in_range, or a mask that keeps finite voxels".into(),
                });
            }
            Ok(vec![Rescale::point(range, out, clip)])
        };
        let label = format!("rescale the range of the voxels onto {} to {}", out[0], out[1]);
        Ok(vec![self.mask.measured(Self::NAME, at, label, of, self.channel_wise, then)?])
    }
}
