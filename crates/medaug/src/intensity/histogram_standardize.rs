use std::collections::BTreeMap;

use medcore::{Category, Declared, Error, Facts, Key, Of, Result, Step, Transform};
use medkernels::points::{self, Knot};
use medkernels::stats::floor_f32;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mask;

/// Bring an image's percentiles to those of a training set, linearly in between (Nyúl, Udupa and Zhang 2000).
///
/// Corresponds to TorchIO's `HistogramStandardization`, whose landmarks it takes and whose arithmetic it follows: the landmarks of the 25th and the 75th percentile are not used, two
/// percentiles that are closer than 1e-5 stay one value, and beyond the outermost the lines go on. `train_landmarks` makes landmarks of files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {"TorchIO": "HistogramStandardization"}))]
pub struct HistogramStandardize {
    /// What the percentiles become: 13 numbers that rise, for the lower cutoff, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, and the upper cutoff. None, as long as they are not trained: images stay as they are.
    /// Where images differ in kind, each one's by its name in the sample.
    pub landmarks: TrainedLandmarks,
    /// The lowest and the highest percentile, 0 to 9 and 91 to 100; those that the landmarks were trained with.
    #[serde(default = "cutoff")]
    pub cutoff: [f64; 2],
    /// Voxels that the percentiles are taken over.
    #[serde(default)]
    pub mask: Mask,
    /// Whether each channel (or frame) has its own percentiles.
    #[serde(default)]
    pub channel_wise: bool,
}

/// Landmarks for all images, or for each by its name, as TorchIO has them: `{t1: [...], t2: [...]}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TrainedLandmarks {
    /// For all images.
    All(Vec<f64>),
    /// By name.
    Named(BTreeMap<String, Vec<f64>>),
}

impl TrainedLandmarks {
    /// Those of the image that is planned, each checked.
    fn of(&self, at: &Facts<'_>) -> Result<&[f64]> {
        let name = HistogramStandardize::NAME;
        let wrong = |all: &&Vec<f64>| {
            let rises = all.windows(2).all(|w| w[0] <= w[1]);
            !all.is_empty() && (all.len() != 13 || !rises || all.iter().any(|v| !v.is_finite()))
        };
        let mut all = match self {
            TrainedLandmarks::All(one) => vec![one],
            TrainedLandmarks::Named(each) => each.values().collect(),
        };
        if let Some(found) = all.iter().find(|one| wrong(one)) {
            let wanted = "13 finite numbers, none below the one before, or none";
            return Err(Error::param(name, "landmarks", format!("{found:?}"), wanted));
        }
        if let TrainedLandmarks::Named(each) = self {
            let image = at.item.map_or("image", |item| &item.name);
            let Some(own) = each.get(image) else {
                let names: Vec<&str> = each.keys().map(String::as_str).collect();
                let wanted = format!("landmarks of the image {image}, or keys that leave it out");
                return Err(Error::param(name, "landmarks", names.join(", "), wanted));
            };
            all = vec![own];
        }
        Ok(all.first().map_or(&[], |one| one))
    }
}

fn cutoff() -> [f64; 2] {
    HistogramStandardize::CUTOFF
}

impl HistogramStandardize {
    /// The usual lowest and highest percentile.
    pub const CUTOFF: [f64; 2] = [1.0, 99.0];

    /// The range that the outermost landmarks have on average.
    const RANGE: [f64; 2] = [0.0, 100.0];

    /// The percentiles that landmarks belong to.
    ///
    /// # Errors
    /// [`Error::Param`] for cutoffs that do not leave the deciles between them.
    pub fn percentiles([low, high]: [f64; 2]) -> Result<Vec<f64>> {
        if !((0.0..=9.0).contains(&low) && (91.0..=100.0).contains(&high)) {
            let wanted = "percentiles from 0 to 9 and from 91 to 100";
            return Err(Error::param(Self::NAME, "cutoff", format!("{:?}", [low, high]), wanted));
        }
        let between = [10.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 70.0, 75.0, 80.0, 90.0];
        Ok([low].into_iter().chain(between).chain([high]).collect())
    }

    /// Landmarks from the percentiles of each image of a training set: each image's are brought linearly from 0 to 100, and averaged. Follows TorchIO, where the intercept is averaged
    /// apart; an image whose outermost percentiles are equal counts with slope 0.
    pub fn train(images: &[Vec<f64>]) -> Vec<f64> {
        let count = images.len().max(1) as f64;
        let [low, high] = Self::RANGE;
        let ends = |image: &Vec<f64>| [image.first(), image.last()].map(|v| v.copied().unwrap_or_default());
        let slope = |image: &Vec<f64>| {
            let [first, last] = ends(image);
            if last == first { 0.0 } else { (high - low) / (last - first) }
        };
        let intercept = images.iter().map(|i| low - slope(i) * ends(i)[0]).sum::<f64>() / count;
        let landmarks = images.iter().map(Vec::len).min().unwrap_or(0);
        let at = |n: usize| images.iter().map(|i| slope(i) * i[n]).sum::<f64>() / count + intercept;
        (0..landmarks).map(at).collect()
    }
}

impl Declared for HistogramStandardize {
    const NAME: &'static str = "histogram_standardize";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("landmarks");
}

impl Transform for HistogramStandardize {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let percentiles = Self::percentiles(self.cutoff)?;
        let landmarks = self.landmarks.of(at)?;
        if landmarks.is_empty() {
            return Ok(vec![]);
        }
        let used = percentiles.iter().zip(landmarks).filter(|(p, _)| ![25.0, 75.0].contains(*p));
        let (percentiles, landmarks): (Vec<f64>, Vec<f64>) = used.unzip();
        let label = "bring the percentiles of the voxels to landmarks".to_owned();
        let of = Of::Percentiles(percentiles);
        Ok(vec![self.mask.measured(Self::NAME, at, label, of, self.channel_wise, move |m, _| {
            if m.percentiles.iter().any(|v| !v.is_finite()) {
                return Err(Error::Data {
                    what: Self::NAME.into(),
                    found: format!("the percentiles {:?}", m.percentiles),
                    hint: "choose a mask that keeps finite voxels".into(),
                });
            }
            let pieces = m.percentiles.windows(2).zip(landmarks.windows(2));
            let knot = |(from, to): (&[f64], &[f64])| {
                let width = from[1] - from[0];
                let slope = if width < 1e-5 { 0.0 } else { (to[1] - to[0]) / width };
                // Where pieces do not meet it matters on which side of a percentile a voxel lies: the first float32 that is not below it.
                let at = -floor_f32(-from[0]);
                let value = to[0] + (f64::from(at) - from[0]) * slope;
                Knot { at, value: value as f32, slope: slope as f32 }
            };
            let knots: Vec<Knot> = pieces.map(knot).collect();
            let label = format!("bring {:.6?} to landmarks", m.percentiles);
            let ends = [f32::NEG_INFINITY, f32::INFINITY];
            Ok(vec![Step::point(label, move |row| points::piecewise_linear(row, &knots, ends))])
        })?])
    }
}
