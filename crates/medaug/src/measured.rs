//! Numbers of a whole image, and what follows from them.

use std::sync::Arc;

use medcore::{Keep, Measure, Measured, Of, Result, Step};
use medkernels::linear::Linear;

/// The steps that follow from numbers of all voxels, or of each channel's.
pub(crate) fn measured(
    label: impl Into<String>,
    of: Of,
    per_channel: bool,
    then: impl Fn(&Measured) -> Result<Vec<Step>> + Send + Sync + 'static,
) -> Step {
    let (label, then) = (label.into(), Arc::new(then));
    Step::Measure(Measure { label, item: None, of, keep: Keep::All, per_channel, then })
}

/// Steps after which the voxels are brought back to the mean and the deviation that they had before.
pub(crate) fn keeping_statistics(per_channel: bool, steps: Vec<Step>) -> Step {
    measured("note mean and deviation", Of::Moments, per_channel, move |before| {
        let (mean, deviation) = (before.mean, before.variance.sqrt());
        let back = move |now: &Measured| {
            let changed = now.variance.sqrt();
            let ratio = if changed > 0.0 { deviation / changed } else { 1.0 };
            let label = format!("back to mean {mean:.6}, deviation {deviation:.6}");
            Ok(vec![Step::linear(label, [Linear::about(now.mean, ratio as f32, mean as f32)])])
        };
        let restore = measured("restore mean and deviation", Of::Moments, per_channel, back);
        Ok(steps.iter().cloned().chain([restore]).collect())
    })
}

/// The measured range, if it is one that can be divided by.
pub(crate) fn range(m: &Measured) -> Option<[f32; 2]> {
    let [low, high] = m.extent.map(|v| v as f32);
    let inverse = 1.0 / (high - low);
    (inverse > 0.0 && inverse.is_finite()).then_some([low, high])
}
