use medcore::{Category, Declared, Dist, Facts, Filter, FilterTile, Key, PerAxis, Result, Step, Transform};
use medkernels::buffer::Buffer;
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::intensity::gaussian::{Gaussian, GaussianRule, Given, LengthUnit};

/// Sharpen a smoothed image by what a second smoothing takes away: `s + alpha * (s - smooth(s))` with `s` the smoothed image.
///
/// Corresponds to MONAI's `GaussianSharpen`. With `sigma1: 0` and `rule: scipy` it is unsharp masking, scikit-image's `unsharp_mask` with `sigma2` as radius and `alpha` as amount.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "GaussianSharpen, RandGaussianSharpen"}))]
pub struct GaussianSharpen {
    /// Standard deviation of the first smoothing along x, y, z, in voxels; 0 leaves an axis alone.
    pub sigma1: PerAxis<Dist>,
    /// Standard deviation of the second smoothing along x, y, z, in voxels.
    pub sigma2: PerAxis<Dist>,
    /// Weight of what the second smoothing takes away, not below 0.
    pub alpha: Dist,
    /// Whose kernel and edges.
    pub rule: GaussianRule,
}

impl Default for GaussianSharpen {
    fn default() -> GaussianSharpen {
        GaussianSharpen {
            sigma1: PerAxis::All(3.0.into()),
            sigma2: PerAxis::All(1.0.into()),
            alpha: 30.0.into(),
            rule: GaussianRule::Monai,
        }
    }
}

impl Declared for GaussianSharpen {
    const NAME: &'static str = "gaussian_sharpen";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("alpha");
}

impl Transform for GaussianSharpen {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.alpha.within(Self::NAME, "alpha", 0.0, 1e6)?;
        let alpha = self.alpha.draw(key.text("alpha")) as f32;
        let drawn = |name, sigma| {
            let (transform, unit, rule) = (Self::NAME, LengthUnit::Voxels, self.rule);
            Gaussian::drawn(&Given { transform, name, sigma, unit, truncate: None, rule }, at, key)
        };
        let (first, second) = (drawn("sigma1", &self.sigma1)?, drawn("sigma2", &self.sigma2)?);
        let halo = [0, 1, 2].map(|i| first.halo[i] + second.halo[i]);
        let run = move |tile: &FilterTile<'_>, out: &mut [f32]| {
            let inner = tile.output.grown(second.halo, tile.domain);
            let mut smoothed = Buffer::for_overwrite(inner.len() * 4)?;
            first.smooth(&FilterTile { output: inner, ..*tile }, smoothed.as_mut_slice())?;
            let smoothed = smoothed.as_slice::<f32>();
            let tile = FilterTile { voxels: smoothed, input: inner, ..*tile };
            second.smooth(&tile, out)?;
            points::affine(&mut *out, -alpha, 0.0);
            let [nx, ny, _] = tile.output.shape;
            let from = [0, 1, 2].map(|i| tile.output.start[i] - inner.start[i]);
            for (n, row) in out.chunks_mut(nx.max(1)).enumerate() {
                let (y, z) = (from[1] + n % ny, from[2] + n / ny);
                let start = from[0] + inner.shape[0] * (y + inner.shape[1] * z);
                points::add_scaled(row, &smoothed[start..start + nx], 1.0 + alpha);
            }
            Ok(())
        };
        Ok(vec![Step::Filter(Filter::new(format!("gaussian sharpen by {alpha:.4}"), halo, run))])
    }
}
