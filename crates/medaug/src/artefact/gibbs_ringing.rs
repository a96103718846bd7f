use medcore::{Category, Declared, Dist, Facts, Key, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artefact::k_space::{centred, whole_channel};
use crate::artefact::spectrum::weigh;

/// Cut off high frequencies sharply, so that edges ring.
///
/// Frequencies beyond `(1 - alpha) max(nx, ny, nz) / sqrt(2)` from the middle `(n - 1) / 2` of the centred frequencies are set to 0, as in MONAI's
/// `GibbsNoise`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "GibbsNoise, RandGibbsNoise"}))]
pub struct GibbsRinging {
    /// How much is cut off: 0 nothing, 1 all but the middle.
    pub alpha: Dist,
}

impl Default for GibbsRinging {
    fn default() -> GibbsRinging {
        GibbsRinging { alpha: 0.6.into() }
    }
}

impl Declared for GibbsRinging {
    const NAME: &'static str = "gibbs_ringing";
    const CATEGORY: Category = Category::Artefact;
    const MAIN: Option<&'static str> = Some("alpha");
}

impl Transform for GibbsRinging {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.alpha.within(Self::NAME, "alpha", 0.0, 1.0)?;
        let alpha = self.alpha.draw(key.text("alpha"));
        Ok(whole_channel(format!("Gibbs ringing, {alpha:.4} cut off"), move |voxels, shape| {
            let longest = shape.into_iter().max().unwrap_or(0);
            let radius = (1.0 - alpha) * longest as f64 * std::f64::consts::SQRT_2 / 2.0;
            // Squares of distances from the middle, and of the opposite frequency's.
            let squares = [0, 1, 2].map(|axis| {
                let n = shape[axis];
                let square = |k: usize| {
                    let off = centred(k, n) as f64 - (n as f64 - 1.0) / 2.0;
                    off * off
                };
                (0..n).map(|k| [square(k), square((n - k) % n)]).collect::<Vec<_>>()
            });
            weigh(voxels, shape, |kx, ky, line| {
                let across = [0, 1].map(|i| squares[0][kx][i] + squares[1][ky][i]);
                for (value, along) in line.iter_mut().zip(&squares[2]) {
                    // A real image has half of what is kept at one of two opposite frequencies only.
                    let kept = |i: usize| if (across[i] + along[i]).sqrt() > radius { 0.0 } else { 0.5 };
                    *value *= kept(0) + kept(1);
                }
            })
        }))
    }
}
