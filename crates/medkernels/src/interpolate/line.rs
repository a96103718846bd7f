//! Coordinates of a row of samples.

use std::ops::Range;

/// Coordinates beyond this are as good as infinitely far away.
const FAR: f64 = 1e12;

/// A coordinate, or one in its direction that is far away.
#[inline(always)]
pub(super) fn near(c: f64) -> f64 {
    let c = if c > FAR { FAR } else { c };
    if c < -FAR { -FAR } else { c }
}

/// Where a row's samples lie, in source voxels.
pub(super) trait Places: Copy {
    /// The coordinates of one sample.
    fn at(&self, i: usize) -> [f64; 3];

    /// `N` samples at once.
    type Block<const N: usize>: Lanes;

    /// The samples `from..from + count`, of at most `N`.
    fn block<const N: usize>(&self, from: usize, count: usize) -> Self::Block<N>;

    /// A run of pieces of so many samples from the start of `range` on: whether `0 <= c + shift < limit` holds for the coordinate `c` of each axis all
    /// through each of them, or through none (or some) of any, and the run's end.
    fn run(&self, range: Range<usize>, piece: usize, shift: [f64; 3], limits: [f64; 3]) -> (bool, usize);
}

/// Coordinates of a few samples; those of samples that were not asked for are any.
pub(super) trait Lanes {
    /// The coordinates of sample `i`.
    fn lane(&self, i: usize) -> [f64; 3];
}

impl<const N: usize> Lanes for [[f64; N]; 3] {
    #[inline(always)]
    fn lane(&self, i: usize) -> [f64; 3] {
        [self[0][i], self[1][i], self[2][i]]
    }
}

impl Lanes for (Line, usize) {
    #[inline(always)]
    fn lane(&self, i: usize) -> [f64; 3] {
        self.0.at(self.1 + i)
    }
}

/// Coordinates at equal steps.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) start: [f64; 3],
    pub(super) step: [f64; 3],
}

/// A run of pieces that are all `inside`, or all not.
fn run(range: Range<usize>, piece: usize, inside: impl Fn(Range<usize>) -> bool) -> (bool, usize) {
    let whole = |from: usize| inside(from..(from + piece).min(range.end));
    let inside = whole(range.start);
    let mut to = range.start + piece;
    while to < range.end && whole(to) == inside {
        to += piece;
    }
    (inside, to.min(range.end))
}

impl Places for Line {
    #[inline(always)]
    fn at(&self, i: usize) -> [f64; 3] {
        let i = i as f64;
        [self.start[0] + i * self.step[0], self.start[1] + i * self.step[1], self.start[2] + i * self.step[2]]
    }

    type Block<const N: usize> = (Line, usize);

    #[inline(always)]
    fn block<const N: usize>(&self, from: usize, _: usize) -> (Line, usize) {
        (*self, from)
    }

    fn run(&self, range: Range<usize>, piece: usize, shift: [f64; 3], limits: [f64; 3]) -> (bool, usize) {
        let holds = |i: usize| {
            let at = self.at(i);
            (0..3).all(|axis| (0.0..limits[axis]).contains(&(at[axis] + shift[axis])))
        };
        // Coordinates are monotonic in the index, so the ends speak for the rest; NaN holds nowhere.
        run(range, piece, |part| holds(part.start) && holds(part.end - 1))
    }
}

/// Coordinates that are listed, by axis.
impl Places for [&[f64]; 3] {
    #[inline(always)]
    fn at(&self, i: usize) -> [f64; 3] {
        self.map(|axis| axis[i])
    }

    type Block<const N: usize> = [[f64; N]; 3];

    #[inline(always)]
    fn block<const N: usize>(&self, from: usize, count: usize) -> [[f64; N]; 3] {
        let mut block = [[0.0; N]; 3];
        let count = count.min(N);
        for (lanes, all) in block.iter_mut().zip(self) {
            lanes[..count].copy_from_slice(&all[from..from + count]);
        }
        block
    }

    fn run(&self, range: Range<usize>, piece: usize, shift: [f64; 3], limits: [f64; 3]) -> (bool, usize) {
        run(range, piece, |part| {
            let axis = |axis: usize| {
                let (all, shift, limit) = (&self[axis][part.clone()], shift[axis], limits[axis]);
                all.iter().fold(true, |inside, c| inside & (c + shift >= 0.0) & (c + shift < limit))
            };
            (0..3).all(axis)
        })
    }
}
