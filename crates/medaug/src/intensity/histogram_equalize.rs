use medcore::{Category, Declared, Error, Facts, Key, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mask;
use crate::histogram::{Binning, by_bins, over_histogram, shares};

/// Bend the scale of values so that all values are about as frequent.
///
/// A value becomes the share of voxels that are not above it, linearly between the middles of a histogram's bins. Corresponds to scikit-image's `equalize_hist`, and with
/// `stretch`, `bins: 256` and `out_range: [0, 255]` to MONAI's `HistogramNormalize`. NaN stays NaN; an image of one value stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "HistogramNormalize", "scikit-image": "exposure.equalize_hist"}))]
pub struct HistogramEqualize {
    /// Number of bins from the smallest to the largest value, 2 to 65536; if not given, one for each value of integer voxels, and 256 for others.
    pub bins: Option<usize>,
    /// What the shares 0 and 1 become.
    pub out_range: [f64; 2],
    /// Whether shares are stretched so that the smallest value becomes the lower end; else it becomes its own share.
    pub stretch: bool,
    /// Voxels that are counted.
    pub mask: Mask,
    /// Whether each channel (or frame) has its own histogram.
    pub channel_wise: bool,
}

impl Default for HistogramEqualize {
    fn default() -> HistogramEqualize {
        HistogramEqualize {
            bins: None,
            out_range: [0.0, 1.0],
            stretch: false,
            mask: Mask::All,
            channel_wise: false,
        }
    }
}

impl Declared for HistogramEqualize {
    const NAME: &'static str = "histogram_equalize";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("out_range");
}

impl Transform for HistogramEqualize {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let [low, high] = self.out_range;
        if !(low <= high && low.is_finite() && high.is_finite()) {
            let wanted = "two finite numbers, low then high";
            return Err(Error::param(Self::NAME, "out_range", format!("{:?}", self.out_range), wanted));
        }
        let stretch = self.stretch;
        let label = format!("equalise the histogram of the voxels onto {low} to {high}");
        let binning = Binning::of(Self::NAME, self.bins, at)?;
        let of = (Self::NAME, &self.mask, at);
        Ok(vec![over_histogram(of, label, binning, self.channel_wise, move |m, bins| {
            let shares = shares(&m.counts);
            let from = if stretch { shares[0] } else { 0.0 };
            let values: Vec<f64> =
                shares.iter().map(|s| low + (high - low) * (s - from) / (1.0 - from)).collect();
            Ok(vec![by_bins(format!("equalise by {} bins", bins.count), bins, &values)])
        })?])
    }
}
