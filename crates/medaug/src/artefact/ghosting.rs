use medcore::{Axes, Category, Declared, Dist, Facts, Key, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artefact::k_space::{drawn_axis, weigh_lines, whole_channel};

/// Weaken every n-th plane of frequencies along an axis, so that n ghosts of the image appear along it, as periodic motion makes them.
///
/// Planes are counted from the lowest (negative) frequency; those around frequency 0 are kept. Corresponds to TorchIO's `RandomGhosting`. Two ghosts
/// are the N/2 ghost of echo-planar images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"TorchIO": "Ghosting, RandomGhosting"}))]
pub struct Ghosting {
    /// Number of ghosts, 1 to 10000; a drawn number is rounded down.
    pub ghosts: Dist,
    /// What is taken away of the planes, not below 0; 1 is all.
    pub intensity: Dist,
    /// Axes of which one is drawn, each as likely.
    pub axes: Axes,
    /// Share of the planes, around frequency 0, that are kept, 0 to 1; the one plane of frequency 0 if not given.
    pub restore: Option<Dist>,
}

impl Default for Ghosting {
    fn default() -> Ghosting {
        Ghosting { ghosts: 4.0.into(), intensity: 0.5.into(), axes: Axes([true; 3]), restore: None }
    }
}

impl Declared for Ghosting {
    const NAME: &'static str = "ghosting";
    const CATEGORY: Category = Category::Artefact;
    const MAIN: Option<&'static str> = Some("ghosts");
    const RANDOM: bool = true;
}

impl Transform for Ghosting {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.ghosts.within(Self::NAME, "ghosts", 1.0, 10_000.0)?;
        self.intensity.within(Self::NAME, "intensity", 0.0, 1e6)?;
        let ghosts = self.ghosts.draw(key.text("ghosts")) as usize;
        let left = (1.0 - self.intensity.draw(key.text("intensity"))) as f32;
        let axis = drawn_axis(Self::NAME, self.axes, key.text("axis"))?;
        let n = at.grid.shape[axis];
        let middle = n / 2;
        let kept = match &self.restore {
            None => middle..middle + 1,
            Some(share) => {
                share.within(Self::NAME, "restore", 0.0, 1.0)?;
                let count = (share.draw(key.text("restore")) * n as f64).round_ties_even() as usize;
                middle - count / 2..middle + count / 2
            }
        };
        let weight = move |k: usize| if k.is_multiple_of(ghosts) && !kept.contains(&k) { left } else { 1.0 };
        let label = format!("{ghosts} ghosts along {}", ['x', 'y', 'z'][axis]);
        Ok(whole_channel(label, move |voxels, shape| weigh_lines(voxels, shape, axis, &weight)))
    }
}
