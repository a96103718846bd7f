use medcore::{Axes, Category, Declared, Dist, Facts, Key, Result, Step, Transform};
use medkernels::{points, threads};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artefact::k_space::{drawn_axis, whole_channel};

/// Fold what lies near the edges onto the other side, as a field of view that is too small for the body does along a phase-encoding axis (aliasing).
///
/// Frequencies that are measured too far apart, as many as there are voxels in the smaller field of view, give an image that repeats itself with that period:
/// each voxel is the sum of all that lie a multiple of the period away. With an `intensity` below 1 the others count less, as after partial suppression. The grid stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {}))]
pub struct WrapAround {
    /// Share of the volume along the axis by which the field of view is smaller, 0 to 0.9.
    pub fraction: Dist,
    /// What of the folded signal is added, not below 0; 1 is all.
    pub intensity: Dist,
    /// Axes of which one is drawn, each as likely.
    pub axes: Axes,
}

/// Voxels that one thread works on at once.
const PART: usize = 64 << 10;

impl Default for WrapAround {
    fn default() -> WrapAround {
        WrapAround { fraction: 0.25.into(), intensity: 1.0.into(), axes: Axes([true; 3]) }
    }
}

impl Declared for WrapAround {
    const NAME: &'static str = "wrap_around";
    const CATEGORY: Category = Category::Artefact;
    const MAIN: Option<&'static str> = Some("fraction");
    const RANDOM: bool = true;
}

impl Transform for WrapAround {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.fraction.within(Self::NAME, "fraction", 0.0, 0.9)?;
        self.intensity.within(Self::NAME, "intensity", 0.0, 1e6)?;
        let axis = drawn_axis(Self::NAME, self.axes, key.text("axis"))?;
        let n = at.grid.shape[axis];
        let share = 1.0 - self.fraction.draw(key.text("fraction"));
        let period = ((n as f64 * share).round_ties_even() as usize).max(1);
        let intensity = self.intensity.draw(key.text("intensity")) as f32;
        if period >= n || intensity == 0.0 {
            return Ok(vec![]);
        }
        let label = format!("wrap around after {period} of {n} voxels along {}", ['x', 'y', 'z'][axis]);
        Ok(whole_channel(label, move |voxels, shape| {
            fold(voxels, shape, axis, period, intensity);
            Ok(())
        }))
    }
}

/// Adds to each voxel those that lie a multiple of the period away along an axis, the nearest first.
fn fold(voxels: &mut [f32], shape: [usize; 3], axis: usize, period: usize, intensity: f32) {
    // Voxels that follow one another along the axis are this far apart, and a block holds all of some lines.
    let step: usize = shape[..axis].iter().product();
    let block = (step * shape[axis]).max(1);
    let mut parts: Vec<&mut [f32]> = voxels.chunks_mut(block * (PART / block).max(1)).collect();
    threads::for_each_mut(&mut parts, |_, part| {
        let mut before = vec![0.0; block];
        for out in part.chunks_mut(block) {
            before.copy_from_slice(out);
            for far in (period * step..block).step_by(period * step) {
                points::add_scaled(&mut out[far..], &before[..block - far], intensity);
                points::add_scaled(&mut out[..block - far], &before[far..], intensity);
            }
        }
    });
}
