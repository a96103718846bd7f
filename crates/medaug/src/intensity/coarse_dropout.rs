use std::ops::Range;

use medcore::{
    Category, Declared, Dist, Error, Facts, Key, Measured, Of, PerAxis, Result, RowAt, Step, Transform,
};
use medkernels::philox::{self, Stream};
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::measured;

/// Fill boxes of the volume with a value or with noise.
///
/// Boxes lie anywhere inside, each as likely, and may overlap; all channels have the same. Corresponds to MONAI's `RandCoarseDropout` and, with
/// `each: hole`, to batchgeneratorsv2's `BlankRectangleTransform`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "RandCoarseDropout",
    "batchgeneratorsv2": "BlankRectangleTransform"
}))]
pub struct CoarseDropout {
    /// Number of boxes, 1 to 10000; a drawn number is rounded down.
    pub holes: Dist,
    /// Voxels of a box along x, y, z, at least 1; cut to the volume's.
    pub shape: PerAxis<usize>,
    /// If given, a box's voxels along each axis are drawn from `shape` to this, each number as likely.
    pub max_shape: Option<PerAxis<usize>>,
    /// Lowest and highest value of the uniformly drawn fill (`[0, 0]` for zeros); the smallest and the largest value of the image if not given.
    pub fill: Option<[f64; 2]>,
    /// What has a fill of its own.
    pub each: FillOf,
    /// Whether everything outside the boxes is filled instead.
    pub outside: bool,
}

/// What has a fill of its own: each `voxel`, or each `hole` as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FillOf {
    /// Noise.
    #[default]
    Voxel,
    /// One value for all voxels of a hole.
    Hole,
}

impl Default for CoarseDropout {
    fn default() -> CoarseDropout {
        CoarseDropout {
            holes: 5.0.into(),
            shape: PerAxis::All(16),
            max_shape: None,
            fill: None,
            each: FillOf::Voxel,
            outside: false,
        }
    }
}

impl Declared for CoarseDropout {
    const NAME: &'static str = "coarse_dropout";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("holes");
    const RANDOM: bool = true;
}

/// A box, and where between the lowest and the highest fill its own lies.
#[derive(Debug, Clone, Copy)]
struct Hole {
    number: u64,
    start: [usize; 3],
    end: [usize; 3],
    fill: f64,
}

impl CoarseDropout {
    /// The boxes, by their first plane.
    fn drawn(&self, grid: [usize; 3], key: Key) -> Result<Vec<Hole>> {
        self.holes.within(Self::NAME, "holes", 1.0, 10_000.0)?;
        let least = self.shape.each();
        let most = self.max_shape.as_ref().map_or(least, PerAxis::each);
        if (0..3).any(|i| least[i] == 0 || most[i] < least[i]) {
            let found = format!("{least:?} to {most:?}");
            return Err(Error::param(Self::NAME, "shape", found, "at least 1, and max_shape not below it"));
        }
        let count = self.holes.draw(key.text("holes")) as u64;
        let hole = |n: u64| {
            let key = key.text("hole").index(n);
            let mut hole = Hole { number: n, start: [0; 3], end: [0; 3], fill: key.text("fill").uniform() };
            for i in 0..3 {
                let more = key.text("shape").index(i as u64).below((most[i] - least[i] + 1) as u64);
                let shape = (least[i] + more as usize).min(grid[i]);
                let start = key.text("start").index(i as u64).below((grid[i] - shape + 1) as u64);
                hole.start[i] = start as usize;
                hole.end[i] = start as usize + shape;
            }
            hole
        };
        let mut holes: Vec<Hole> = (0..count).map(hole).collect();
        holes.sort_by_key(|hole| hole.start[2]);
        Ok(holes)
    }
}

impl Transform for CoarseDropout {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let holes = self.drawn(at.grid.shape, key)?;
        let (each, outside, stream) = (self.each, self.outside, key.text("voxels").stream());
        if outside && each == FillOf::Hole {
            let wanted = "voxel where everything outside is filled";
            return Err(Error::param(Self::NAME, "each", "hole with outside", wanted));
        }
        let step = move |range: [f64; 2]| {
            let deepest = holes.iter().map(|hole| hole.end[2] - hole.start[2]).max().unwrap_or(0);
            let fill =
                Fill { holes: holes.clone(), deepest, low: range[0], width: range[1] - range[0], stream };
            let place = if outside { "outside " } else { "" };
            Step::point_at(format!("fill {place}{} boxes", holes.len()), move |row, at| match each {
                _ if outside => fill.outside(row, at),
                FillOf::Voxel => fill.each_voxel(row, at),
                FillOf::Hole => fill.each_hole(row, at),
            })
        };
        Ok(vec![match self.fill {
            Some(range) if range[0] <= range[1] && range.iter().all(|v| v.is_finite()) => step(range),
            Some(range) => {
                let wanted = "two finite numbers, low then high";
                return Err(Error::param(Self::NAME, "fill", format!("{range:?}"), wanted));
            }
            None => {
                measured("fill boxes from the range of the voxels", Of::Extent, false, move |m: &Measured| {
                    Ok(if m.count > 0 { vec![step(m.extent)] } else { vec![] })
                })
            }
        }])
    }
}

/// Boxes, and what they are filled with.
#[derive(Debug)]
struct Fill {
    /// By their first plane.
    holes: Vec<Hole>,
    /// The most planes that one goes through.
    deepest: usize,
    low: f64,
    width: f64,
    stream: Stream,
}

impl Fill {
    /// For each hole that a row goes through, the voxels of the row.
    fn parts<'a>(&'a self, len: usize, at: &'a RowAt) -> impl Iterator<Item = (Range<usize>, &'a Hole)> + 'a {
        let [x, y, z] = at.index;
        let first = self.holes.partition_point(|hole| hole.start[2] + self.deepest <= z);
        let begun = self.holes[first..].iter().take_while(move |hole| hole.start[2] <= z);
        let through = begun.filter(move |hole| z < hole.end[2] && (hole.start[1]..hole.end[1]).contains(&y));
        through.map(move |hole| {
            let of = |i: usize| i.clamp(x, x + len) - x;
            (of(hole.start[0])..of(hole.end[0]), hole)
        })
    }

    fn each_hole(&self, row: &mut [f32], at: &RowAt) {
        let mut parts: Vec<_> = self.parts(row.len(), at).collect();
        // Of holes that overlap the last one is seen.
        parts.sort_by_key(|(_, hole)| hole.number);
        for (part, hole) in parts {
            row[part].fill((self.low + self.width * hole.fill) as f32);
        }
    }

    fn each_voxel(&self, row: &mut [f32], at: &RowAt) {
        for (part, _) in self.parts(row.len(), at) {
            self.noise(&mut row[part.clone()], at.number() + part.start as u64);
        }
    }

    fn outside(&self, row: &mut [f32], at: &RowAt) {
        let kept = row.to_vec();
        self.noise(row, at.number());
        for (part, _) in self.parts(kept.len(), at) {
            row[part.clone()].copy_from_slice(&kept[part]);
        }
    }

    /// A voxel's fill does not depend on the holes that it is in.
    fn noise(&self, row: &mut [f32], number: u64) {
        philox::uniform_row(row, self.stream, number);
        points::affine(row, self.width as f32, self.low as f32);
    }
}
