//! Connected components of labels.

use std::ops::Range;

use crate::element::Element;
use crate::runs::for_each_run;

/// The connected components of a volume's labels.
#[derive(Debug, Clone)]
pub struct Components<T> {
    /// Each component, in the order of its first voxel.
    pub parts: Vec<Component<T>>,
    runs: Vec<Run>,
}

/// Voxels that touch one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component<T> {
    /// The value of its first voxel.
    pub value: T,
    /// How many voxels it has.
    pub voxels: u64,
}

/// Voxels of one component that follow one another in a row.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: usize,
    len: u32,
    part: u32,
}

impl Run {
    fn voxels(self) -> Range<usize> {
        self.start..self.start + self.len as usize
    }
}

impl<T: Element> Components<T> {
    /// Finds them among the voxels, x fastest, that are not 0 and that `belongs` takes. Voxels touch by faces, with a `connectivity` of 2 also by
    /// edges, with 3 also by corners; with `per_value` only those of one value do. There must be fewer than 2^32 voxels.
    ///
    /// Rows are looked at run by run (He, Chao and Suzuki 2008): what is merged by union-find are runs, of which labels have few.
    ///
    /// ```
    /// use medkernels::components::Components;
    /// let row = Components::of(&[3u8, 3, 0, 3, 1], [5, 1, 1], 3, true, |_| true);
    /// let sizes: Vec<(u8, u64)> = row.parts.iter().map(|p| (p.value, p.voxels)).collect();
    /// assert_eq!(sizes, [(3, 2), (3, 1), (1, 1)]);
    /// ```
    pub fn of(
        voxels: &[T],
        shape: [usize; 3],
        connectivity: u8,
        per_value: bool,
        belongs: impl Fn(T) -> bool,
    ) -> Components<T> {
        let [nx, ny, nz] = shape;
        let zero = T::from_f64_saturating(0.0);
        let (mut runs, mut values): (Vec<Run>, Vec<T>) = (vec![], vec![]);
        // The number of the first run of each row.
        let mut firsts: Vec<usize> = Vec::with_capacity(ny * nz + 1);
        for_each_run(voxels, |range, value| {
            if value == zero || !belongs(value) {
                return;
            }
            let mut start = range.start;
            while start < range.end {
                let row = start / nx;
                let end = range.end.min((row + 1) * nx);
                while firsts.len() <= row {
                    firsts.push(runs.len());
                }
                runs.push(Run { start, len: (end - start) as u32, part: runs.len() as u32 });
                values.push(value);
                start = end;
            }
        });
        firsts.resize(ny * nz + 1, runs.len());
        let mut trees = Trees { runs: &mut runs };
        let row_of = |y: usize, z: usize| firsts[y + ny * z]..firsts[y + ny * z + 1];
        for z in 0..nz {
            for y in 0..ny {
                let here = row_of(y, z);
                if here.is_empty() {
                    continue;
                }
                if !per_value {
                    for n in here.start + 1..here.end {
                        if trees.runs[n - 1].voxels().end == trees.runs[n].start {
                            trees.join(n - 1, n);
                        }
                    }
                }
                for (dy, dz, reach) in rows_before(connectivity) {
                    let (Some(other), Some(z)) = (y.checked_add_signed(dy), z.checked_sub(dz)) else {
                        continue;
                    };
                    if other >= ny {
                        continue;
                    }
                    let shift = ((ny * dz) as isize - dy) as usize * nx;
                    let mut there = row_of(other, z);
                    for n in here.clone() {
                        let mine = trees.runs[n].voxels();
                        // As if both lay in one row.
                        let of = |trees: &Trees<'_>, m: usize| {
                            let r = trees.runs[m].voxels();
                            r.start + shift..r.end + shift
                        };
                        while there.start < there.end && of(&trees, there.start).end + reach <= mine.start {
                            there.start += 1;
                        }
                        for m in there.clone() {
                            if of(&trees, m).start >= mine.end + reach {
                                break;
                            }
                            if !per_value || values[n] == values[m] {
                                trees.join(m, n);
                            }
                        }
                    }
                }
            }
        }
        let parts = trees.numbered(&values);
        Components { parts, runs }
    }

    /// Calls `f` with the voxels of each component, run by run in their order, and its number.
    pub fn for_each_run(&self, mut f: impl FnMut(Range<usize>, usize)) {
        for run in &self.runs {
            f(run.voxels(), run.part as usize);
        }
    }
}

/// Rows that were looked at before and may touch: how much lower they lie along y and z (y may be higher), and by how many voxels along x runs may miss each other.
fn rows_before(connectivity: u8) -> impl Iterator<Item = (isize, usize, usize)> {
    let all = [(-1isize, 0usize), (0, 1), (-1, 1), (1, 1)];
    all.into_iter().filter_map(move |(dy, dz)| {
        let steps = dy.unsigned_abs() + dz;
        (steps <= connectivity as usize).then_some((dy, dz, usize::from(steps < connectivity as usize)))
    })
}

/// Union-find over runs, whose parts name their parents; the first of a tree is its root.
struct Trees<'a> {
    runs: &'a mut [Run],
}

impl Trees<'_> {
    /// With path halving.
    fn root(&mut self, run: usize) -> u32 {
        let mut at = run as u32;
        while self.runs[at as usize].part != at {
            let parent = self.runs[at as usize].part;
            let above = self.runs[parent as usize].part;
            self.runs[at as usize].part = above;
            at = above;
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.runs[a.max(b) as usize].part = a.min(b);
    }

    /// Numbers the components in the order of their first runs.
    fn numbered<T: Copy>(&mut self, values: &[T]) -> Vec<Component<T>> {
        let mut parts: Vec<Component<T>> = vec![];
        // What lies before is numbered already, roots too; so a run's parent has its component's number.
        for n in 0..self.runs.len() {
            let Run { len, part: parent, .. } = self.runs[n];
            let part = if parent as usize == n {
                parts.push(Component { value: values[n], voxels: 0 });
                parts.len() as u32 - 1
            } else {
                self.runs[parent as usize].part
            };
            self.runs[n].part = part;
            parts[part as usize].voxels += u64::from(len);
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Component numbers by flooding, voxel by voxel; 0 is background.
    fn flooded(v: &[u8], shape: [usize; 3], connectivity: u8, per_value: bool) -> Vec<usize> {
        let [nx, ny, nz] = shape.map(|n| n as i64);
        let mut out = vec![0; v.len()];
        let mut count = 0;
        for first in 0..v.len() {
            if v[first] == 0 || out[first] != 0 {
                continue;
            }
            count += 1;
            out[first] = count;
            let mut left = vec![first];
            while let Some(at) = left.pop() {
                let (x, y, z) = (at as i64 % nx, at as i64 / nx % ny, at as i64 / nx / ny);
                for n in 0..27 {
                    let d = [n % 3 - 1, n / 3 % 3 - 1, n / 9 - 1];
                    let steps: i64 = d.iter().map(|d: &i64| d.abs()).sum();
                    let [x, y, z] = [x + d[0], y + d[1], z + d[2]];
                    let inside = (0..nx).contains(&x) && (0..ny).contains(&y) && (0..nz).contains(&z);
                    if steps > i64::from(connectivity) || !inside {
                        continue;
                    }
                    let to = (x + nx * (y + ny * z)) as usize;
                    if out[to] == 0 && v[to] != 0 && (!per_value || v[to] == v[at]) {
                        out[to] = count;
                        left.push(to);
                    }
                }
            }
        }
        out
    }

    #[test]
    fn components_are_those_of_flooding() {
        for (seed, shape) in
            [(1u64, [13, 9, 7]), (2, [1, 17, 5]), (3, [66, 3, 4]), (4, [5, 1, 1]), (5, [3, 3, 1])]
        {
            let n = shape.iter().product::<usize>();
            for values in [2u64, 3, 4] {
                let mut state = seed * 77 + values;
                let mut next = || {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    state >> 33
                };
                let v: Vec<u8> =
                    (0..n).map(|_| if next() % 5 < 2 { 0 } else { (1 + next() % values) as u8 }).collect();
                for connectivity in 1..=3 {
                    for per_value in [true, false] {
                        let want = flooded(&v, shape, connectivity, per_value);
                        let found = Components::of(&v, shape, connectivity, per_value, |_| true);
                        let mut numbers = vec![0; n];
                        found.for_each_run(|run, part| numbers[run].fill(part + 1));
                        assert_eq!(numbers, want, "{shape:?}, {connectivity}, {per_value}");
                        for (part, c) in found.parts.iter().enumerate() {
                            let count = want.iter().filter(|w| **w == part + 1).count();
                            assert_eq!(c.voxels, count as u64);
                            assert_eq!(c.value, v[want.iter().position(|w| *w == part + 1).unwrap()]);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn only_what_belongs_counts() {
        let found = Components::of(&[1i16, 2, 1, -3, 2], [5, 1, 1], 1, false, |v| v != 1);
        let mut runs = vec![];
        found.for_each_run(|run, part| runs.push((run, part)));
        assert_eq!(runs, [(1..2, 0), (3..4, 1), (4..5, 1)]);
    }
}
