//! What a transform wants done to the voxels.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use medkernels::histogram::{Bins, Tiles};
use medkernels::linear::{self, Linear};
use medkernels::points::Row;

use crate::{
    Boundary, Box3, ClassIndex, ClassRows, DType, Grid, Lattice, Map, Result, Role, Sample, Sampler, Tries,
    Volume,
};

/// One thing to do. A transform's plan is a list of these; the executor decides how they are run, never what they mean.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Step {
    /// Each voxel alone.
    Point(Point),
    /// Numbers of the whole volume, from which further steps follow.
    Measure(Measure),
    /// Voxels move, or are interpolated on another grid.
    Warp(Warp),
    /// A voxel from its neighbourhood.
    Filter(Filter),
    /// The whole volume at once; ends the pushing of crops towards the file.
    Global(Global),
    /// Label values are renamed.
    Relabel(Relabel),
    /// Voxels of another dtype, or with other channels.
    Remake(Remake),
    /// Some of the channels, or other axes for them.
    Take(Take),
    /// Items appear, split or vanish.
    Items(Items),
    /// The user's own function.
    Host(Host),
}

/// Where a run of voxels lies.
#[derive(Debug, Clone, Copy)]
pub struct RowAt {
    /// Index (x, y, z) of the first voxel in its stage's full logical grid.
    pub index: [usize; 3],
    /// Shape of that grid.
    pub shape: [usize; 3],
    /// Channel (or frame), counted over all axes after the third.
    pub channel: usize,
}

impl RowAt {
    /// Number of the first voxel in the logical item: x fastest, then y, z, channel.
    pub fn number(&self) -> u64 {
        let [i, j, k] = self.index.map(|v| v as u64);
        let [x, y, z] = self.shape.map(|v| v as u64);
        i + x * (j + y * (k + z * self.channel as u64))
    }
}

/// A function of single voxels.
#[derive(Clone)]
#[non_exhaustive]
pub enum Point {
    /// Arithmetic in float32, on a run of voxels along x.
    Run(PointRun),
    /// A change of dtype, rounding half to even and saturating; NaN becomes 0 in integers.
    Cast(DType),
}

/// The arithmetic of a point.
#[derive(Clone)]
pub struct PointRun {
    /// What `explain` prints.
    pub label: Arc<str>,
    /// Whether the result depends on where the voxel lies. If not, `run` may be given any stretch of voxels at once.
    pub indexed: bool,
    /// What it does, if that is linear maps only: those of neighbouring points are run two at a time. Empty otherwise.
    pub linear: Vec<Linear>,
    /// Changes the voxels, in place or on the way from another row.
    pub run: Arc<dyn Fn(Row<'_>, &RowAt) + Send + Sync>,
}

impl Step {
    /// A point that looks at values only, in place.
    pub fn point(label: impl Into<String>, run: impl Fn(&mut [f32]) + Send + Sync + 'static) -> Step {
        Step::point_from(label, move |row| run(row.in_place()))
    }

    /// A point that looks at values only, and can take them from another row.
    pub fn point_from(label: impl Into<String>, run: impl Fn(Row<'_>) + Send + Sync + 'static) -> Step {
        let run = Arc::new(move |row: Row<'_>, _: &RowAt| run(row));
        Step::Point(Point::Run(PointRun { label: label.into().into(), indexed: false, linear: vec![], run }))
    }

    /// A point that is a linear map, or several.
    pub fn linear(label: impl Into<String>, maps: impl Into<Vec<Linear>>) -> Step {
        let maps = maps.into();
        let own: Arc<[Linear]> = maps.as_slice().into();
        let run = Arc::new(move |row: Row<'_>, _: &RowAt| linear::run(row, &own));
        Step::Point(Point::Run(PointRun { label: label.into().into(), indexed: false, linear: maps, run }))
    }

    /// A point that looks at the voxel's place too.
    pub fn point_at(
        label: impl Into<String>,
        run: impl Fn(&mut [f32], &RowAt) + Send + Sync + 'static,
    ) -> Step {
        let run = Arc::new(move |row: Row<'_>, at: &RowAt| run(row.in_place(), at));
        Step::Point(Point::Run(PointRun { label: label.into().into(), indexed: true, linear: vec![], run }))
    }
}

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Point::Run(r) => f.write_str(&r.label),
            Point::Cast(d) => write!(f, "cast to {d}"),
        }
    }
}

/// Which voxels a measurement counts.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Keep {
    /// All of them.
    All,
    /// Those that are not exactly 0 (a NaN is not 0).
    Nonzero,
    /// Those above a value.
    Above(f64),
    /// Those that are one of the values, for a box of them.
    Values(Vec<i64>),
    /// Those whose label, in the item of this name, is one of the values (any value but 0 if none are given).
    Label {
        /// The label item.
        item: String,
        /// The label values that count.
        values: Vec<i64>,
    },
    /// Those where another item, in any of its channels, is above a value (compared in float32).
    Where {
        /// The other item.
        item: String,
        /// The value.
        above: f64,
    },
}

/// What is measured.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Of {
    /// Count, mean, variance.
    Moments,
    /// Smallest and largest finite value.
    Extent,
    /// The same of each slice across an axis.
    Extents(usize),
    /// Percentiles (0 to 100), linearly interpolated between order statistics as in `numpy.percentile`.
    Percentiles(Vec<f64>),
    /// The smallest box of voxels that holds all kept ones.
    Box,
    /// How many voxels fall in each of some bins, of the whole volume or of each of its tiles; NaN falls in none.
    Histogram {
        /// The bins.
        bins: Bins,
        /// How the volume is divided, along x, y, z, if it is; the masks of [`Keep`] do not concern tiles.
        tiles: Option<[Tiles; 3]>,
    },
    /// Where each value of a label lies; of whole samples only. An index of the whole label where it can be kept, else how many voxels of each value lie in each row, if
    /// not all tries find a voxel.
    Classes {
        /// The voxels that are tried and counted, where no index is made.
        inside: Box3,
        /// The values that are counted, all if not given; if there is none, nothing is measured.
        values: Option<Vec<i64>>,
        /// What is tried first, where no index is made. With an index whoever wants to know tries by himself.
        tries: Vec<Tries>,
    },
    /// The voxels of a label by their numbers, in the rows that were counted; of whole samples only.
    Voxels {
        /// What was counted, of the same label and the same voxels of it.
        rows: Arc<ClassRows>,
        /// Values, and which of each one's voxels.
        wanted: Vec<(i64, u64)>,
    },
    /// Voxels drawn with probabilities in proportion to their own values, which are weights; of whole samples only.
    Drawn {
        /// For each voxel, the share of all weight that lies before the place where it is looked for: uniform on [0, 1) for a draw.
        shares: Vec<f64>,
        /// The voxels that can be drawn.
        inside: Box3,
    },
}

/// Measured numbers; those not asked for are empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Kept voxels.
    pub count: u64,
    /// Mean of the kept voxels.
    pub mean: f64,
    /// Population variance of the kept voxels.
    pub variance: f64,
    /// Smallest and largest kept value.
    pub extent: [f64; 2],
    /// Smallest and largest kept value of each slice; infinite where there is none.
    pub extents: Vec<[f32; 2]>,
    /// The percentiles asked for.
    pub percentiles: Vec<f64>,
    /// Voxels in each bin; of tiles one after the other, x fastest.
    pub counts: Arc<[u32]>,
    /// The box of kept voxels: start and end (exclusive); `None` if there are none.
    pub bounds: Option<[[usize; 3]; 2]>,
    /// Where each value lies.
    pub classes: Option<Arc<ClassIndex>>,
    /// In which rows each value lies.
    pub rows: Option<Arc<ClassRows>>,
    /// The voxels drawn, of which there are none if there is no weight, or those wanted.
    pub drawn: Vec<[usize; 3]>,
    /// What each of some tries found: a voxel, and its value.
    pub tried: Vec<Option<([usize; 3], i64)>>,
}

/// A measurement of the item (or the sample's reference image) as it stands at this point of the chain, and what follows from it.
#[derive(Clone)]
pub struct Measure {
    /// What `explain` prints.
    pub label: String,
    /// The item measured; `None`: the item being planned, or the reference image of a sample-wide transform.
    pub item: Option<String>,
    /// What is measured.
    pub of: Of,
    /// Which voxels count.
    pub keep: Keep,
    /// Whether every channel is measured, and changed, by itself.
    pub per_channel: bool,
    /// The steps that follow from the numbers.
    pub then: Arc<dyn Fn(&Measured) -> Result<Vec<Step>> + Send + Sync>,
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "measure {:?} of {:?}: {}", self.of, self.keep, self.label)
    }
}

/// The range within which values between voxels are held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Clip {
    /// None.
    #[default]
    No,
    /// That of the channel's voxels.
    Volume,
    /// For each slice across an axis, along which nothing is sampled, that of the slice.
    Slices(usize),
}

/// A new grid, and where its voxels come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Warp {
    /// What `explain` prints.
    pub label: String,
    /// The output grid.
    pub grid: Grid,
    /// Output voxel coordinates to input voxel coordinates.
    pub map: Map,
    /// Interpolation along each input axis, for images and maps.
    pub sampler: [Sampler; 3],
    /// Interpolation for labels: the nearest voxel's, or (linear) the label whose share of the eight neighbours, weighted linearly, is the largest,
    /// the lowest where several have it.
    pub label_sampler: Sampler,
    /// What lies outside the input, for images and maps.
    pub boundary: Boundary,
    /// The value outside the input for labels, where the boundary is a constant.
    pub label_fill: f64,
    /// The range within which values between voxels are held, which is measured first, so that nothing before is joined with it.
    pub clip: Clip,
    /// Whether it may be joined with a neighbouring interpolation into one.
    pub composable: bool,
    /// Whether the content moves in the world, and landmarks with it (a deformation); a regridding leaves the world in place.
    pub deforms: bool,
}

impl Warp {
    /// A regridding that copies voxels exactly.
    pub fn lattice(label: impl Into<String>, input: &Grid, lattice: Lattice, output: [usize; 3]) -> Warp {
        Warp {
            label: label.into(),
            grid: lattice.grid(input, output),
            map: lattice.to_affine().into(),
            sampler: [Sampler::Nearest; 3],
            label_sampler: Sampler::Nearest,
            boundary: Boundary::Constant(0.0),
            label_fill: 0.0,
            clip: Clip::No,
            composable: true,
            deforms: false,
        }
    }
}

/// A stretch of input that a filter sees.
#[derive(Debug)]
pub struct FilterTile<'a> {
    /// Voxels of `input`, packed, x fastest.
    pub voxels: &'a [f32],
    /// The box of logical voxels that `voxels` holds: the output box grown by the halo, clipped to the domain.
    pub input: Box3,
    /// The box of logical voxels wanted.
    pub output: Box3,
    /// Shape of the full logical grid; the filter's boundary rule applies at its edge only.
    pub domain: [usize; 3],
}

/// The same of voxels in their own dtype.
#[derive(Debug)]
pub struct RawTile<'a> {
    /// Voxels of `input`, packed, x fastest, in native byte order and aligned for their dtype.
    pub bytes: &'a [u8],
    /// Their dtype.
    pub dtype: DType,
    /// The box of logical voxels that `bytes` holds.
    pub input: Box3,
    /// The box of logical voxels wanted.
    pub output: Box3,
    /// Shape of the full logical grid.
    pub domain: [usize; 3],
}

/// A neighbourhood operation.
#[derive(Clone)]
#[non_exhaustive]
pub struct Filter {
    /// What `explain` prints.
    pub label: String,
    /// Voxels needed on either side of an output voxel, along x, y, z (warm-up included).
    pub halo: [usize; 3],
    /// What it does.
    pub run: FilterRun,
    /// The same filter of a volume whose axes were exchanged, where its bits do not depend on their order.
    pub turned: Option<Turned>,
    /// About how many copies of its voxels it takes as long as, besides one: what several threads are worth.
    pub work: usize,
}

/// A filter by the order of axes, if it has one in that: axis `a` is axis `turn[a]` of before.
pub type Turned = Arc<dyn Fn([usize; 3]) -> Option<Filter> + Send + Sync>;

/// How a filter fills the packed output box from a tile.
#[derive(Clone)]
#[non_exhaustive]
pub enum FilterRun {
    /// In float32.
    Float(Arc<dyn Fn(&FilterTile<'_>, &mut [f32]) -> Result<()> + Send + Sync>),
    /// In the dtype that the voxels have, which stays.
    Kept(Arc<dyn Fn(&RawTile<'_>, &mut [u8]) -> Result<()> + Send + Sync>),
}

impl Filter {
    /// A filter in float32.
    pub fn new(
        label: impl Into<String>,
        halo: [usize; 3],
        run: impl Fn(&FilterTile<'_>, &mut [f32]) -> Result<()> + Send + Sync + 'static,
    ) -> Filter {
        Filter { label: label.into(), halo, run: FilterRun::Float(Arc::new(run)), turned: None, work: 0 }
    }

    /// A filter that keeps the voxels' dtype, whatever it is.
    pub fn kept(
        label: impl Into<String>,
        halo: [usize; 3],
        run: impl Fn(&RawTile<'_>, &mut [u8]) -> Result<()> + Send + Sync + 'static,
    ) -> Filter {
        Filter { label: label.into(), halo, run: FilterRun::Kept(Arc::new(run)), turned: None, work: 0 }
    }

    /// The same, with the copies of its voxels that it takes as long as.
    #[must_use]
    pub fn with_work(self, work: usize) -> Filter {
        Filter { work, ..self }
    }

    /// The same, with what it is after an exchange of axes.
    #[must_use]
    pub fn with_turned(
        self,
        turned: impl Fn([usize; 3]) -> Option<Filter> + Send + Sync + 'static,
    ) -> Filter {
        Filter { turned: Some(Arc::new(turned)), ..self }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (halo {:?})", self.label, self.halo)
    }
}

/// One channel of a whole volume, packed, x fastest, in its own dtype and native byte order.
#[derive(Debug)]
pub struct RawVolume<'a> {
    /// The voxels.
    pub bytes: &'a mut [u8],
    /// Their dtype.
    pub dtype: DType,
    /// Shape (x, y, z).
    pub shape: [usize; 3],
}

/// An operation on a whole volume.
#[derive(Clone)]
pub struct Global {
    /// What `explain` prints.
    pub label: String,
    /// Changes one channel in place, dtype and shape kept.
    pub run: Arc<dyn Fn(RawVolume<'_>) -> Result<()> + Send + Sync>,
}

impl fmt::Debug for Global {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// A renaming of label values; values without a new name stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relabel {
    /// Old value to new value.
    pub table: BTreeMap<i64, i64>,
}

/// Voxels of another dtype, or with other channels, made of an item's on the same grid.
#[derive(Clone)]
pub struct Remake {
    /// What `explain` prints.
    pub label: String,
    /// The dtype of what is made.
    pub dtype: DType,
    /// Sizes of its axes after the third.
    pub extra: Vec<usize>,
    /// How it is made.
    pub by: RemakeBy,
}

/// From rows of an item's channels, in its dtype and native byte order, to rows of other channels.
pub type OfVoxels = dyn Fn(&[&[u8]], &mut [&mut [u8]]) -> Result<()> + Send + Sync;

/// From rows of voxels whose channels lie side by side, in an item's dtype and native byte order, to rows of one channel.
pub type OfPixels = dyn Fn(&[u8], &mut [u8]) -> Result<()> + Send + Sync;

/// From a packed channel of a shape, x fastest, to one of another dtype.
pub type OfChannel = dyn Fn(&[u8], [usize; 3], &mut [u8]) -> Result<()> + Send + Sync;

/// How voxels are made of others.
#[derive(Clone)]
pub enum RemakeBy {
    /// A voxel's channels from the same voxel's channels, row by row.
    Voxels(Arc<OfVoxels>),
    /// One channel of the same voxel's channels: of rows of each channel, or of such as have the channels of each voxel side by side.
    Pixels {
        /// Of rows of each channel.
        planes: Arc<OfVoxels>,
        /// Of voxels one after the other.
        pixels: Arc<OfPixels>,
    },
    /// Each channel from all voxels of the same channel, which ends the pushing of crops towards the file.
    Channel(Arc<OfChannel>),
}

impl RemakeBy {
    /// Whether a box of it needs that box alone.
    pub fn is_local(&self) -> bool {
        !matches!(self, RemakeBy::Channel(_))
    }
}

impl fmt::Debug for Remake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// Channels of an item's, each as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// What `explain` prints.
    pub label: String,
    /// The channels, counted over all axes after the third with the first of them fastest.
    pub channels: Vec<usize>,
    /// Sizes of the axes that they are given; empty for one channel without an axis.
    pub extra: Vec<usize>,
}

/// Changes of the list of items, or of the number of samples.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Items {
    /// The sample becomes several, each by its own steps.
    Split(Vec<Vec<Step>>),
    /// Items come of the one being planned.
    Derive {
        /// What they are.
        items: Vec<Derived>,
        /// Whether all voxels of the item are wanted for each of them: then they are made once.
        whole: bool,
        /// Whether they take its place; else it stays as it is.
        instead: bool,
    },
    /// The touched items become the channels of one, in their order: of one role, dtypes that differ as float32.
    Merge {
        /// Its name; the first one's if not given.
        item: Option<String>,
    },
}

/// An item that comes of another one.
#[derive(Debug, Clone)]
pub struct Derived {
    /// Its name; an item that has it is replaced.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// From the other item as it stands to this one.
    pub steps: Vec<Step>,
}

/// The user's own function.
#[derive(Clone)]
pub struct Host {
    /// What `explain` prints.
    pub label: String,
    /// The function.
    pub run: HostRun,
}

/// What a user's function takes and gives back.
#[derive(Clone)]
#[non_exhaustive]
pub enum HostRun {
    /// New values of one volume, whole: float32 of images and maps, labels in their dtype, in memory of the function's own where nobody else holds it. Shape
    /// and channels stay.
    Volume(Arc<dyn Fn(Volume) -> Result<Volume> + Send + Sync>),
    /// A sample as it stands, of which anything may change.
    Sample(Arc<dyn Fn(Sample) -> Result<Sample> + Send + Sync>),
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}
