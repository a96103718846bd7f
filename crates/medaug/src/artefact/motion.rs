use medcore::{Affine, Axes, Category, Declared, Error, Facts, Grid, Key, Result, Step, Transform};
use medkernels::buffer::Buffer;
use medkernels::interpolate::{Boundary, StridedF32, sample_linear_row};
use medkernels::{points, stats, threads};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artefact::k_space::{drawn_axis, weigh_lines, whole_channel};
use crate::spatial::affine::rotation;

/// Move the patient while frequencies are measured: planes of them along an axis come from the image as it lay at their time.
///
/// Between the movements the image is rigidly turned about the centre of the grid and shifted, sampled linearly; what comes in from outside has the
/// smallest value. The part of the planes that holds frequency 0 comes from the image at rest. Follows TorchIO's `RandomMotion`, which turns about
/// the origin of the world and lets time run along z.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"TorchIO": "Motion, RandomMotion"}))]
pub struct Motion {
    /// Lowest and highest angle, drawn uniformly for each movement about each of the axes x, y, z.
    #[schemars(extend("x-unit" = "degrees"))]
    pub rotate: [f64; 2],
    /// Lowest and highest shift, drawn uniformly for each movement along each of the axes x, y, z.
    #[schemars(extend("x-unit" = "mm"))]
    pub translate: [f64; 2],
    /// Number of movements, 1 to 100.
    pub movements: usize,
    /// How far from even spacing the movements' times may lie, as a share of that spacing, 0 to 0.5.
    pub irregularity: f64,
    /// Axes along which time may run, of which one is drawn, each as likely.
    pub axes: Axes,
}

impl Default for Motion {
    fn default() -> Motion {
        Motion {
            rotate: [-10.0, 10.0],
            translate: [-10.0, 10.0],
            movements: 2,
            irregularity: 0.3,
            axes: Axes([false, false, true]),
        }
    }
}

impl Declared for Motion {
    const NAME: &'static str = "motion";
    const CATEGORY: Category = Category::Artefact;
    const MAIN: Option<&'static str> = Some("movements");
    const RANDOM: bool = true;
}

impl Motion {
    fn check(&self) -> Result<()> {
        for (name, [low, high]) in [("rotate", self.rotate), ("translate", self.translate)] {
            if !(low <= high && low >= -1e6 && high <= 1e6) {
                let found = format!("{:?}", [low, high]);
                return Err(Error::param(Self::NAME, name, found, "two numbers, low then high"));
            }
        }
        if !(1..=100).contains(&self.movements) {
            return Err(Error::param(Self::NAME, "movements", self.movements, "1 to 100"));
        }
        if !(0.0..=0.5).contains(&self.irregularity) {
            return Err(Error::param(
                Self::NAME,
                "irregularity",
                self.irregularity,
                "a number from 0 to 0.5",
            ));
        }
        Ok(())
    }

    /// Where a voxel of the image comes from after each movement.
    fn maps(&self, grid: &Grid, key: Key) -> Result<Vec<Affine>> {
        let centre = Affine::translate(grid.center().map(|v| -v));
        let to_mm = Affine::from_spacing(grid.spacing()) * centre;
        let singular = || Error::param(Self::NAME, "grid", "without spacing", "one that can be inverted");
        let from_mm = to_mm.inverse().ok_or_else(singular)?;
        let one = |movement: usize| {
            let drawn = |name: &str, [low, high]: [f64; 2]| {
                let key = key.text(name).index(movement as u64);
                [0, 1, 2].map(|i| low + (high - low) * key.index(i).uniform())
            };
            let angle = drawn("rotate", self.rotate);
            let turn = rotation(0, 1, angle[2]) * rotation(2, 0, angle[1]) * rotation(1, 2, angle[0]);
            let moved = Affine::translate(drawn("translate", self.translate)) * turn;
            Ok(from_mm * moved.inverse().ok_or_else(singular)? * to_mm)
        };
        (0..self.movements).map(one).collect()
    }
}

impl Transform for Motion {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.check()?;
        let axis = drawn_axis(Self::NAME, self.axes, key.text("axis"))?;
        let maps = self.maps(at.grid, key)?;
        let spacing = 1.0 / (self.movements + 1) as f64;
        let time = |i: usize| {
            let off = (2.0 * key.text("times").index(i as u64).uniform() - 1.0) * self.irregularity;
            ((i + 1) as f64 + off) * spacing
        };
        let times: Vec<f64> = (0..self.movements).map(time).collect();
        // The image at rest changes places with what would be in the middle.
        let middle = times.iter().position(|t| *t > 0.5).unwrap_or(self.movements);
        let mut order: Vec<Option<Affine>> = [None].into_iter().chain(maps.into_iter().map(Some)).collect();
        order.swap(0, middle);
        let label =
            format!("{} movements while planes along {} are measured", times.len(), ['x', 'y', 'z'][axis]);
        Ok(whole_channel(label, move |voxels, shape| {
            let n = shape[axis];
            let ends: Vec<usize> = times.iter().map(|t| (t * n as f64) as usize).chain([n]).collect();
            let smallest = stats::extent(voxels, stats::Keep::All).min;
            let mut sum = Buffer::zeroed(voxels.len() * 4)?;
            let mut moved = Buffer::for_overwrite(voxels.len() * 4)?;
            let mut start = 0;
            for (map, end) in order.iter().zip(ends) {
                let part = start..end.max(start);
                start = part.end;
                if part.is_empty() {
                    continue;
                }
                let moved = moved.as_mut_slice::<f32>();
                match map {
                    Some(map) => resample(voxels, shape, map, smallest, moved),
                    None => moved.copy_from_slice(voxels),
                }
                weigh_lines(moved, shape, axis, |k| f32::from(part.contains(&k)))?;
                points::add_scaled(sum.as_mut_slice(), moved, 1.0);
            }
            voxels.copy_from_slice(sum.as_slice());
            Ok(())
        }))
    }
}

fn resample(voxels: &[f32], shape: [usize; 3], map: &Affine, outside: f32, out: &mut [f32]) {
    let src = StridedF32::packed(voxels, shape);
    let mut planes: Vec<&mut [f32]> = out.chunks_mut((shape[0] * shape[1]).max(1)).collect();
    let step = [0, 1, 2].map(|i| map.rows[i][0]);
    threads::for_each_mut(&mut planes, |z, plane| {
        for (y, row) in plane.chunks_mut(shape[0].max(1)).enumerate() {
            let start = map.apply([0.0, y as f64, z as f64]);
            sample_linear_row(row, &src, start, step, 0, Boundary::Constant(outside));
        }
    });
}
