use medcore::{Axes, Category, Declared, Dist, Facts, Key, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artefact::k_space::{drawn_axis, weigh_lines, whole_channel};

/// Leave out randomly drawn planes of frequencies along an axis, as a scan that measures only part of them, or loses some.
///
/// Each plane outside the middle is left out by its own draw. With `axes` the phase-encoding axis, this is the random mask of undersampled
/// reconstruction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {}))]
pub struct KSpaceDropout {
    /// Probability of a plane to be left out, 0 to 1.
    pub fraction: Dist,
    /// Share of the planes, around frequency 0, that are kept, 0 to 1.
    pub center: Dist,
    /// Axes of which one is drawn, each as likely.
    pub axes: Axes,
}

impl Default for KSpaceDropout {
    fn default() -> KSpaceDropout {
        KSpaceDropout { fraction: 0.3.into(), center: 0.08.into(), axes: Axes([true; 3]) }
    }
}

impl Declared for KSpaceDropout {
    const NAME: &'static str = "k_space_dropout";
    const CATEGORY: Category = Category::Artefact;
    const MAIN: Option<&'static str> = Some("fraction");
    const RANDOM: bool = true;
}

impl Transform for KSpaceDropout {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.fraction.within(Self::NAME, "fraction", 0.0, 1.0)?;
        self.center.within(Self::NAME, "center", 0.0, 1.0)?;
        let (fraction, center) =
            (self.fraction.draw(key.text("fraction")), self.center.draw(key.text("center")));
        let axis = drawn_axis(Self::NAME, self.axes, key.text("axis"))?;
        let n = at.grid.shape[axis];
        // At least the plane of frequency 0, at n / 2.
        let count = ((center * n as f64).round_ties_even() as usize).clamp(1, n.max(1));
        let first = n / 2 - count / 2;
        let lost = |k: usize| key.text("plane").index(k as u64).uniform() < fraction;
        let weight: Vec<f32> =
            (0..n).map(|k| if !(first..first + count).contains(&k) && lost(k) { 0.0 } else { 1.0 }).collect();
        let gone = weight.iter().filter(|w| **w == 0.0).count();
        let label = format!("{gone} of {n} planes of frequencies along {} left out", ['x', 'y', 'z'][axis]);
        Ok(whole_channel(label, move |voxels, shape| weigh_lines(voxels, shape, axis, |k| weight[k])))
    }
}
