//! Warps outside of which lies a value that only the voxels tell.

use std::sync::Arc;

use medcore::{Boundary, Keep, Measure, Measured, Of, Result, Step, Warp};

use crate::chain::Chain;

impl Chain {
    /// Appends a warp outside of which lies the smallest value, once that is measured.
    pub(crate) fn push_above_smallest(&mut self, w: &Warp) -> Result<()> {
        let warp = w.clone();
        let then = move |m: &Measured| {
            Ok(vec![Step::Warp(Warp { boundary: Boundary::Constant(m.extent[0]), ..warp.clone() })])
        };
        let m = Measure {
            label: format!("{}, in the smallest value", w.label),
            item: None,
            of: Of::Extent,
            keep: Keep::All,
            per_channel: false,
            then: Arc::new(then),
        };
        self.push_awaited(m, w)
    }
}
