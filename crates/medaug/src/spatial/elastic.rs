use medcore::{Category, Declared, Displacement, Dist, Error, Facts, Key, PerAxis, Result, Step, Transform};
use medkernels::philox::uniform_row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bspline_deform::{Controls, fits, spanning};
use super::frame::Frame;
use super::pad::PadMode;
use super::sampling::{Interpolation, LabelInterpolation, sampling};

/// Displace the content smoothly, at random; the grid stays.
///
/// A cubic B-spline over a coarse grid of control points, each displaced by up to `max_displacement` along each voxel axis, every displacement
/// equally likely. The control points lie as in TorchIO's `RandomElasticDeformation` and ITK's `BSplineTransformInitializer`: `n - 2` of `n` along
/// an axis lie on the volume, the outermost beyond it. The plan says so where displacements are larger than half the distance of control points:
/// the content may then fold. Landmarks move with the content. Joined with affines before and after it into one interpolation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "TorchIO": "ElasticDeformation, RandomElasticDeformation",
    "SimpleITK": "BSplineTransform"
}))]
pub struct Elastic {
    /// Control points along x, y, z; 4 to 256.
    pub control_points: PerAxis<usize>,
    /// The largest displacement of a control point along x, y, z; one value is drawn for all axes.
    #[schemars(extend("x-unit" = "mm"))]
    pub max_displacement: PerAxis<Dist>,
    /// Layers of control points at the faces that are not displaced: 0, 1, or 2 (faces of the volume move by a sixth of what lies inside).
    pub locked_borders: usize,
    /// Displacements of all control points along x, y, z, those along x fastest, instead of drawn ones.
    #[schemars(extend("x-unit" = "mm"))]
    pub displacements: Option<Vec<[f64; 3]>>,
    /// What x, y and z are, that control points are counted and displaced along; TorchIO's and ITK's are `lps`. Of the world's axes, control points are
    /// counted along the voxel axes that run along them most nearly.
    pub frame: Frame,
    /// How images are sampled between voxels.
    pub interpolation: Interpolation,
    /// How labels are sampled between voxels: `nearest`, or `linear` for the label with the largest share of the neighbours.
    pub label_interpolation: LabelInterpolation,
    /// What lies outside the volume.
    pub mode: PadMode,
    /// The value outside in mode `constant`.
    pub value: f64,
    /// The label outside in mode `constant`.
    pub label_value: i64,
}

impl Default for Elastic {
    fn default() -> Elastic {
        Elastic {
            control_points: PerAxis::All(7),
            max_displacement: PerAxis::All(7.5.into()),
            locked_borders: 2,
            displacements: None,
            frame: Frame::Grid,
            interpolation: Interpolation::Linear,
            label_interpolation: LabelInterpolation::Nearest,
            mode: PadMode::Edge,
            value: 0.0,
            label_value: 0,
        }
    }
}

impl Declared for Elastic {
    const NAME: &'static str = "elastic";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("max_displacement");
    const RANDOM: bool = true;
}

impl Elastic {
    /// The displacements of the control points in millimetres, x fastest.
    fn drawn(&self, shape: [usize; 3], most: [f64; 3], key: Key) -> Vec<[f64; 3]> {
        if let Some(given) = &self.displacements {
            return given.clone();
        }
        let mut shares = vec![0.0f32; 3 * shape.iter().product::<usize>()];
        uniform_row(&mut shares, key.text("displacements").stream(), 0);
        let free = |n: usize| {
            let at = [n % shape[0], n / shape[0] % shape[1], n / shape[0] / shape[1]];
            (0..3).all(|a| (self.locked_borders..shape[a] - self.locked_borders).contains(&at[a]))
        };
        let one = |(n, share): (usize, &[f32; 3])| {
            let d = [0, 1, 2].map(|a| most[a] * (2.0 * f64::from(share[a]) - 1.0));
            if free(n) { d } else { [0.0; 3] }
        };
        shares.as_chunks::<3>().0.iter().enumerate().map(one).collect()
    }
}

impl Transform for Elastic {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.max_displacement.within(Self::NAME, "max_displacement", 0.0, 1e6)?;
        let shape = self.control_points.each();
        fits(Self::NAME, shape, self.displacements.as_deref())?;
        if self.locked_borders > 2 {
            return Err(Error::param(Self::NAME, "locked_borders", self.locked_borders, "0, 1 or 2"));
        }
        let most = self.max_displacement.draw(key.text("max_displacement"));
        let (n, size, given) = (at.grid.shape, at.grid.spacing(), shape);
        let along = self.frame.along(at.grid);
        let shape = along.map(|(axis, _)| given[axis]);
        let apart = spanning(n, shape).1;
        let drawn = self.drawn(given, most, key);
        let controls = Controls { shape: given, displacements: &drawn, frame: self.frame, placed: None };
        let spline = controls.spline(Self::NAME, at)?;
        let folds = (0..3).any(|a| n[a] > 1 && most[along[a].0] > apart[a] * size[a] / 2.0);
        let warning = if folds && self.displacements.is_none() { "; may fold" } else { "" };
        let label = format!("elastic, {shape:?} control points up to {most:.3?} mm{warning}");
        sampling!(self).displaced(label, at, Displacement::Spline(spline))
    }
}
