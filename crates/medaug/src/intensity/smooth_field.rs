use std::sync::Arc;

use medcore::{Category, Declared, Error, Facts, Key, Of, PerAxis, Result, RowAt, Step, Transform};
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::{measured, range};

/// Multiply by a random field, or raise to its powers, that changes linearly between a few control points.
///
/// The points divide the volume evenly, the outermost at its outermost voxels' centres; the value at each is drawn uniformly. All channels have the
/// same field. Corresponds to MONAI's `RandSmoothFieldAdjustIntensity` and `RandSmoothFieldAdjustContrast` with `mode="trilinear"` and
/// `align_corners=True`; the field is not stretched once more to the drawn extremes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "RandSmoothFieldAdjustIntensity, RandSmoothFieldAdjustContrast"}))]
pub struct SmoothField {
    /// What the field does.
    pub effect: FieldEffect,
    /// Lowest and highest value at a control point; for powers 1e-6 to 1e4.
    pub values: [f64; 2],
    /// Number of control points along x, y, z, 1 to 64.
    pub points: PerAxis<usize>,
    /// Rings of further points around them whose value is 1, which changes nothing.
    pub pad: usize,
    /// Whether each channel (or frame) has its own range, within which it is raised to powers.
    pub channel_wise: bool,
}

/// What a field does to values: `multiply` them, or raise their place in the image's range to the `power`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldEffect {
    /// A voxel times the field.
    #[default]
    Multiply,
    /// The share of the way from the smallest to the largest value, to the power of the field, as in `gamma`.
    Power,
}

impl Default for SmoothField {
    fn default() -> SmoothField {
        SmoothField {
            effect: FieldEffect::Multiply,
            values: [0.7, 1.3],
            points: PerAxis::All(4),
            pad: 0,
            channel_wise: false,
        }
    }
}

impl Declared for SmoothField {
    const NAME: &'static str = "smooth_field";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("values");
    const RANDOM: bool = true;
}

impl Transform for SmoothField {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let [low, high] = self.values;
        let [least, most] =
            if self.effect == FieldEffect::Power { [1e-6, 1e4] } else { [f64::MIN, f64::MAX] };
        if !(low <= high && low >= least && high <= most) {
            let wanted = "two finite numbers, low then high; for powers from 1e-6 to 1e4";
            return Err(Error::param(Self::NAME, "values", format!("{:?}", self.values), wanted));
        }
        let inner = self.points.each();
        if !inner.iter().all(|n| (1..=64).contains(n)) {
            return Err(Error::param(Self::NAME, "points", format!("{inner:?}"), "1 to 64 along each axis"));
        }
        if self.pad > 64 {
            return Err(Error::param(Self::NAME, "pad", self.pad, "at most 64"));
        }
        let key = key.text("values");
        let drawn = |n: usize| low + (high - low) * key.index(n as u64).uniform();
        let field = Arc::new(Field::new(at.grid.shape, inner, self.pad, drawn));
        Ok(vec![match self.effect {
            FieldEffect::Multiply => {
                Step::point_at(format!("times a field of {inner:?} points"), move |row, at| {
                    field.on(row, at, points::multiply);
                })
            }
            FieldEffect::Power => {
                let label = "a field of powers within the range of the voxels";
                measured(label, Of::Extent, self.channel_wise, move |m| {
                    let Some([low, high]) = range(m) else { return Ok(vec![]) };
                    let field = field.clone();
                    let power = move |row: &mut [f32], at: &RowAt| {
                        field.on(row, at, |row, powers| points::gammas_between(row, low, high, powers));
                    };
                    let label = format!("a field of powers of the way from {low} to {high}");
                    Ok(vec![Step::point_at(label, power)])
                })
            }
        }])
    }
}

/// Values at control points, x fastest, and where voxels lie between them.
#[derive(Debug)]
struct Field {
    values: Vec<f32>,
    shape: [usize; 3],
    /// Along each axis, for each voxel: the point before it, and the share of the way to the next.
    places: [Vec<(usize, f32)>; 3],
}

impl Field {
    /// `value` is asked for one inner point after the other, z fastest.
    fn new(grid: [usize; 3], inner: [usize; 3], pad: usize, value: impl Fn(usize) -> f64) -> Field {
        let shape = inner.map(|n| n + 2 * pad);
        let mut values = vec![1.0f32; shape.iter().product()];
        for n in 0..inner.iter().product() {
            let at = [n / inner[2] / inner[1], n / inner[2] % inner[1], n % inner[2]].map(|i| i + pad);
            values[at[0] + shape[0] * (at[1] + shape[1] * at[2])] = value(n) as f32;
        }
        let places = [0, 1, 2].map(|axis| {
            let (voxels, last) = (grid[axis], shape[axis] - 1);
            let place = |i: usize| {
                let at = i as f64 * last as f64 / (voxels.max(2) - 1) as f64;
                let before = (at as usize).min(last.saturating_sub(1));
                (before, (at - before as f64) as f32)
            };
            (0..voxels).map(place).collect()
        });
        Field { values, shape, places }
    }

    /// Works on a row together with the field along it.
    fn on(&self, row: &mut [f32], at: &RowAt, work: impl Fn(&mut [f32], &[f32])) {
        let [nx, ny, _] = self.shape;
        let between = |a: f32, b: f32, share: f32| a + (b - a) * share;
        let ((y, of_y), (z, of_z)) = (self.places[1][at.index[1]], self.places[2][at.index[2]]);
        let (y1, z1) = ((y + 1).min(ny - 1), (z + 1).min(self.shape[2] - 1));
        let value = |x: usize, y: usize, z: usize| self.values[x + nx * (y + ny * z)];
        let line: Vec<f32> = (0..nx)
            .map(|x| {
                let low = between(value(x, y, z), value(x, y1, z), of_y);
                between(low, between(value(x, y, z1), value(x, y1, z1), of_y), of_z)
            })
            .collect();
        let mut field = [0f32; 1024];
        let places = &self.places[0][at.index[0]..][..row.len()];
        for (row, places) in row.chunks_mut(1024).zip(places.chunks(1024)) {
            for (v, (x, share)) in field.iter_mut().zip(places) {
                *v = between(line[*x], line[(x + 1).min(nx - 1)], *share);
            }
            work(row, &field[..places.len()]);
        }
    }
}
