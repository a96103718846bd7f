//! Sets of voxels, a bit for each, grown and shrunk by structuring elements (mathematical morphology, Serra 1982).

use std::ops::Range;

use crate::element::Element;
use crate::kernel::kernel;
use crate::runs::for_each_run;
use crate::threads;

/// Voxels of a box. Rows along x begin with a word of their own, whose lowest bit is the first voxel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoxelSet {
    shape: [usize; 3],
    /// Words of a row.
    words: usize,
    bits: Vec<u64>,
}

/// A structuring element that is its own mirror image along each axis: rows of voxels about the centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// How many voxels rows have on either side of their middle, in ascending order, and where along y and z those rows lie.
    halves: Vec<(usize, Vec<[isize; 2]>)>,
    /// How far it reaches along z.
    depth: usize,
}

impl Structure {
    /// Of the offsets up to `reach` along each axis those that `holds`. Where it holds an offset it must hold the smaller ones along x; offsets are
    /// asked for on one side only.
    ///
    /// ```
    /// use medkernels::voxel_set::{Structure, VoxelSet};
    /// let ball = Structure::new([2; 3], |[x, y, z]| x * x + y * y + z * z <= 4);
    /// let mut set = VoxelSet::empty([5, 5, 5]);
    /// set.insert(12, 2..3);
    /// assert_eq!(set.dilated(&ball).count(), 33);
    /// assert_eq!(set.dilated(&ball).eroded(&ball), set);
    /// ```
    pub fn new(reach: [usize; 3], holds: impl Fn([usize; 3]) -> bool) -> Structure {
        let mut halves: Vec<(usize, Vec<[isize; 2]>)> = vec![];
        let mut depth = 0;
        for z in 0..=reach[2] {
            for y in 0..=reach[1] {
                let Some(half) = (0..=reach[0]).take_while(|&x| holds([x, y, z])).last() else { continue };
                depth = depth.max(z);
                let (y, z) = (y as isize, z as isize);
                let mut rows = vec![[y, z], [-y, z], [y, -z], [-y, -z]];
                rows.sort_unstable();
                rows.dedup();
                match halves.iter_mut().find(|(h, _)| *h == half) {
                    Some((_, all)) => all.append(&mut rows),
                    None => halves.push((half, rows)),
                }
            }
        }
        halves.sort_unstable();
        Structure { halves, depth }
    }
}

kernel! {
    /// Adds the voxels of a stretch of words.
    fn add(into: &mut [u64], words: &[u64]) {
        for (a, b) in into.iter_mut().zip(words) {
            *a |= *b;
        }
    }
}

kernel! {
    /// Adds to rows of so many words the neighbours along x of what is there; `last` are the voxels of a row's last word.
    fn spread(rows: &mut [u64], words: usize, last: u64) {
        if words == 1 {
            for w in rows.iter_mut() {
                *w = (*w | *w << 1 | *w >> 1) & last;
            }
            return;
        }
        for row in rows.chunks_exact_mut(words) {
            let mut before = 0;
            for n in 0..words {
                let (here, after) = (row[n], row.get(n + 1).copied().unwrap_or(0));
                row[n] = here | here << 1 | here >> 1 | before >> 63 | after << 63;
                before = here;
            }
            row[words - 1] &= last;
        }
    }
}

impl VoxelSet {
    /// No voxel of a box.
    pub fn empty(shape: [usize; 3]) -> VoxelSet {
        let words = shape[0].div_ceil(64);
        VoxelSet { shape, words, bits: vec![0; words * shape[1] * shape[2]] }
    }

    /// The voxels of a volume, x fastest, whose values belong; of whole planes each thread looks at some.
    pub fn of<T: Element>(voxels: &[T], shape: [usize; 3], belongs: impl Fn(T) -> bool + Sync) -> VoxelSet {
        let mut out = VoxelSet::empty(shape);
        let plane = shape[0] * shape[1];
        let [nx, words] = [shape[0], out.words];
        let mut planes: Vec<&mut [u64]> = out.bits.chunks_mut((words * shape[1]).max(1)).collect();
        threads::for_each_mut(&mut planes, |z, bits| {
            for_each_run(&voxels[z * plane..(z + 1) * plane], |run, value| {
                if belongs(value) {
                    let mut start = run.start;
                    while start < run.end {
                        let row = start / nx;
                        let end = run.end.min((row + 1) * nx);
                        set(&mut bits[row * words..][..words], start - row * nx..end - row * nx);
                        start = end;
                    }
                }
            });
        });
        out
    }

    /// Adds voxels of a row; rows count along y, then z.
    pub fn insert(&mut self, row: usize, run: Range<usize>) {
        set(&mut self.bits[row * self.words..][..self.words], run);
    }

    /// How many voxels it has.
    pub fn count(&self) -> usize {
        self.bits.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// The voxels that are not in another set of the same box.
    pub fn without(&self, other: &VoxelSet) -> VoxelSet {
        let bits = self.bits.iter().zip(&other.bits).map(|(a, b)| a & !b).collect();
        VoxelSet { bits, ..*self }
    }

    /// Calls `f` with stretches of voxels, x fastest, that cover the set, in their order; none crosses a row.
    pub fn for_each_run(&self, mut f: impl FnMut(Range<usize>)) {
        for (n, &word) in self.bits.iter().enumerate() {
            let first = n / self.words * self.shape[0] + n % self.words * 64;
            let (mut left, mut at) = (word, first);
            while left != 0 {
                let skip = left.trailing_zeros();
                at += skip as usize;
                let len = (left >> skip).trailing_ones();
                f(at..at + len as usize);
                at += len as usize;
                left = left.checked_shr(skip + len).unwrap_or(0);
            }
        }
    }

    /// The voxels on which an element lies, if its centre is put on every voxel of the set.
    pub fn dilated(&self, by: &Structure) -> VoxelSet {
        let mut out = VoxelSet::empty(self.shape);
        let [_, ny, nz] = self.shape;
        let plane = (self.words * ny).max(1);
        let depth = nz.div_ceil(2 * threads::threads()).max(1);
        let mut parts: Vec<&mut [u64]> = out.bits.chunks_mut(plane * depth).collect();
        threads::for_each_mut(&mut parts, |n, out| {
            let (from, to) = (n * depth, (n * depth + depth).min(nz));
            for z in from.saturating_sub(by.depth)..(to + by.depth).min(nz) {
                self.add_plane(z, by, from..to, out);
            }
        });
        out
    }

    /// Adds to planes what comes of one plane of the set.
    fn add_plane(&self, z: usize, by: &Structure, planes: Range<usize>, out: &mut [u64]) {
        let ny = self.shape[1];
        let plane = &self.bits[z * ny * self.words..(z + 1) * ny * self.words];
        let Some(first) = plane.iter().position(|w| *w != 0) else { return };
        let last = plane.iter().rposition(|w| *w != 0).unwrap_or(first);
        let rows = (first / self.words) as isize..(last / self.words + 1) as isize;
        let mut wide = plane[rows.start as usize * self.words..rows.end as usize * self.words].to_vec();
        let mut reached = 0;
        for (half, places) in &by.halves {
            for _ in reached..*half {
                spread(&mut wide, self.words, self.last());
            }
            reached = *half;
            for [dy, dz] in places {
                let Some(z) = z.checked_add_signed(*dz).filter(|z| planes.contains(z)) else { continue };
                let (start, end) = ((rows.start + dy).max(0), (rows.end + dy).min(ny as isize));
                if start < end {
                    let into = ((z - planes.start) * ny + start as usize) * self.words;
                    let from = (start - dy - rows.start) as usize * self.words;
                    let n = (end - start) as usize * self.words;
                    add(&mut out[into..into + n], &wide[from..from + n]);
                }
            }
        }
    }

    /// The voxels on which the centre of an element can be put so that all of it that is in the box is in the set: what lies outside the box takes
    /// nothing away.
    pub fn eroded(&self, by: &Structure) -> VoxelSet {
        self.others().dilated(by).others()
    }

    /// Eroded, then dilated: without what the element does not fit into.
    pub fn opened(&self, by: &Structure) -> VoxelSet {
        self.eroded(by).dilated(by)
    }

    /// Dilated, then eroded: with gaps that the element does not fit into.
    pub fn closed(&self, by: &Structure) -> VoxelSet {
        self.dilated(by).eroded(by)
    }

    /// The voxels of the box that are not in the set.
    fn others(&self) -> VoxelSet {
        let last = self.last();
        let whole = |n: usize| if (n + 1).is_multiple_of(self.words) { last } else { u64::MAX };
        let bits = self.bits.iter().enumerate().map(|(n, w)| !w & whole(n)).collect();
        VoxelSet { bits, ..*self }
    }

    /// The voxels of a row's last word.
    fn last(&self) -> u64 {
        match self.shape[0] % 64 {
            0 => u64::MAX,
            n => (1 << n) - 1,
        }
    }
}

/// Sets a stretch of bits.
fn set(words: &mut [u64], run: Range<usize>) {
    let mut at = run.start;
    while at < run.end {
        let (word, bit) = (at / 64, at % 64);
        let n = (run.end - at).min(64 - bit);
        words[word] |= (u64::MAX >> (64 - n)) << bit;
        at += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voxels(shape: [usize; 3], seed: u64) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        (0..shape.iter().product::<usize>()).map(|_| u8::from(next() % 100 < seed)).collect()
    }

    fn flat(set: &VoxelSet, n: usize) -> Vec<u8> {
        let mut out = vec![0; n];
        set.for_each_run(|run| out[run].fill(1));
        out
    }

    /// Voxel by voxel: whether some offset (or every one, inside the box) finds a voxel of the set.
    fn naive(v: &[u8], shape: [usize; 3], holds: impl Fn([usize; 3]) -> bool, dilate: bool) -> Vec<u8> {
        let [nx, ny, nz] = shape.map(|n| n as i64);
        let at = |x: i64, y: i64, z: i64| {
            let inside = (0..nx).contains(&x) && (0..ny).contains(&y) && (0..nz).contains(&z);
            inside.then(|| v[(x + nx * (y + ny * z)) as usize])
        };
        (0..v.len() as i64)
            .map(|n| {
                let (x, y, z) = (n % nx, n / nx % ny, n / nx / ny);
                let mut seen = (-4..=4)
                    .flat_map(|dz| (-4..=4).flat_map(move |dy| (-4..=4).map(move |dx| [dx, dy, dz])))
                    .filter(|d: &[i64; 3]| holds(d.map(|d| d.unsigned_abs() as usize)))
                    .filter_map(|[dx, dy, dz]| at(x + dx, y + dy, z + dz));
                u8::from(if dilate { seen.any(|v| v == 1) } else { seen.all(|v| v == 1) })
            })
            .collect()
    }

    #[test]
    fn dilation_and_erosion_are_those_of_single_voxels() {
        type Holds = fn([usize; 3]) -> bool;
        let elements: [Holds; 5] = [
            |[x, y, z]| x + y + z == 0,
            |[x, y, z]| x + y + z <= 2,
            |[x, y, z]| x <= 1 && y <= 3 && z <= 2,
            |[x, y, z]| x * x + y * y + z * z <= 9,
            |[x, y, z]| x == 0 && y <= 1 && z == 0,
        ];
        for shape in [[7, 5, 6], [64, 3, 4], [65, 4, 3], [130, 2, 3], [1, 9, 2]] {
            for (dense, share) in [(false, 4), (true, 96)] {
                let v = voxels(shape, share);
                let set = VoxelSet::of(&v, shape, |v| v == 1);
                assert_eq!(flat(&set, v.len()), v);
                assert_eq!(set.count(), v.iter().map(|v| usize::from(*v)).sum::<usize>());
                for holds in elements {
                    let by = Structure::new([4; 3], holds);
                    let grown = set.dilated(&by);
                    let less = set.eroded(&by);
                    assert_eq!(flat(&grown, v.len()), naive(&v, shape, holds, true), "{shape:?} {dense}");
                    assert_eq!(flat(&less, v.len()), naive(&v, shape, holds, false), "{shape:?} {dense}");
                    let opened = naive(&naive(&v, shape, holds, false), shape, holds, true);
                    assert_eq!(flat(&set.opened(&by), v.len()), opened);
                    let closed = naive(&naive(&v, shape, holds, true), shape, holds, false);
                    assert_eq!(flat(&set.closed(&by), v.len()), closed);
                    assert_eq!(grown.without(&set).count(), grown.count() - set.count());
                }
            }
        }
    }
}
