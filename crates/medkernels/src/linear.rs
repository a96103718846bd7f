//! Linear maps of single voxels as values, so that some that follow one another go through a row together.

use crate::ahead::{self, STRETCH};
use crate::kernel::kernel;
use crate::points::Row;

mod past;

pub(crate) use past::past;

/// A linear function of a voxel, or a range in which it is held. NaN stays NaN.
///
/// What a map does to a voxel does not depend on what it is run together with.
///
/// ```
/// use medkernels::linear::{self, Linear};
///
/// let mut row = [1.0, 2.0, 5.0];
/// linear::run(&mut row, &[Linear::affine(2.0, 1.0), Linear::clamp(4.0, 9.0)]);
/// assert_eq!(row, [4.0, 5.0, 9.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear(Kind);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Scale(Scale),
    Shift(Shift),
    Precise(Precise),
    Clamp(Clamp),
}

/// `x * mul + add`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    mul: f32,
    add: f32,
}

/// `(x - by) * mul + add`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shift {
    by: f32,
    mul: f32,
    add: f32,
}

/// The same with a shift that one f32 does not hold.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Precise {
    by: [f32; 2],
    mul: f32,
    add: f32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Clamp {
    low: f32,
    high: f32,
}

impl Linear {
    /// `x * mul + add`, two roundings.
    pub fn affine(mul: f32, add: f32) -> Linear {
        Linear(Kind::Scale(Scale { mul, add }))
    }

    /// Held in `low..=high`.
    pub fn clamp(low: f32, high: f32) -> Linear {
        Linear(Kind::Clamp(Clamp { low, high }))
    }

    /// Whether no voxel tells if `earlier` was run before this: both hold a range, and the earlier range is the wider one.
    pub fn absorbs(self, earlier: Linear) -> bool {
        let (Kind::Clamp(narrow), Kind::Clamp(wide)) = (self.0, earlier.0) else { return false };
        // Ends that are alike may still be 0 and -0.
        (wide.low < narrow.low || wide.low.to_bits() == narrow.low.to_bits())
            && (wide.high > narrow.high || wide.high.to_bits() == narrow.high.to_bits())
    }

    /// `(x - mean) * inv_std`, computed in f32 as `((x - hi) - lo) * inv_std` with the mean split in two.
    pub fn normalize(mean: f64, inv_std: f64) -> Linear {
        // x + (-0) is x, the sign of a zero too.
        Linear::about(mean, inv_std as f32, -0.0)
    }

    /// `(x - from) * mul + to`: computed as `((x - hi) - lo) * mul + to` in f32, `from` split in two.
    pub fn about(from: f64, mul: f32, to: f32) -> Linear {
        // x - mean loses digits if the mean is rounded to f32 first; in two parts it does not.
        let hi = from as f32;
        let lo = (from - f64::from(hi)) as f32;
        let lo = if lo.is_finite() { lo } else { 0.0 };
        // In cache it is operations that take the time: those that cannot change a bit are left out. x - 0 is x, x - (-0) is not.
        Linear(match (hi.to_bits(), lo.to_bits()) {
            (0, 0) => Kind::Scale(Scale { mul, add: to }),
            (_, 0) => Kind::Shift(Shift { by: hi, mul, add: to }),
            _ => Kind::Precise(Precise { by: [hi, lo], mul, add: to }),
        })
    }

    /// What maps `input` linearly onto `output`, its ends on the ends; with `clip`, values beyond are held at the nearer end. If both ends of
    /// `input` are the same, every voxel becomes the first end of `output`.
    pub fn rescale(input: [f64; 2], output: [f64; 2], clip: bool) -> Vec<Linear> {
        let [low, high] = output;
        let span = input[1] - input[0];
        if span == 0.0 {
            return vec![Linear::clamp(1.0, 1.0), Linear::affine(0.0, low as f32)];
        }
        let map = Linear::about(input[0], ((high - low) / span) as f32, low as f32);
        let range = if low <= high { [low as f32, high as f32] } else { [high as f32, low as f32] };
        [map].into_iter().chain(clip.then_some(Linear::clamp(range[0], range[1]))).collect()
    }
}

/// Runs maps one after the other, as many in one go as are taken [`together`].
///
/// # Panics
/// If the two rows of a [`Row::From`] differ in length.
pub fn run<'a>(row: impl Into<Row<'a>>, maps: &[Linear]) {
    let (mut row, mut rest) = (row.into(), maps);
    while !rest.is_empty() {
        let (taken, after) = rest.split_at(together(rest));
        rest = after;
        row = Row::Here(match *taken {
            [first] => one(row, first),
            [first, second] => pair(row, first, second),
            _ => many(row, taken),
        });
    }
    row.in_place();
}

/// Windows that are run in one go: that is about as much arithmetic as hides behind reading and writing memory.
const WINDOWS: usize = 4;

/// How many of the maps, from the first on, go through a row together.
pub fn together(maps: &[Linear]) -> usize {
    let mut windows = Windows::default();
    maps.iter().take_while(|map| windows.take(**map)).count()
}

/// A map and the range in which its values are held, each of which may do nothing.
#[derive(Clone, Copy, Debug)]
struct Window<M = Precise> {
    map: M,
    range: Clamp,
}

impl Window {
    /// x - 0, x * 1 and x + (-0) are x, the sign of a zero too.
    const NOTHING: Window = Window {
        map: Precise { by: [0.0; 2], mul: 1.0, add: -0.0 },
        range: Clamp { low: f32::NEG_INFINITY, high: f32::INFINITY },
    };
}

/// Maps as windows, one after the other.
struct Windows {
    all: [Window; WINDOWS],
    count: usize,
    /// Whether the last one holds a range already.
    held: bool,
}

impl Default for Windows {
    fn default() -> Windows {
        Windows { all: [Window::NOTHING; WINDOWS], count: 0, held: true }
    }
}

impl Windows {
    /// Takes one more map; false if there is no room.
    fn take(&mut self, map: Linear) -> bool {
        let begins = self.held || !matches!(map.0, Kind::Clamp(_));
        if begins && self.count == WINDOWS {
            return false;
        }
        self.count += usize::from(begins);
        let window = &mut self.all[self.count - 1];
        self.held = matches!(map.0, Kind::Clamp(_));
        match map.0 {
            Kind::Scale(Scale { mul, add }) => window.map = Precise { by: [0.0; 2], mul, add },
            Kind::Shift(Shift { by, mul, add }) => window.map = Precise { by: [by, 0.0], mul, add },
            Kind::Precise(map) => window.map = map,
            Kind::Clamp(range) => window.range = range,
        }
        true
    }
}

/// What a map that is compiled as one is run on.
trait Place {
    type Done;

    fn through<M: Map>(self, map: M) -> Self::Done;
}

impl<'a> Place for Row<'a> {
    type Done = &'a mut [f32];

    fn through<M: Map>(self, map: M) -> &'a mut [f32] {
        through(self, map)
    }
}

fn many<P: Place>(place: P, maps: &[Linear]) -> P::Done {
    let mut windows = Windows::default();
    for map in maps {
        windows.take(*map);
    }
    if windows.all.iter().any(|window| window.map.by[1].to_bits() != 0) {
        return in_one_go(place, windows.all, windows.count);
    }
    let shifted = |Window { map: Precise { by: [by, _], mul, add }, range }| Window {
        map: Shift { by, mul, add },
        range,
    };
    in_one_go(place, windows.all.map(shifted), windows.count)
}

fn in_one_go<M: Map, P: Place>(place: P, [a, b, c, d]: [M; WINDOWS], count: usize) -> P::Done {
    match count {
        0..=2 => place.through((a, b)),
        3 => place.through((a, (b, c))),
        _ => place.through(((a, b), (c, d))),
    }
}

/// Which voxels a map changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Only {
    /// Those that are not 0 (NaN is not 0).
    Nonzero,
    /// Those greater than this.
    Above(f32),
}

/// Runs a map on some voxels; the others stay as they are.
///
/// ```
/// use medkernels::linear::{self, Linear, Only};
///
/// let mut row = [0.0, 2.0, 5.0];
/// linear::run_only(&mut row, Linear::affine(2.0, 1.0), Only::Nonzero);
/// assert_eq!(row, [0.0, 5.0, 11.0]);
/// ```
///
/// # Panics
/// If the two rows of a [`Row::From`] differ in length.
pub fn run_only<'a>(row: impl Into<Row<'a>>, map: Linear, only: Only) {
    let row = row.into();
    match map.0 {
        Kind::Scale(map) => some(row, map, only),
        Kind::Shift(map) => some(row, map, only),
        Kind::Precise(map) => some(row, map, only),
        Kind::Clamp(map) => some(row, map, only),
    }
}

fn some<M: Map>(row: Row<'_>, map: M, only: Only) {
    match only {
        Only::Nonzero => through(row, Nonzero(map)),
        Only::Above(limit) => through(row, Above(map, limit)),
    };
}

#[derive(Clone, Copy)]
struct Nonzero<M>(M);

#[derive(Clone, Copy)]
struct Above<M>(M, f32);

fn one(row: Row<'_>, map: Linear) -> &mut [f32] {
    match map.0 {
        Kind::Scale(map) => through(row, map),
        Kind::Shift(map) => through(row, map),
        Kind::Precise(map) => through(row, map),
        Kind::Clamp(map) => through(row, map),
    }
}

fn pair(row: Row<'_>, first: Linear, second: Linear) -> &mut [f32] {
    match first.0 {
        Kind::Scale(first) => followed(row, first, second),
        Kind::Shift(first) => followed(row, first, second),
        Kind::Precise(first) => followed(row, first, second),
        Kind::Clamp(first) => followed(row, first, second),
    }
}

fn followed<M: Map>(row: Row<'_>, first: M, second: Linear) -> &mut [f32] {
    match second.0 {
        Kind::Scale(second) => through(row, (first, second)),
        Kind::Shift(second) => through(row, (first, second)),
        Kind::Precise(second) => through(row, (first, second)),
        Kind::Clamp(second) => through(row, (first, second)),
    }
}

/// Runs what is compiled as one; gives back the voxels in their place.
fn through<M: Map>(row: Row<'_>, map: M) -> &mut [f32] {
    match row {
        Row::Here(row) => {
            here(row, map);
            row
        }
        Row::From { src, dst } => {
            assert_eq!(src.len(), dst.len(), "the rows differ in length");
            on_the_way(dst, src, map);
            dst
        }
    }
}

kernel! {
    fn here[M: Map](row: &mut [f32], map: M) {
        for voxel in row {
            *voxel = map.of(*voxel);
        }
    }
}

kernel! {
    fn on_the_way[M: Map](dst: &mut [f32], src: &[f32], map: M) {
        for (voxels, from) in dst.chunks_mut(STRETCH).zip(src.chunks(STRETCH)) {
            ahead::read(from);
            ahead::write(voxels);
            for (voxel, from) in voxels.iter_mut().zip(from) {
                *voxel = map.of(*from);
            }
        }
    }
}

/// What becomes of a voxel.
trait Map: Copy {
    fn of(self, x: f32) -> f32;
}

impl<A: Map, B: Map> Map for (A, B) {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        self.1.of(self.0.of(x))
    }
}

impl<M: Map> Map for Nonzero<M> {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        if x == 0.0 { x } else { self.0.of(x) }
    }
}

impl<M: Map> Map for Above<M> {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        if x > self.1 { self.0.of(x) } else { x }
    }
}

impl<M: Map> Map for Window<M> {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        self.range.of(self.map.of(x))
    }
}

impl Map for Scale {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        x * self.mul + self.add
    }
}

impl Map for Shift {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        (x - self.by) * self.mul + self.add
    }
}

impl Map for Precise {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        ((x - self.by[0]) - self.by[1]) * self.mul + self.add
    }
}

impl Map for Clamp {
    #[inline(always)]
    fn of(self, x: f32) -> f32 {
        held(x, self.low, self.high)
    }
}

#[inline(always)]
pub(crate) fn held(v: f32, low: f32, high: f32) -> f32 {
    let v = if v < low { low } else { v };
    if v > high { high } else { v }
}
