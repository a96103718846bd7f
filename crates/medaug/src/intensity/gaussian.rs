//! Gaussian kernels by several libraries' rules, and smoothing with them.

use medcore::{Boundary, Dist, Error, Facts, FilterTile, Key, PerAxis, Result};
use medkernels::buffer::Buffer;
use medkernels::filter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose Gaussian: `scipy` (sampled, normalised, radius `int(truncate * sigma + 0.5)`; mirrored outside, the edge voxel repeated), `monai`
/// (integrated over each voxel, not normalised, radius as SciPy's but at least 1; zeros outside) or `nnunet` (batchgeneratorsv2: sampled,
/// normalised, width the odd number nearest to `2 * truncate * sigma + 0.5`; mirrored outside, the edge voxel not repeated).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GaussianRule {
    /// SciPy's `gaussian_filter` and TorchIO's `Blur`.
    #[default]
    Scipy,
    /// MONAI's `GaussianSmooth`.
    Monai,
    /// batchgeneratorsv2's `GaussianBlurTransform`.
    Nnunet,
}

impl GaussianRule {
    /// Deviations at which the kernel is cut off, unless said otherwise.
    fn truncate(self) -> f64 {
        if self == GaussianRule::Nnunet { 3.0 } else { 4.0 }
    }

    fn boundary(self) -> Boundary {
        match self {
            GaussianRule::Scipy => Boundary::Symmetric,
            GaussianRule::Monai => Boundary::Constant(0.0),
            GaussianRule::Nnunet => Boundary::Reflect,
        }
    }

    fn taps(self, sigma: f64, truncate: f64) -> Vec<f32> {
        if sigma <= 0.0 {
            return vec![1.0];
        }
        let reach = truncate * sigma;
        match self {
            GaussianRule::Scipy => filter::gaussian_taps(sigma, truncate),
            GaussianRule::Monai => filter::integrated_gaussian_taps(sigma, (reach.max(0.5) + 0.5) as usize),
            GaussianRule::Nnunet => filter::sampled_gaussian_taps(sigma, (reach + 0.25) as usize),
        }
    }
}

/// A unit of length in an image: `voxels` or `mm`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LengthUnit {
    /// Voxels along each axis.
    #[default]
    Voxels,
    /// Millimetres.
    Mm,
}

/// What a sigma and its rule are, before it is drawn.
#[derive(Debug)]
pub(crate) struct Given<'a> {
    pub(crate) transform: &'a str,
    /// The parameter's name.
    pub(crate) name: &'a str,
    pub(crate) sigma: &'a PerAxis<Dist>,
    pub(crate) unit: LengthUnit,
    pub(crate) truncate: Option<f64>,
    pub(crate) rule: GaussianRule,
}

/// A separable smoothing.
#[derive(Debug, Clone)]
pub(crate) struct Gaussian {
    /// Standard deviations in voxels.
    pub(crate) sigma: [f64; 3],
    taps: [Vec<f32>; 3],
    /// Voxels needed on either side.
    pub(crate) halo: [usize; 3],
    boundary: Boundary,
}

impl Gaussian {
    /// Of these standard deviations in voxels, by a library's kernel.
    pub(crate) fn of(sigma: [f64; 3], rule: GaussianRule, boundary: Boundary) -> Gaussian {
        let taps = sigma.map(|s| rule.taps(s, rule.truncate()));
        let halo = [0, 1, 2].map(|i| taps[i].len() / 2);
        Gaussian { sigma, taps, halo, boundary }
    }

    /// Draws the standard deviations.
    pub(crate) fn drawn(given: &Given<'_>, at: &Facts<'_>, key: Key) -> Result<Gaussian> {
        given.sigma.within(given.transform, given.name, 0.0, 1e4)?;
        let truncate = given.truncate.unwrap_or(given.rule.truncate());
        if !(truncate > 0.0 && truncate <= 100.0) {
            return Err(Error::param(given.transform, "truncate", truncate, "a number above 0, up to 100"));
        }
        let mut sigma = given.sigma.draw(key.text(given.name));
        if given.unit == LengthUnit::Mm {
            let spacing = at.grid.spacing();
            for i in 0..3 {
                sigma[i] /= spacing[i];
                if !sigma[i].is_finite() {
                    return Err(Error::param(
                        given.transform,
                        "unit",
                        "mm on a grid without spacing",
                        "voxels",
                    ));
                }
            }
        }
        let taps = sigma.map(|s| given.rule.taps(s, truncate));
        let halo = [0, 1, 2].map(|i| taps[i].len() / 2);
        Ok(Gaussian { sigma, taps, halo, boundary: given.rule.boundary() })
    }

    /// The same with boxes of that many voxels on either side as kernels.
    pub(crate) fn boxes(self) -> Gaussian {
        let halo = self.sigma.map(|s| (s + 0.5) as usize);
        let taps = halo.map(|h| vec![1.0 / (2 * h + 1) as f32; 2 * h + 1]);
        Gaussian { taps, halo, ..self }
    }

    /// Fills the packed output box. Plane by plane, so that what one pass makes is still in the cache for the next: along z from the planes around
    /// it, then y, then x.
    pub(crate) fn smooth(&self, tile: &FilterTile<'_>, out: &mut [f32]) -> Result<()> {
        let (halo, taps) = (self.halo, &self.taps);
        let (have, want) = (tile.input, tile.output);
        let [nx, ny] = [have.shape[0], have.shape[1]];
        let plane = nx * ny;
        let rows = want.shape[1] + 2 * halo[1];
        let mut stack = if halo[2] > 0 {
            Buffer::for_overwrite((2 * halo[2] + 1) * plane * 4)?
        } else {
            Buffer::zeroed(0)?
        };
        let mut along_z = Buffer::for_overwrite(plane * 4)?;
        let mut padded = Buffer::for_overwrite(rows * nx * 4)?;
        let mut along_y = Buffer::for_overwrite(want.shape[1] * nx * 4)?;
        let mut row = vec![0f32; want.shape[0] + 2 * halo[0]];
        // The input place of a place that may lie beyond the domain's edge; none where there are zeros.
        let place = |axis: usize, at: i64| {
            self.boundary.index(at, tile.domain[axis]).map(|inside| inside - have.start[axis])
        };
        let out_plane = (want.shape[0] * want.shape[1]).max(1);
        for (n, out) in out.chunks_mut(out_plane).enumerate() {
            let z = (want.start[2] + n) as i64;
            let around = z - halo[2] as i64..=z + halo[2] as i64;
            let first = around.start() - have.start[2] as i64;
            let from = if halo[2] == 0 {
                &tile.voxels[first as usize * plane..][..plane]
            } else {
                let inside = *around.start() >= 0 && *around.end() < tile.domain[2] as i64;
                let planes = if inside {
                    &tile.voxels[first as usize * plane..][..(2 * halo[2] + 1) * plane]
                } else {
                    let stack = stack.as_mut_slice::<f32>();
                    for (to, at) in stack.chunks_mut(plane.max(1)).zip(around) {
                        copied(to, place(2, at).map(|at| &tile.voxels[at * plane..][..plane]));
                    }
                    stack
                };
                filter::convolve_axis(along_z.as_mut_slice(), planes, [nx, ny, 1], 2, &taps[2]);
                along_z.as_slice::<f32>()
            };
            for (r, to) in padded.as_mut_slice::<f32>().chunks_mut(nx.max(1)).enumerate() {
                let at = place(1, (want.start[1] + r) as i64 - halo[1] as i64);
                copied(to, at.map(|at| &from[at * nx..][..nx]));
            }
            let shape = [nx, want.shape[1], 1];
            filter::convolve_axis(along_y.as_mut_slice(), padded.as_slice(), shape, 1, &taps[1]);
            for (out, from) in
                out.chunks_mut(want.shape[0].max(1)).zip(along_y.as_slice::<f32>().chunks(nx.max(1)))
            {
                let left = want.start[0] as i64 - halo[0] as i64;
                for (i, v) in row.iter_mut().enumerate() {
                    *v = match (left + i as i64).checked_sub(have.start[0] as i64) {
                        Some(at) if at >= 0 && (at as usize) < nx => from[at as usize],
                        _ => place(0, left + i as i64).map_or(0.0, |at| from[at]),
                    };
                }
                filter::convolve_x(out, &row, &taps[0]);
            }
        }
        Ok(())
    }
}

/// A copy of some voxels, or zeros.
fn copied(to: &mut [f32], from: Option<&[f32]>) {
    match from {
        Some(from) => to.copy_from_slice(from),
        None => to.fill(0.0),
    }
}
