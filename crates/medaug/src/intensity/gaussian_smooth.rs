use std::sync::Arc;

use medcore::{
    Boundary, Category, Declared, Dist, Error, Facts, Filter, FilterTile, Key, PerAxis, Result, Step,
    Transform,
};
use medkernels::buffer::Buffer;
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
        let taps = sigma.map(|s| filter::gaussian_taps(s, self.truncate));
        let halo = [0, 1, 2].map(|i| taps[i].len() / 2);
        if halo == [0; 3] {
            return Ok(vec![]);
        }
        let run = move |tile: &FilterTile<'_>, out: &mut [f32]| smooth(tile, &taps, halo, out);
        Ok(vec![Step::Filter(Filter {
            label: format!("gaussian smooth, sigma {:.4} {:.4} {:.4} voxels", sigma[0], sigma[1], sigma[2]),
            halo,
            run: Arc::new(run),
        })])
    }
}

/// Plane by plane, so that what one pass makes is still in the cache for the next: along z from the planes around it, then y, then x.
fn smooth(tile: &FilterTile<'_>, taps: &[Vec<f32>; 3], halo: [usize; 3], out: &mut [f32]) -> Result<()> {
    let (have, want) = (tile.input, tile.output);
    let [nx, ny] = [have.shape[0], have.shape[1]];
    let plane = nx * ny;
    let rows = want.shape[1] + 2 * halo[1];
    let mut stack =
        if halo[2] > 0 { Buffer::for_overwrite((2 * halo[2] + 1) * plane * 4)? } else { Buffer::zeroed(0)? };
    let mut along_z = Buffer::for_overwrite(plane * 4)?;
    let mut padded = Buffer::for_overwrite(rows * nx * 4)?;
    let mut along_y = Buffer::for_overwrite(want.shape[1] * nx * 4)?;
    let mut row = vec![0f32; want.shape[0] + 2 * halo[0]];
    // The input place of a place that may lie beyond the domain's edge.
    let place = |axis: usize, at: i64| {
        Boundary::Symmetric.index(at, tile.domain[axis]).unwrap_or(0) - have.start[axis]
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
                    to.copy_from_slice(&tile.voxels[place(2, at) * plane..][..plane]);
                }
                stack
            };
            filter::convolve_axis(along_z.as_mut_slice(), planes, [nx, ny, 1], 2, &taps[2]);
            along_z.as_slice::<f32>()
        };
        for (r, to) in padded.as_mut_slice::<f32>().chunks_mut(nx.max(1)).enumerate() {
            let at = place(1, (want.start[1] + r) as i64 - halo[1] as i64);
            to.copy_from_slice(&from[at * nx..][..nx]);
        }
        filter::convolve_axis(along_y.as_mut_slice(), padded.as_slice(), [nx, want.shape[1], 1], 1, &taps[1]);
        for (out, from) in
            out.chunks_mut(want.shape[0].max(1)).zip(along_y.as_slice::<f32>().chunks(nx.max(1)))
        {
            let left = want.start[0] as i64 - halo[0] as i64;
            for (i, v) in row.iter_mut().enumerate() {
                *v = match (left + i as i64).checked_sub(have.start[0] as i64) {
                    Some(at) if at >= 0 && (at as usize) < nx => from[at as usize],
                    _ => from[place(0, left + i as i64)],
                };
            }
            filter::convolve_x(out, &row, &taps[0]);
        }
    }
    Ok(())
}
