use medcore::{Category, Declared, Dist, Facts, Key, Measured, Of, Result, Step, Transform};
use medkernels::points::{self, Knot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::{measured, range};

/// Bend the scale of values by a random, rising, piecewise linear function that keeps the smallest and the largest value.
///
/// Control points divide the image's range evenly. From the lowest to the highest, each but the outermost is moved to a value that is drawn
/// uniformly between the point below it, as moved, and the point above it. Corresponds to MONAI's `RandHistogramShift`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "RandHistogramShift"}))]
pub struct HistogramShift {
    /// Number of control points, at least 3; a drawn number is rounded down.
    pub control_points: Dist,
    /// Whether each channel (or frame) has its own range.
    pub channel_wise: bool,
}

impl Default for HistogramShift {
    fn default() -> HistogramShift {
        HistogramShift { control_points: 10.0.into(), channel_wise: false }
    }
}

impl Declared for HistogramShift {
    const NAME: &'static str = "histogram_shift";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("control_points");
    const RANDOM: bool = true;
}

impl Transform for HistogramShift {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.control_points.within(Self::NAME, "control_points", 3.0, 1000.0)?;
        let count = self.control_points.draw(key.text("control_points")) as usize;
        let even = |i: usize| i as f64 / (count - 1) as f64;
        let mut moved: Vec<f64> = (0..count).map(even).collect();
        let key = key.text("points");
        for i in 1..count - 1 {
            moved[i] = moved[i - 1] + (moved[i + 1] - moved[i - 1]) * key.index(i as u64).uniform();
        }
        let label = "bend the range of the voxels";
        Ok(vec![measured(label, Of::Extent, self.channel_wise, move |m| {
            Ok(bent(m, &moved).into_iter().collect())
        })])
    }
}

/// The point, if the image has more than one value.
fn bent(m: &Measured, moved: &[f64]) -> Option<Step> {
    let [low, high] = range(m)?.map(f64::from);
    let pieces = (moved.len() - 1) as f64;
    let knot = |i: usize| Knot {
        at: (low + (high - low) * i as f64 / pieces) as f32,
        value: (low + (high - low) * moved[i]) as f32,
        slope: moved.get(i + 1).map_or(0.0, |next| (next - moved[i]) * pieces) as f32,
    };
    let knots: Vec<Knot> = (0..moved.len()).map(knot).collect();
    let label = format!("bend {low} to {high} at {} points", knots.len());
    let ends = [knots[0].at, knots[knots.len() - 1].at];
    Some(Step::point(label, move |row| points::piecewise_linear(row, &knots, ends)))
}
