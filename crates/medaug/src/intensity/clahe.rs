use medcore::{
    Axes, Box3, Category, DType, Declared, Dist, Error, Facts, Filter, FilterTile, Key, Measured, Of,
    PerAxis, Point, RawTile, Result, Step, Transform,
};
use medkernels::buffer::Buffer;
use medkernels::clahe::{Plane, Rule, Volume};
use medkernels::copy::copy_strided;
use medkernels::histogram::{Bins, Tiles};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::{measured, range};

/// Equalise the histogram of each tile, its contrast limited, and blend between tiles (CLAHE).
///
/// Of pictures, and slice by slice, it is OpenCV's `createCLAHE` bit for bit (uint8 and uint16, which stay what they are); of volumes the same rule with tiles in three dimensions.
/// Other dtypes become float32: `bins` levels of a range, of which nothing is rounded; NaN stays NaN and counts in no tile. scikit-image's `equalize_adapthist` differs: it takes
/// the limit as a share of a tile's voxels (ours is that times `bins`), has 253 bins where 256 are asked for, fills with what is clipped only levels that are below the limit, puts the middle of a tile of odd
/// length half a voxel higher, and stretches the result to 0 and 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"OpenCV": "createCLAHE", "scikit-image": "exposure.equalize_adapthist"}))]
pub struct Clahe {
    /// The most voxels of one level in a tile, in multiples of what they would be if all levels were alike, and at least 1; 0 sets no limit.
    pub clip_limit: Dist,
    /// Number of tiles along x, y, z; along `slices` it is not looked at. OpenCV's `tileGridSize` is that of columns, then that of rows.
    pub tiles: PerAxis<usize>,
    /// The axis that slices lie one after the other along, each equalised by itself; the volume as a whole if not given. Slices of one voxel along an axis are pictures anyhow.
    pub slices: Option<Axes>,
    /// Number of levels, up to 65536; if not given, those of the dtype for uint8 and uint16, and 256 for others.
    pub bins: Option<usize>,
    /// The lowest and the highest level; if not given, those of the dtype for uint8 and uint16, and the smallest and the largest value of the image for others.
    pub range: Option<[f64; 2]>,
    /// Whether each channel (or frame) has its own smallest and largest value.
    pub channel_wise: bool,
}

impl Default for Clahe {
    fn default() -> Clahe {
        Clahe {
            clip_limit: 2.0.into(),
            tiles: PerAxis::All(8),
            slices: None,
            bins: None,
            range: None,
            channel_wise: false,
        }
    }
}

impl Declared for Clahe {
    const NAME: &'static str = "clahe";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("clip_limit");
}

impl Clahe {
    fn slices(&self) -> Result<Option<usize>> {
        let one = |axes: Axes| match <[usize; 1]>::try_from(Vec::from(axes)) {
            Ok([axis]) => Ok(axis),
            Err(all) => Err(Error::param(Self::NAME, "slices", format!("{all:?}"), "one axis")),
        };
        self.slices.map(one).transpose()
    }

    fn check(&self) -> Result<()> {
        self.clip_limit.within(Self::NAME, "clip_limit", 0.0, 1e9)?;
        if let Some(n) = self.tiles.each().into_iter().find(|n| !(1..=4096).contains(n)) {
            return Err(Error::param(Self::NAME, "tiles", n, "1 to 4096"));
        }
        if let Some(n) = self.bins.filter(|n| !(2..=65536).contains(n)) {
            return Err(Error::param(Self::NAME, "bins", n, "2 to 65536"));
        }
        match self.range {
            Some([low, high]) if !(low < high && low.is_finite() && high.is_finite()) => {
                let wanted = "two finite numbers, low then high";
                Err(Error::param(Self::NAME, "range", format!("{:?}", [low, high]), wanted))
            }
            _ => Ok(()),
        }
    }
}

impl Transform for Clahe {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.check()?;
        let clip = self.clip_limit.draw(key.text("clip_limit"));
        let shape = at.grid.shape;
        let counts = self.tiles.each();
        // A picture has no tiles across it.
        let slices = self.slices()?.or((0..3).rev().find(|a| shape[*a] == 1));
        let dtype = at.item.map(|i| i.dtype).filter(|d| matches!(d, DType::U8 | DType::U16));
        let levels = |range: [f64; 2]| {
            let all = dtype.map_or(256, |d| if d == DType::U8 { 256 } else { 65536 });
            Bins::about(range[0], range[1], self.bins.unwrap_or(all))
        };
        let scale = match (self.range, dtype) {
            (Some(range), _) => Some(levels(range)),
            (None, Some(d)) => Some(levels([0.0, if d == DType::U8 { 255.0 } else { 65535.0 }])),
            (None, None) => None,
        };
        let own = dtype.filter(|_| self.bins.is_none() && self.range.is_none());
        if let Some(axis) = slices {
            let slice = Slices::new(axis, shape, counts, clip);
            return Ok(match (own, scale) {
                (Some(_), _) => vec![Step::Filter(slice.kept())],
                (None, Some(bins)) => {
                    [Step::Filter(slice.float(bins))].into_iter().chain(back(dtype)).collect()
                }
                (None, None) => vec![over_range(self.channel_wise, self.bins, move |bins| {
                    vec![Step::Filter(slice.float(bins))]
                })],
            });
        }
        let tiles = Tiles::of(shape, counts);
        let whole = own.is_some();
        let solid = move |bins: Bins| equalized(shape, tiles, bins, Rule { clip, levels: bins.count, whole });
        Ok(match scale {
            Some(bins) if own == Some(DType::U16) => {
                // Of 65536 levels those that occur: their tables may be as large as the volume.
                let step = measured("levels of the voxels", Of::Extent, true, move |m| {
                    let [low, high] = m.extent.map(|v| v as i64);
                    let rule = Rule { clip, levels: bins.count, whole };
                    Ok(if m.count > 0 {
                        vec![equalized(shape, tiles, Bins::whole(low, high), rule)]
                    } else {
                        vec![]
                    })
                });
                [step].into_iter().chain(back(dtype)).collect()
            }
            Some(bins) => [solid(bins)].into_iter().chain(back(dtype)).collect(),
            None => vec![over_range(self.channel_wise, self.bins, move |bins| vec![solid(bins)])],
        })
    }
}

/// What brings integers back to their dtype.
fn back(dtype: Option<DType>) -> Option<Step> {
    dtype.map(|d| Step::Point(Point::Cast(d)))
}

/// Steps over the range of the voxels, if it has a width.
fn over_range(
    channel_wise: bool,
    bins: Option<usize>,
    steps: impl Fn(Bins) -> Vec<Step> + Send + Sync + 'static,
) -> Step {
    measured("equalise tiles in the range of the voxels", Of::Extent, channel_wise, move |m| {
        let of = |[low, high]: [f32; 2]| steps(Bins::about(low.into(), high.into(), bins.unwrap_or(256)));
        Ok(range(m).map(of).unwrap_or_default())
    })
}

/// Tables of the tiles of a volume, and the point that looks them up.
fn equalized(shape: [usize; 3], tiles: [Tiles; 3], bins: Bins, rule: Rule) -> Step {
    let of = Of::Histogram { bins, tiles: Some(tiles) };
    let first = if rule.levels == bins.count { 0 } else { bins.centre(0) as usize };
    let (low, width) = (bins.centre(0) as f32 - first as f32 * bins.width() as f32, bins.width() as f32);
    let label = format!("equalise {} x {} x {} tiles", tiles[0].count, tiles[1].count, tiles[2].count);
    measured(label.clone(), of, true, move |m: &Measured| {
        let volume = Volume::new(shape, tiles, &m.counts, bins, first, &rule);
        Ok(vec![Step::point_at(label.clone(), move |row, at| volume.equalize(row, at.index, low, width))])
    })
}

/// Slices, each equalised by itself.
#[derive(Debug, Clone, Copy)]
struct Slices {
    /// The axis along which they lie.
    axis: usize,
    /// The axes of a slice, in the order of memory, and how they are divided.
    along: [usize; 2],
    tiles: [Tiles; 2],
    /// The axis whose tables are blended first: the one that comes last, as columns do.
    first: usize,
    shape: [usize; 3],
    clip: f64,
}

impl Slices {
    fn new(axis: usize, shape: [usize; 3], counts: [usize; 3], clip: f64) -> Slices {
        let along = [[1, 2], [0, 2], [0, 1]][axis];
        let tiles = Tiles::of(along.map(|a| shape[a]), along.map(|a| counts[a]));
        Slices { axis, along, tiles, first: along[1], shape, clip }
    }

    /// The same slices of a volume whose axes were exchanged; none if they do not lie as slices then, and are better brought back once.
    fn turned(self, turn: [usize; 3]) -> Option<Slices> {
        let to = |axis: usize| turn.iter().position(|a| *a == axis).unwrap_or(axis);
        let (axis, first, shape) = (to(self.axis), to(self.first), turn.map(|a| self.shape[a]));
        let mut both = [(to(self.along[0]), self.tiles[0]), (to(self.along[1]), self.tiles[1])];
        both.sort_by_key(|(axis, _)| *axis);
        let (along, tiles) = (both.map(|(a, _)| a), both.map(|(_, t)| t));
        (axis != 0).then_some(Slices { axis, along, tiles, first, shape, ..self })
    }

    fn plane(&self) -> Plane {
        let shape = self.along.map(|a| self.shape[a]);
        Plane { shape, tiles: self.tiles, fast_first: self.first == self.along[0] }
    }

    fn label(&self) -> String {
        let [a, b] = self.tiles.map(|t| t.count);
        format!("equalise {a} x {b} tiles of slices along {}", ['x', 'y', 'z'][self.axis])
    }

    /// Voxels on either side of one: its whole slice.
    fn halo(&self) -> [usize; 3] {
        [0, 1, 2].map(|a| if a == self.axis { 0 } else { self.shape[a] })
    }

    fn kept(self) -> Filter {
        let run = move |tile: &RawTile<'_>, out: &mut [u8]| {
            let boxes = [&tile.input, &tile.output];
            if tile.dtype == DType::U8 {
                let one = |src: &[u8], dst: &mut [u8]| self.plane().equalize_u8(src, dst, self.clip);
                return self.each(tile.bytes, out, boxes, one);
            }
            let (from, to) = (bytemuck::cast_slice(tile.bytes), bytemuck::cast_slice_mut(out));
            let one = |src: &[u16], dst: &mut [u16]| self.plane().equalize_u16(src, dst, self.clip);
            self.each(from, to, boxes, one)
        };
        Filter::kept(self.label(), self.halo(), run)
            .with_turned(move |turn| self.turned(turn).map(Slices::kept))
    }

    fn float(self, bins: Bins) -> Filter {
        let run = move |tile: &FilterTile<'_>, out: &mut [f32]| {
            let one = |src: &[f32], dst: &mut [f32]| self.plane().equalize_f32(src, dst, &bins, self.clip);
            self.each(tile.voxels, out, [&tile.input, &tile.output], one)
        };
        let turned = move |turn| Some(self.turned(turn)?.float(bins));
        Filter::new(self.label(), self.halo(), run).with_turned(turned)
    }

    /// Runs `one` on each slice of a packed box; what is wanted of it goes to the output.
    fn each<T: bytemuck::Pod>(
        &self,
        from: &[T],
        to: &mut [T],
        [have, want]: [&Box3; 2],
        one: impl Fn(&[T], &mut [T]),
    ) -> Result<()> {
        let [na, nb] = self.along.map(|a| have.shape[a]);
        let whole = want.shape[self.along[0]] == na && want.shape[self.along[1]] == nb;
        if self.axis == 2 && whole {
            let plane = (na * nb).max(1);
            from.chunks(plane).zip(to.chunks_mut(plane)).for_each(|(src, dst)| one(src, dst));
            return Ok(());
        }
        // Some slices at a time, so that what lies beside one another in memory is fetched once; a slice of them lies packed.
        let size = size_of::<T>();
        let together = (64 / size).min(have.shape[self.axis]).max(1);
        let plane = na * nb;
        let mut own = [0; 3];
        (own[self.along[0]], own[self.along[1]], own[self.axis]) = (1, na as isize, plane as isize);
        let strides = |shape: [usize; 3]| [1, shape[0] as isize, (shape[0] * shape[1]) as isize];
        let (read, write) = (strides(have.shape), strides(want.shape));
        let mut before = Buffer::for_overwrite(plane * together * size)?;
        let mut after = Buffer::for_overwrite(plane * together * size)?;
        let left = [0, 1, 2].map(|a| want.start[a] - have.start[a]);
        for start in (0..want.shape[self.axis]).step_by(together) {
            let count = together.min(want.shape[self.axis] - start);
            let (mut whole, mut part) = (have.shape, want.shape);
            (whole[self.axis], part[self.axis]) = (count, count);
            let first = (start + left[self.axis]) * read[self.axis] as usize;
            let bytes = bytemuck::cast_slice(from);
            copy_strided(before.as_bytes_mut(), own, 0, bytes, read, first, whole, size);
            let planes = before.as_slice::<T>().chunks(plane.max(1)).take(count);
            planes
                .zip(after.as_mut_slice::<T>().chunks_mut(plane.max(1)))
                .for_each(|(src, dst)| one(src, dst));
            let first: usize = self.along.iter().map(|a| left[*a] * own[*a] as usize).sum();
            let to = bytemuck::cast_slice_mut(&mut *to);
            copy_strided(
                to,
                write,
                start * write[self.axis] as usize,
                after.as_bytes(),
                own,
                first,
                part,
                size,
            );
        }
        Ok(())
    }
}
