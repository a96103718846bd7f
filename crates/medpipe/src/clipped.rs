//! Interpolations that do not leave the range of the voxels.

use std::sync::Arc;

use medcore::{Boundary, Clip, Keep, Measure, Measured, Of, Result, Step, Warp};
use medkernels::linear::Linear;
use medkernels::points;

use crate::chain::Chain;

impl Chain {
    /// Appends a warp whose values are held within the range of each channel's voxels, or of each of its slices, once that is measured.
    pub(crate) fn push_clipped(&mut self, w: &Warp) -> Result<()> {
        let warp = Warp { clip: Clip::No, ..w.clone() };
        // What lies outside stays what it is.
        let beyond = match w.boundary {
            Boundary::Constant(v) | Boundary::Cut(v) => Some(v as f32),
            _ => None,
        };
        let held = move |[low, high]: [f32; 2]| beyond.map_or([low, high], |v| [low.min(v), high.max(v)]);
        let (of, range) = match w.clip {
            Clip::Slices(axis) => (Of::Extents(axis), "the range of each slice"),
            _ => (Of::Extent, "the range of the voxels"),
        };
        let slices = if let Clip::Slices(axis) = w.clip { Some(axis) } else { None };
        let then = move |m: &Measured| {
            let mut steps = vec![Step::Warp(warp.clone())];
            match slices {
                Some(axis) => {
                    let ranges: Vec<[f32; 2]> = m.extents.iter().map(|range| held(*range)).collect();
                    steps.push(Step::point_at("hold each slice within its range", move |row, at| {
                        hold(row, axis, at.index[axis], &ranges);
                    }));
                }
                None if m.count > 0 => {
                    let [low, high] = held(m.extent.map(|v| v as f32));
                    let label = format!("hold within {low:.6} to {high:.6}");
                    steps.push(Step::linear(label, [Linear::clamp(low, high)]));
                }
                None => {}
            }
            Ok(steps)
        };
        let m = Measure {
            label: format!("{} ({}; outside: {}), within {range}", w.label, w.sampler[0], w.boundary),
            item: None,
            of,
            keep: Keep::All,
            per_channel: true,
            then: Arc::new(then),
        };
        self.push_awaited(m, w)
    }
}

/// Holds a row along x, whose first voxel is of slice `first` across an axis, within the ranges of its slices. What is not a number stays.
fn hold(row: &mut [f32], axis: usize, first: usize, ranges: &[[f32; 2]]) {
    if axis > 0 {
        let [low, high] = ranges[first];
        return points::clamp(row, low, high);
    }
    for (v, [low, high]) in row.iter_mut().zip(&ranges[first..]) {
        let raised = if *v < *low { *low } else { *v };
        *v = if raised > *high { *high } else { raised };
    }
}
