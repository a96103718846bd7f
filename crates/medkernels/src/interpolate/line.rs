//! Coordinates along an oblique row.

use std::ops::Range;

/// Coordinates beyond this are as good as infinitely far away.
const FAR: f64 = 1e12;

/// A coordinate, or one in its direction that is far away.
#[inline(always)]
pub(super) fn near(c: f64) -> f64 {
    let c = if c > FAR { FAR } else { c };
    if c < -FAR { -FAR } else { c }
}

/// A row of coordinates.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) start: [f64; 3],
    pub(super) step: [f64; 3],
}

impl Line {
    #[inline(always)]
    pub(super) fn at(&self, i: usize) -> [f64; 3] {
        let i = i as f64;
        [self.start[0] + i * self.step[0], self.start[1] + i * self.step[1], self.start[2] + i * self.step[2]]
    }

    /// A run of pieces of so many indices from the start of `range` on: whether `0 <= c + shift < limit` holds for the coordinate `c` of each axis all through
    /// each of them, or through none, and the run's end.
    pub(super) fn run(
        &self,
        range: Range<usize>,
        piece: usize,
        shift: f64,
        limits: [f64; 3],
    ) -> (bool, usize) {
        let holds =
            |i: usize| self.at(i).iter().zip(&limits).all(|(c, limit)| (0.0..*limit).contains(&(c + shift)));
        // Coordinates are monotonic in the index, so the ends speak for the rest; NaN holds nowhere.
        let whole = |from: usize| holds(from) && holds((from + piece).min(range.end) - 1);
        let inside = whole(range.start);
        let mut to = range.start + piece;
        while to < range.end && whole(to) == inside {
            to += piece;
        }
        (inside, to.min(range.end))
    }
}
