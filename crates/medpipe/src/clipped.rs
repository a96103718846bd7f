//! Interpolations that do not leave the range of the voxels.

use std::sync::Arc;

use medcore::{Boundary, Keep, Measure, Measured, Of, Result, Step, Warp};
use medkernels::linear::Linear;

use crate::chain::Chain;

impl Chain {
    /// Appends a warp whose values are held within the range of each channel's voxels, once that is measured.
    pub(crate) fn push_clipped(&mut self, w: &Warp) -> Result<()> {
        let warp = Warp { clip: false, ..w.clone() };
        let then = move |m: &Measured| {
            let mut steps = vec![Step::Warp(warp.clone())];
            if m.count > 0 {
                let [low, high] = match warp.boundary {
                    // What lies outside stays what it is.
                    Boundary::Constant(v) | Boundary::Cut(v) => [m.extent[0].min(v), m.extent[1].max(v)],
                    _ => m.extent,
                };
                let label = format!("hold within {low:.6} to {high:.6}");
                steps.push(Step::linear(label, [Linear::clamp(low as f32, high as f32)]));
            }
            Ok(steps)
        };
        let m = Measure {
            label: format!(
                "{} ({}; outside: {}), within the range of the voxels",
                w.label, w.sampler[0], w.boundary
            ),
            item: None,
            of: Of::Extent,
            keep: Keep::All,
            per_channel: true,
            then: Arc::new(then),
        };
        self.push_awaited(m, w)
    }
}
