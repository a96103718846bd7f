use std::sync::Arc;

use medcore::{Box3, Category, Declared, Dist, Error, Facts, Filter, Key, PerAxis, Result, Step, Transform};
use medkernels::filter;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Smooth with a Gaussian kernel.
///
/// The kernel is sampled, cut off at `truncate` deviations and normalised, as in SciPy's `gaussian_filter`; beyond the volume's edge the image is
/// mirrored with the edge voxel repeated (SciPy `reflect`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianSmooth {
    /// Standard deviation of the kernel along x, y, z, in `unit`; 0 leaves an axis alone.
    pub sigma: PerAxis<Dist>,
    /// The unit of sigma.
    pub unit: LengthUnit,
    /// Deviations at which the kernel is cut off.
    pub truncate: f64,
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

impl Default for GaussianSmooth {
    fn default() -> GaussianSmooth {
        GaussianSmooth { sigma: PerAxis::All(1.0.into()), unit: LengthUnit::Voxels, truncate: 4.0 }
    }
}

impl Declared for GaussianSmooth {
    const NAME: &'static str = "gaussian_smooth";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("sigma");
}

impl Transform for GaussianSmooth {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.sigma.within(Self::NAME, "sigma", 0.0, 1e4)?;
        if !(self.truncate > 0.0 && self.truncate <= 100.0) {
            return Err(Error::param(Self::NAME, "truncate", self.truncate, "a number above 0, up to 100"));
        }
        let mut sigma = self.sigma.draw(key.text("sigma"));
        if self.unit == LengthUnit::Mm {
            let spacing = at.grid.spacing();
            for i in 0..3 {
                sigma[i] /= spacing[i];
                if !sigma[i].is_finite() {
                    return Err(Error::param(Self::NAME, "unit", "mm on a grid without spacing", "voxels"));
                }
            }
        }
        // z first: the slowest axis needs the most input, and drops it soonest.
        let passes: Vec<(usize, Vec<f32>)> = [2, 1, 0]
            .into_iter()
            .map(|axis| (axis, filter::gaussian_taps(sigma[axis], self.truncate)))
            .filter(|(_, taps)| taps.len() > 1)
            .collect();
        let mut halo = [0; 3];
        for (axis, taps) in &passes {
            halo[*axis] = taps.len() / 2;
        }
        if passes.is_empty() {
            return Ok(vec![]);
        }
        let run = move |tile: &medcore::FilterTile<'_>, out: &mut [f32]| {
            let mut have = tile.input;
            let mut voxels: Option<Vec<f32>> = None;
            for (n, (axis, taps)) in passes.iter().enumerate() {
                let from = voxels.as_deref().unwrap_or(tile.voxels);
                let padded = mirror(from, have, tile.output, *axis, taps.len() / 2, tile.domain[*axis]);
                let mut next = have;
                next.start[*axis] = tile.output.start[*axis];
                next.shape[*axis] = tile.output.shape[*axis];
                let from = padded.as_deref().unwrap_or(from);
                if n + 1 == passes.len() {
                    filter::convolve_axis(out, from, next.shape, *axis, taps);
                } else {
                    let mut made = vec![0f32; next.len()];
                    filter::convolve_axis(&mut made, from, next.shape, *axis, taps);
                    voxels = Some(made);
                }
                have = next;
            }
            Ok(())
        };
        Ok(vec![Step::Filter(Filter {
            label: format!("gaussian smooth, sigma {:.4} {:.4} {:.4} voxels", sigma[0], sigma[1], sigma[2]),
            halo,
            run: Arc::new(run),
        })])
    }
}

/// A packed box extended along one axis to `radius` voxels on either side of the wanted range, mirrored at the domain's edge; `None` if it
/// already is.
fn mirror(from: &[f32], have: Box3, want: Box3, axis: usize, radius: usize, domain: usize) -> Option<Vec<f32>> {
    let low = want.start[axis] as i64 - radius as i64;
    let n = want.shape[axis] + 2 * radius;
    if low == have.start[axis] as i64 && n == have.shape[axis] {
        return None;
    }
    let inner: usize = have.shape[..axis].iter().product();
    let outer: usize = have.shape[axis + 1..].iter().product();
    let mut out = Vec::with_capacity(inner * n * outer);
    for o in 0..outer {
        let plane = &from[o * inner * have.shape[axis]..][..inner * have.shape[axis]];
        for i in 0..n as i64 {
            let inside = medcore::Boundary::Symmetric.index(low + i, domain).unwrap_or(0);
            // The mirrored voxel lies within the halo of an edge voxel, so the input box holds it unless the domain is smaller than the halo, when
            // the box is the whole domain.
            let at = inside - have.start[axis];
            out.extend_from_slice(&plane[at * inner..(at + 1) * inner]);
        }
    }
    Some(out)
}
