use medcore::{Category, Declared, Dist, Facts, Key, Result, Step, Transform};
use rustfft::num_complex::Complex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artefact::k_space::{frequencies, from_frequencies, indices, whole_channel};

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
            let mut values = frequencies(voxels, shape);
            for (value, at) in values.iter_mut().zip(indices(shape)) {
                let from_middle = |i: usize| at[i] as f64 - (shape[i] as f64 - 1.0) / 2.0;
                let square: f64 = (0..3).map(|i| from_middle(i) * from_middle(i)).sum();
                if square.sqrt() > radius {
                    *value = Complex::default();
                }
            }
            from_frequencies(values, shape, voxels);
            Ok(())
        }))
    }
}
