use medcore::{
    Boundary, Box3, Category, DType, Declared, Error, Facts, Filter, FilterTile, Key, PerAxis, RawTile,
    Result, Step, Transform,
};
use medkernels::buffer::Buffer;
use medkernels::median::{Median, Ordered, Room, of_sort_keys, sort_keys};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spatial::pad::PadMode;

/// Replace each voxel by the median of the box around it.
///
/// Integers of 8 and 16 bits keep their dtype, others become float32. NaN counts as larger than any number. Corresponds to MONAI's `MedianSmooth`, SimpleITK's `Median` and
/// OpenCV's `medianBlur`; with `mode: symmetric` to SciPy's `median_filter`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "MedianSmooth", "SciPy": "ndimage.median_filter", "SimpleITK": "Median", "OpenCV": "medianBlur"}))]
pub struct MedianSmooth {
    /// Voxels on either side along x, y, z, 0 to 7.
    pub radius: PerAxis<usize>,
    /// What lies beyond the volume's edge.
    pub mode: PadMode,
    /// The value beyond the edge in mode `constant`.
    pub value: f64,
}

impl Default for MedianSmooth {
    fn default() -> MedianSmooth {
        MedianSmooth { radius: PerAxis::All(1), mode: PadMode::Edge, value: 0.0 }
    }
}

impl Declared for MedianSmooth {
    const NAME: &'static str = "median_smooth";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("radius");
}

impl Transform for MedianSmooth {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let mut radius = self.radius.each();
        if let Some(r) = radius.iter().find(|r| **r > 7) {
            return Err(Error::param(Self::NAME, "radius", r, "0 to 7"));
        }
        let boundary = self.mode.boundary(Self::NAME, self.value)?;
        if boundary == Boundary::Smallest {
            return Err(Error::param(
                Self::NAME,
                "mode",
                "smallest",
                "edge, symmetric, reflect, wrap or constant",
            ));
        }
        if !matches!(boundary, Boundary::Constant(_)) {
            // Of one voxel beyond both edges as often as inside, which does not move the median.
            for a in (0..3).filter(|a| at.grid.shape[*a] == 1) {
                radius[a] = 0;
            }
        }
        if radius == [0; 3] {
            return Ok(vec![]);
        }
        let small = matches!(at.item.map(|i| i.dtype), Some(DType::U8 | DType::I8 | DType::U16 | DType::I16));
        let boxes = Boxes { radius, boundary };
        Ok(vec![Step::Filter(if small { boxes.kept() } else { boxes.float() })])
    }
}

/// The boxes that medians are taken over.
#[derive(Debug, Clone, Copy)]
struct Boxes {
    radius: [usize; 3],
    boundary: Boundary,
}

impl Boxes {
    fn turned(self, turn: [usize; 3]) -> Boxes {
        Boxes { radius: turn.map(|a| self.radius[a]), ..self }
    }

    fn label(&self) -> String {
        let [x, y, z] = self.radius.map(|r| 2 * r + 1);
        format!("median of {x} x {y} x {z} voxels")
    }

    fn kept(self) -> Filter {
        let run = move |tile: &RawTile<'_>, out: &mut [u8]| match tile.dtype {
            DType::U8 => self.fill_kept::<u8>(tile, out, |v| v.clamp(0.0, 255.0) as u8),
            DType::I8 => self.fill_kept::<i8>(tile, out, |v| v.clamp(-128.0, 127.0) as i8),
            DType::U16 => self.fill_kept::<u16>(tile, out, |v| v.clamp(0.0, 65535.0) as u16),
            DType::I16 => self.fill_kept::<i16>(tile, out, |v| v.clamp(-32768.0, 32767.0) as i16),
            other => Err(Error::not_numeric(MedianSmooth::NAME, other)),
        };
        let filter = Filter::kept(self.label(), self.radius, run).with_work(self.work(2));
        filter.with_turned(move |turn| Some(self.turned(turn).kept()))
    }

    fn float(self) -> Filter {
        let run = move |tile: &FilterTile<'_>, out: &mut [f32]| {
            let median = self.median();
            let (mut room, mut keys) = (Room::of(&median), vec![0; tile.output.shape[0]]);
            let medians = |rows: &[&[i32]], out: &mut [f32]| {
                median.row(rows, &mut keys, &mut room);
                of_sort_keys(&keys, out);
            };
            let FilterTile { voxels, input, output, domain } = *tile;
            let outside = |v: f64| {
                let mut key = [0];
                sort_keys(&[v as f32], &mut key);
                key[0]
            };
            self.fill((voxels, input, output, domain), out, outside, sort_keys, medians)
        };
        let filter = Filter::new(self.label(), self.radius, run).with_work(self.work(4));
        filter.with_turned(move |turn| Some(self.turned(turn).float()))
    }

    fn median(&self) -> Median {
        let [wide, high, deep] = self.radius.map(|r| 2 * r + 1);
        Median::of(wide, high * deep)
    }

    /// The work for voxels of so many bytes: they are compared the more often the more of them a box has, as many at once as a register holds.
    fn work(&self, bytes: usize) -> usize {
        let voxels: usize = self.radius.map(|r| 2 * r + 1).iter().product();
        voxels * voxels.isqrt() * bytes / 64
    }

    fn fill_kept<T: Ordered>(
        &self,
        tile: &RawTile<'_>,
        out: &mut [u8],
        outside: impl Fn(f64) -> T,
    ) -> Result<()> {
        let median = self.median();
        let mut room = Room::of(&median);
        let medians = |rows: &[&[T]], out: &mut [T]| median.row(rows, out, &mut room);
        let RawTile { bytes, input, output, domain, .. } = *tile;
        let tile = (bytemuck::cast_slice(bytes), input, output, domain);
        self.fill(tile, bytemuck::cast_slice_mut(out), outside, |from, to| to.copy_from_slice(from), medians)
    }

    /// The medians of a tile, by what `keys` makes of its voxels; `outside` makes that of the value beyond the edge.
    fn fill<V: Copy, T: Ordered>(
        &self,
        (voxels, have, want, domain): (&[V], Box3, Box3, [usize; 3]),
        out: &mut [V],
        outside: impl Fn(f64) -> T,
        keys: impl Fn(&[V], &mut [T]),
        mut medians: impl FnMut(&[&[T]], &mut [V]),
    ) -> Result<()> {
        let size = [0, 1, 2].map(|a| want.shape[a] + 2 * self.radius[a]);
        let mut padded = Buffer::for_overwrite(size.iter().product::<usize>() * size_of::<T>())?;
        let padded = padded.as_mut_slice::<T>();
        let places = |axis: usize| -> Vec<Option<usize>> {
            let place = |n: usize| {
                let at = (want.start[axis] + n) as i64 - self.radius[axis] as i64;
                self.boundary.index(at, domain[axis]).and_then(|i| i.checked_sub(have.start[axis]))
            };
            (0..size[axis]).map(place).collect()
        };
        let [xs, ys, zs] = [0, 1, 2].map(places);
        let fill = outside(if let Boundary::Constant(v) = self.boundary { v } else { 0.0 });
        let inside = self.radius[0]..size[0] - self.radius[0];
        let first = want.start[0] - have.start[0];
        for (n, row) in padded.chunks_mut(size[0]).enumerate() {
            let (Some(y), Some(z)) = (ys[n % size[1]], zs[n / size[1]]) else {
                row.fill(fill);
                continue;
            };
            let from = &voxels[have.shape[0] * (y + have.shape[1] * z)..][..have.shape[0]];
            keys(&from[first..first + want.shape[0]], &mut row[inside.clone()]);
            for x in (0..inside.start).chain(inside.end..size[0]) {
                match xs[x] {
                    Some(at) => keys(&from[at..=at], &mut row[x..=x]),
                    None => row[x] = fill,
                }
            }
        }
        let [_, high, deep] = self.radius.map(|r| 2 * r + 1);
        let mut rows = Vec::with_capacity(high * deep);
        for (n, out) in out.chunks_mut(want.shape[0].max(1)).enumerate() {
            let (y, z) = (n % want.shape[1], n / want.shape[1]);
            rows.clear();
            for z in z..z + deep {
                rows.extend((y..y + high).map(|y| &padded[size[0] * (y + size[1] * z)..][..size[0]]));
            }
            medians(&rows, out);
        }
        Ok(())
    }
}
