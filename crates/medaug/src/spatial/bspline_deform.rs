use medcore::{
    Category, Declared, Displacement, Dist, Error, Facts, Key, PerAxis, Result, Spline, Step, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::frame::Frame;
use super::pad::PadMode;
use super::sampling::{Interpolation, LabelInterpolation, sampling};
use crate::intensity::gaussian::LengthUnit;

/// Displace the content by a cubic B-spline over a given grid of control points; the grid of voxels stays.
///
/// What is at a voxel afterwards was before where the spline points from there, as in ITK's `BSplineTransform` of order 3. The control points span the volume, as
/// `BSplineTransformInitializer` lays them: `n - 2` of `n` along an axis lie on it, the outermost a cell beyond; or they lie on a grid of their own, in voxels of the volume. Beyond
/// the second and the last but one the content moves as there (ITK does not move it). Landmarks move with the content. Joined with warps before and after it into one
/// interpolation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {"SimpleITK": "BSplineTransform", "TorchIO": "ElasticDeformation"}))]
pub struct BsplineDeform {
    /// Control points along x, y, z; 4 to 256.
    pub control_points: PerAxis<usize>,
    /// How far each is displaced along x, y, z, control points along x fastest.
    #[schemars(extend("x-unit" = "mm"))]
    pub displacements: Vec<[f64; 3]>,
    /// What displacements are multiplied by.
    #[serde(default = "one")]
    pub scale: Dist,
    /// What x, y and z are, that control points are counted and displaced along; ITK's are `lps`. Of the world's axes, control points are counted along the voxel axes
    /// that run along them most nearly.
    #[serde(default)]
    pub frame: Frame,
    /// Where the first control point lies, in voxels of the volume, instead of the grid over the volume.
    #[serde(default)]
    #[schemars(extend("x-unit" = "voxels"))]
    pub first: Option<[f64; 3]>,
    /// From one control point to the next, in voxels of the volume, where `first` is given.
    #[serde(default)]
    #[schemars(extend("x-unit" = "voxels"))]
    pub apart: Option<[f64; 3]>,
    /// How images are sampled between voxels.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// How labels are sampled between voxels.
    #[serde(default)]
    pub label_interpolation: LabelInterpolation,
    /// What lies outside the volume.
    #[serde(default = "edge")]
    pub mode: PadMode,
    /// The value outside in mode `constant`.
    #[serde(default)]
    pub value: f64,
    /// The label outside in mode `constant`.
    #[serde(default)]
    pub label_value: i64,
}

fn one() -> Dist {
    1.0.into()
}

fn edge() -> PadMode {
    PadMode::Edge
}

impl Declared for BsplineDeform {
    const NAME: &'static str = "bspline_deform";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = None;
}

/// Where control points lie that span a volume, in its voxels: the first, and from one to the next.
pub(crate) fn spanning(n: [usize; 3], shape: [usize; 3]) -> ([f64; 3], [f64; 3]) {
    // The spline's domain is the volume and an eighth of a voxel on either side.
    let apart = [0, 1, 2].map(|a| (n[a] as f64 + 0.25) / (shape[a] - 3) as f64);
    (apart.map(|d| -0.625 - d), apart)
}

/// Control points on voxels of a grid.
pub(crate) struct Controls<'a> {
    /// Of the control points, along x, y and z of the frame.
    pub(crate) shape: [usize; 3],
    /// Their displacements in millimetres.
    pub(crate) displacements: &'a [[f64; 3]],
    pub(crate) frame: Frame,
    /// The first along each voxel axis and the step, in voxels, if they do not span the volume.
    pub(crate) placed: Option<([f64; 3], [f64; 3])>,
}

impl Controls<'_> {
    /// The spline of displacements in voxels.
    pub(crate) fn spline(&self, transform: &str, at: &Facts<'_>) -> Result<Spline> {
        let (n, size, given) = (at.grid.shape, at.grid.spacing(), self.shape);
        let along = self.frame.along(at.grid);
        let shape = along.map(|(axis, _)| given[axis]);
        let (first, apart) = self.placed.unwrap_or_else(|| spanning(n, shape));
        let turn = self.frame.to_voxels(at.grid, LengthUnit::Mm, transform)?;
        let point = |i: usize| {
            let at = [i % shape[0], i / shape[0] % shape[1], i / shape[0] / shape[1]];
            let mut from = [0; 3];
            for (j, (axis, against)) in along.into_iter().enumerate() {
                from[axis] = if against { shape[j] - 1 - at[j] } else { at[j] };
            }
            let p = self.displacements[from[0] + given[0] * (from[1] + given[1] * from[2])];
            let moved =
                if self.frame == Frame::Grid { [0, 1, 2].map(|a| p[a] / size[a]) } else { turn.apply(p) };
            // A picture stays in its plane.
            [0, 1, 2].map(|a| if n[a] == 1 { 0.0 } else { moved[a] })
        };
        let points: Vec<[f64; 3]> = (0..self.displacements.len()).map(point).collect();
        Spline::new(shape, first, apart, &points)
    }
}

/// That there are 4 to 256 control points along each axis, and as many displacements as points if they are given.
pub(crate) fn fits(transform: &str, shape: [usize; 3], given: Option<&[[f64; 3]]>) -> Result<()> {
    if !shape.iter().all(|n| (4..=256).contains(n)) {
        return Err(Error::param(transform, "control_points", format!("{shape:?}"), "4 to 256 per axis"));
    }
    let count: usize = shape.iter().product();
    match given.map(<[_]>::len).filter(|n| *n != count) {
        Some(found) => {
            let wanted = format!("{count} for control_points {shape:?}");
            Err(Error::param(transform, "displacements", found, wanted))
        }
        None => Ok(()),
    }
}

impl Transform for BsplineDeform {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.scale.within(Self::NAME, "scale", -1e6, 1e6)?;
        let scale = self.scale.draw(key.text("scale"));
        let shape = self.control_points.each();
        fits(Self::NAME, shape, Some(&self.displacements))?;
        let placed = match (self.first, self.apart) {
            (None, None) => None,
            (Some(first), Some(apart)) => Some((first, apart)),
            _ => return Err(Error::param(Self::NAME, "apart", "one of first and apart", "both or none")),
        };
        let displacements: Vec<[f64; 3]> = self.displacements.iter().map(|p| p.map(|v| v * scale)).collect();
        let controls = Controls { shape, displacements: &displacements, frame: self.frame, placed };
        let spline = controls.spline(Self::NAME, at)?;
        let label = format!("displace by a spline over {shape:?} control points");
        sampling!(self).displaced(label, at, Displacement::Spline(spline))
    }
}
