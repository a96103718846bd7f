use std::sync::Arc;

use medcore::{Category, Declared, Error, Facts, Key, Result, Step, Transform, Volume};
use medkernels::histogram::histogram;
use medkernels::stats::{self, Keep};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mask;
use crate::histogram::{Binning, bin_by_bin, is_whole, over_histogram, shares};

/// Bend the scale of values so that they are distributed as those of a reference.
///
/// A value becomes the one below which the reference has the same share of its voxels. With integer voxels, which have a bin for each value, it is scikit-image's
/// `match_histograms`; of others it is off by no more than a bin. SimpleITK's `HistogramMatching` takes a few quantiles instead, over voxels above the mean
/// (`mask: above_mean`). NaN stays NaN; an image of one value stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {"SimpleITK": "HistogramMatching", "scikit-image": "exposure.match_histograms"}))]
pub struct HistogramMatch {
    /// The reference: a volume file, all of whose channels are counted together. It is read when the pipeline is made.
    pub reference: String,
    /// A digest of the file's numbers, written when it is read; a file that has others is an error.
    #[serde(default)]
    pub digest: Option<String>,
    /// Number of bins from the smallest to the largest value of each, 2 to 65536; if not given, one for each value of integer voxels, and 4096 for others.
    #[serde(default)]
    pub bins: Option<usize>,
    /// Voxels that are counted, of both; a label cannot tell of the reference.
    #[serde(default)]
    pub mask: Mask,
    /// Whether each channel (or frame) has its own histogram.
    #[serde(default)]
    pub channel_wise: bool,
    /// Values of the reference that occur, and the share of voxels not above each.
    #[serde(skip)]
    read: Option<Arc<[[f64; 2]]>>,
}

impl Declared for HistogramMatch {
    const NAME: &'static str = "histogram_match";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("reference");

    fn file(&self) -> Option<&str> {
        Some(&self.reference)
    }

    fn prepare(&mut self, file: Option<(&Volume, String)>) -> Result<()> {
        let Some((volume, digest)) = file else { return Ok(()) };
        if let Some(other) = self.digest.as_ref().filter(|d| **d != digest) {
            let wanted = format!("{digest}, which the file has now, or none");
            return Err(Error::param(Self::NAME, "digest", other, wanted));
        }
        self.digest = Some(digest);
        let voxels = volume.to_f32()?;
        let keep = match self.mask {
            Mask::All => Keep::All,
            Mask::Nonzero => Keep::Nonzero,
            Mask::Above(v) => Keep::Above(v as f32),
            Mask::AboveMean => Keep::Above(stats::floor_f32(stats::moments(&voxels, Keep::All).mean)),
            Mask::Label(_) => {
                return Err(Error::param(
                    Self::NAME,
                    "mask",
                    "a label",
                    "a mask that tells of the reference too",
                ));
            }
        };
        let extent = stats::extent(&voxels, keep);
        let bad = extent.nan + extent.infinite;
        if bad > 0 || extent.n == 0 {
            return Err(Error::Data {
                what: format!("the reference {:?}", self.reference),
                found: format!("{} voxels that count, of which {bad} are not finite", extent.n),
                hint: "choose finite voxels".into(),
            });
        }
        let range = [f64::from(extent.min), f64::from(extent.max)];
        let binning = self.binning(is_whole(volume.dtype()));
        self.read = Some(match binning.over(range) {
            None => [[range[0], 1.0]].into(),
            Some(bins) => {
                let counts = histogram(&[&voxels], None, keep, &bins);
                let all = shares(&counts).into_iter().zip(&counts).enumerate();
                all.filter(|(_, (_, n))| **n > 0).map(|(bin, (share, _))| [bins.centre(bin), share]).collect()
            }
        });
        Ok(())
    }
}

impl HistogramMatch {
    fn binning(&self, whole: bool) -> Binning {
        Binning { bins: self.bins.or((!whole).then_some(4096)), whole }
    }
}

impl Transform for HistogramMatch {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let Some(reference) = self.read.clone() else {
            return Err(Error::param(
                Self::NAME,
                "reference",
                "not read yet",
                "a reference that was prepared",
            ));
        };
        let Binning { whole, .. } = Binning::of(Self::NAME, self.bins, at)?;
        let label = "match the histogram of the voxels".to_owned();
        let of = (Self::NAME, &self.mask, at);
        Ok(vec![over_histogram(of, label, self.binning(whole), self.channel_wise, move |m, bins| {
            let values: Vec<f64> = shares(&m.counts).iter().map(|s| value_at(&reference, *s)).collect();
            Ok(vec![bin_by_bin(format!("match the histogram by {} bins", bins.count), bins, &values)])
        })?])
    }
}

/// The value of a share, linearly between those that occur.
fn value_at(reference: &[[f64; 2]], share: f64) -> f64 {
    let above = reference.partition_point(|[_, s]| *s < share);
    let [value, at] = reference[above.min(reference.len() - 1)];
    match above.checked_sub(1).map(|n| reference[n]) {
        Some([low, from]) if at > from => low + (value - low) * ((share - from) / (at - from)).min(1.0),
        _ => value,
    }
}
