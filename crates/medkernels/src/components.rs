//! Connected components of labels.

use std::ops::Range;

use crate::element::Element;
use crate::runs::for_each_run;
use crate::threads;

/// The connected components of a volume's labels.
#[derive(Debug, Clone)]
pub struct Components<T> {
    /// Each component, in the order of its first voxel.
    pub parts: Vec<Component<T>>,
    runs: Runs<T>,
    nx: usize,
}

/// Voxels that touch one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component<T> {
    /// The value of its first voxel.
    pub value: T,
    /// How many voxels it has.
    pub voxels: u64,
}

/// Stretches of rows that belong together, in their order.
#[derive(Debug, Clone)]
struct Runs<T> {
    /// First voxel of each, and the one behind its last, along x.
    ends: Vec<[u32; 2]>,
    values: Vec<T>,
    /// A tree of runs, as in union-find: an earlier one of the same component, or itself. At last the component's number.
    parents: Vec<u32>,
    /// The number of the first run of each row, and how many there are.
    firsts: Vec<u32>,
}

impl<T: Element> Components<T> {
    /// Finds them among the voxels, x fastest, that `belongs` takes. Voxels touch by faces, with a `connectivity` of 2 also by
    /// edges, with 3 also by corners; with `per_value` only those of one value do. There must be fewer than 2^32 voxels.
    ///
    /// Rows are looked at run by run (He, Chao and Suzuki 2008): what is merged by union-find are runs, of which labels have few. Each thread looks at some planes, and what touches
    /// across is merged in the end.
    ///
    /// ```
    /// use medkernels::components::Components;
    /// let row = Components::of(&[3u8, 3, 0, 3, 1], [5, 1, 1], 3, true, |v| v != 0);
    /// let sizes: Vec<(u8, u64)> = row.parts.iter().map(|p| (p.value, p.voxels)).collect();
    /// assert_eq!(sizes, [(3, 2), (3, 1), (1, 1)]);
    /// ```
    pub fn of(
        voxels: &[T],
        shape: [usize; 3],
        connectivity: u8,
        per_value: bool,
        belongs: impl Fn(T) -> bool + Sync,
    ) -> Components<T> {
        let [nx, ny, nz] = shape;
        let how = Touching { ny, reaches: connectivity as usize, per_value };
        let depth = nz.div_ceil(threads::threads()).max(1);
        let plane = nx * ny;
        let slabs = if voxels.is_empty() { 0 } else { nz.div_ceil(depth) };
        let mut parts: Vec<Runs<T>> = (0..slabs).map(|_| Runs::none()).collect();
        threads::for_each_mut(&mut parts, |n, runs| {
            let planes = n * depth..nz.min(n * depth + depth);
            runs.gather(&voxels[planes.start * plane..planes.end * plane], nx, &belongs);
            for row in 0..planes.len() * ny {
                runs.link(row, how, 0..2, true);
            }
        });
        let mut parts = parts.into_iter();
        let mut runs = parts.next().unwrap_or_else(Runs::none);
        for (n, part) in parts.enumerate() {
            runs.append(&part);
            let first = (n + 1) * depth * ny;
            for row in first..first + ny {
                runs.link(row, how, 1..2, false);
            }
        }
        Components { parts: runs.numbered(), runs, nx }
    }

    /// Calls `f` with the voxels of each component, run by run in their order, and its number.
    pub fn for_each_run(&self, mut f: impl FnMut(Range<usize>, usize)) {
        let runs = &self.runs;
        for (row, first) in runs.firsts.windows(2).enumerate() {
            let n = first[0] as usize..first[1] as usize;
            for ([start, end], part) in runs.ends[n.clone()].iter().zip(&runs.parents[n]) {
                let at = row * self.nx;
                f(at + *start as usize..at + *end as usize, *part as usize);
            }
        }
    }
}

/// Which runs are of one component.
#[derive(Clone, Copy)]
struct Touching {
    ny: usize,
    /// How many axes voxels may be apart along.
    reaches: usize,
    per_value: bool,
}

/// Rows that come before: how much lower they lie along y (or higher) and along z.
const BEFORE: [(isize, usize); 4] = [(-1, 0), (-1, 1), (0, 1), (1, 1)];

impl<T: Element> Runs<T> {
    fn none() -> Runs<T> {
        Runs { ends: vec![], values: vec![], parents: vec![], firsts: vec![] }
    }

    /// The runs of voxels that belong, each a tree of its own.
    fn gather(&mut self, voxels: &[T], nx: usize, belongs: &impl Fn(T) -> bool) {
        for_each_run(voxels, |range, value| {
            if !belongs(value) {
                return;
            }
            let mut start = range.start;
            while start < range.end {
                let row = start / nx;
                let end = range.end.min((row + 1) * nx);
                let count = self.ends.len() as u32;
                while self.firsts.len() <= row {
                    self.firsts.push(count);
                }
                self.ends.push([(start - row * nx) as u32, (end - row * nx) as u32]);
                self.values.push(value);
                start = end;
            }
        });
        let count = self.ends.len() as u32;
        self.parents = (0..count).collect();
        self.firsts.resize(voxels.len() / nx + 1, count);
    }

    /// Adds the runs of rows that follow.
    fn append(&mut self, other: &Runs<T>) {
        let count = self.ends.len() as u32;
        self.ends.extend_from_slice(&other.ends);
        self.values.extend_from_slice(&other.values);
        self.parents.extend(other.parents.iter().map(|parent| parent + count));
        self.firsts.pop();
        self.firsts.extend(other.firsts.iter().map(|first| first + count));
    }

    /// Joins the runs of a row with those that they touch in rows before it, of planes so much lower, and with `within` in the row itself.
    fn link(&mut self, row: usize, how: Touching, planes: Range<usize>, within: bool) {
        let rows = |row: usize| self.firsts[row] as usize..self.firsts[row + 1] as usize;
        let here = rows(row);
        if here.is_empty() {
            return;
        }
        let mut near: [(Range<usize>, u32); 4] = Default::default();
        let mut count = 0;
        let y = row % how.ny;
        for (dy, dz) in BEFORE {
            let steps = dy.unsigned_abs() + dz;
            let inside = y.checked_add_signed(dy).is_some_and(|y| y < how.ny) && row >= dz * how.ny;
            if steps <= how.reaches && inside && planes.contains(&dz) {
                let there = rows((row - dz * how.ny).wrapping_add_signed(dy));
                if !there.is_empty() {
                    near[count] = (there, u32::from(steps < how.reaches));
                    count += 1;
                }
            }
        }
        for n in here.clone() {
            let [start, end] = self.ends[n];
            // The first run of its tree, as far as is known.
            let mut root = if self.parents[n] as usize == n { n as u32 } else { self.root(n) };
            if within && !how.per_value && n > here.start && self.ends[n - 1][1] == start {
                root = self.join(root, n - 1);
            }
            for (there, reach) in &mut near[..count] {
                while there.start < there.end && self.ends[there.start][1] + *reach <= start {
                    there.start += 1;
                }
                let mut m = there.start;
                while m < there.end && self.ends[m][0] < end + *reach {
                    if !how.per_value || self.values[n] == self.values[m] {
                        root = self.join(root, m);
                    }
                    m += 1;
                }
            }
        }
    }

    /// Joins a tree, of which the root is given, with a run's; gives the root of both.
    #[inline]
    fn join(&mut self, root: u32, run: usize) -> u32 {
        // Most that touch are of one tree already.
        if self.parents[run] == root {
            return root;
        }
        let other = self.root(run);
        let (low, high) = (root.min(other), root.max(other));
        self.parents[high as usize] = low;
        low
    }

    /// With path halving.
    fn root(&mut self, run: usize) -> u32 {
        let mut at = run as u32;
        while self.parents[at as usize] != at {
            let above = self.parents[self.parents[at as usize] as usize];
            self.parents[at as usize] = above;
            at = above;
        }
        at
    }

    /// Numbers the components in the order of their first runs.
    fn numbered(&mut self) -> Vec<Component<T>> {
        let mut parts: Vec<Component<T>> = vec![];
        // What lies before is numbered already, roots too; so a run's parent has its component's number.
        for n in 0..self.ends.len() {
            let parent = self.parents[n] as usize;
            let part = if parent == n {
                parts.push(Component { value: self.values[n], voxels: 0 });
                parts.len() as u32 - 1
            } else {
                self.parents[parent]
            };
            self.parents[n] = part;
            let [start, end] = self.ends[n];
            parts[part as usize].voxels += u64::from(end - start);
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
                        let found = Components::of(&v, shape, connectivity, per_value, |v| v != 0);
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
        let found = Components::of(&[1i16, 2, 1, -3, 2], [5, 1, 1], 1, false, |v| v != 1 && v != 0);
        let mut runs = vec![];
        found.for_each_run(|run, part| runs.push((run, part)));
        assert_eq!(runs, [(1..2, 0), (3..4, 1), (4..5, 1)]);
    }
}
