use medcore::{
    Category, Declared, Dist, Error, Facts, Filter, FilterTile, Key, Measured, Of, PerAxis, Result, Step,
    Transform,
};
use medkernels::buffer::Buffer;
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::intensity::gaussian::{Gaussian, GaussianRule, Given, LengthUnit};
use crate::measured::measured;

/// Subtract the mean around each voxel, and divide by the deviation around it.
///
/// Local contrast normalisation, subtractive then divisive (Jarrett, Kavukcuoglu, Ranzato and LeCun 2009): means are weighted by a Gaussian, or by boxes; the deviation is the root
/// of the mean square of what the subtraction leaves. Where it is small it is not divided by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {}))]
pub struct LocalNormalize {
    /// Standard deviation of the Gaussian along x, y, z, in `unit`; of boxes, half of their length less half a voxel, rounded. 0 leaves an axis alone.
    pub sigma: PerAxis<Dist>,
    /// The unit of sigma.
    pub unit: LengthUnit,
    /// What neighbours are weighted by.
    pub weights: LocalWeights,
    /// The smallest deviation that is divided by, as a share of the image's own deviation; above 0.
    pub floor: f64,
    /// Whether each channel (or frame) has its own deviation for the floor.
    pub channel_wise: bool,
}

/// What neighbours are weighted by: a `gaussian` (as in SciPy), or a `box`, all alike. Beyond the edge the volume is mirrored, the edge voxel repeated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LocalWeights {
    /// A Gaussian, cut off at four deviations.
    #[default]
    Gaussian,
    /// A box.
    Box,
}

impl Default for LocalNormalize {
    fn default() -> LocalNormalize {
        LocalNormalize {
            sigma: PerAxis::All(4.0.into()),
            unit: LengthUnit::Voxels,
            weights: LocalWeights::Gaussian,
            floor: 0.1,
            channel_wise: false,
        }
    }
}

impl Declared for LocalNormalize {
    const NAME: &'static str = "local_normalize";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("sigma");
}

impl Transform for LocalNormalize {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        if !(self.floor > 0.0 && self.floor <= 1e3) {
            return Err(Error::param(Self::NAME, "floor", self.floor, "a number above 0, up to 1000"));
        }
        let given = Given {
            transform: Self::NAME,
            name: "sigma",
            sigma: &self.sigma,
            unit: self.unit,
            truncate: None,
            rule: GaussianRule::Scipy,
        };
        let mut mean = Gaussian::drawn(&given, at, key)?;
        if self.weights == LocalWeights::Box {
            mean = mean.boxes();
        }
        let share = self.floor;
        let label = "normalise locally, by no less than a share of the deviation of the voxels";
        Ok(vec![measured(label, Of::Moments, self.channel_wise, move |m: &Measured| {
            let floor = (share * m.variance.sqrt()) as f32;
            Ok(if floor > 0.0 { vec![Step::Filter(local(&mean, floor))] } else { vec![] })
        })])
    }
}

fn local(mean: &Gaussian, floor: f32) -> Filter {
    let mean = mean.clone();
    let [x, y, z] = mean.halo;
    let label = format!("normalise by means {x} {y} {z} voxels around, deviations not below {floor}");
    Filter::new(label, mean.halo.map(|h| 2 * h), move |tile: &FilterTile<'_>, out: &mut [f32]| {
        let inner = tile.output.grown(mean.halo, tile.domain);
        let mut left = Buffer::for_overwrite(inner.len() * 4)?;
        let mut squares = Buffer::for_overwrite(inner.len() * 4)?;
        let (left, squares) = (left.as_mut_slice::<f32>(), squares.as_mut_slice::<f32>());
        mean.smooth(&FilterTile { output: inner, ..*tile }, left)?;
        let offset = [0, 1, 2].map(|i| inner.start[i] - tile.input.start[i]);
        for (n, (left, squares)) in
            left.chunks_mut(inner.shape[0].max(1)).zip(squares.chunks_mut(inner.shape[0].max(1))).enumerate()
        {
            let (y, z) = (offset[1] + n % inner.shape[1], offset[2] + n / inner.shape[1]);
            let start = offset[0] + tile.input.shape[0] * (y + tile.input.shape[1] * z);
            points::affine(&mut *left, -1.0, 0.0);
            points::add_scaled(left, &tile.voxels[start..], 1.0);
            squares.copy_from_slice(left);
            points::multiply(squares, left);
        }
        mean.smooth(&FilterTile { voxels: squares, input: inner, ..*tile }, out)?;
        let from = [0, 1, 2].map(|i| tile.output.start[i] - inner.start[i]);
        let [nx, ny, _] = tile.output.shape;
        for (n, row) in out.chunks_mut(nx.max(1)).enumerate() {
            let (y, z) = (from[1] + n % ny, from[2] + n / ny);
            let start = from[0] + inner.shape[0] * (y + inner.shape[1] * z);
            points::over_deviation(row, &left[start..start + nx], floor);
        }
        Ok(())
    })
}
