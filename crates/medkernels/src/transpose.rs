//! Tiles of a box whose fastest axes differ between source and destination.

use bytemuck::Pod;

use crate::copy::Axis;
use crate::intrinsics;
use crate::kernel::kernel;

/// Bytes of a tile's row: a cache line, so that each line of either side is touched once.
pub(crate) const LINE: usize = 64;

/// A box: `a` is contiguous in the destination, `b` in the source (forwards or backwards), `c` is the third axis.
///
/// Index (0, 0, 0) lies at the start of the destination and at `start` of the source.
#[derive(Clone, Copy)]
pub(crate) struct Area {
    pub(crate) a: Axis,
    pub(crate) b: Axis,
    pub(crate) c: Axis,
    pub(crate) start: isize,
}

impl Area {
    /// Where `width` elements along `b` from index `at` on begin in the source: backwards, that is the last one.
    #[inline(always)]
    fn from(&self, [a, b, c]: [usize; 3], width: usize) -> usize {
        let b = if self.b.src == 1 { b } else { b + width - 1 };
        (self.start + a as isize * self.a.src + b as isize * self.b.src + c as isize * self.c.src) as usize
    }

    /// Where index `at` lies in the destination.
    #[inline(always)]
    fn to(&self, [a, b, c]: [usize; 3]) -> usize {
        a + b * self.b.dst as usize + c * self.c.dst as usize
    }

    /// The tile after the one at `at`, in the order in which [`tiles`] walks; the last one is its own.
    #[inline(always)]
    fn after(&self, [a, b, c]: [usize; 3], side: usize) -> [usize; 3] {
        let next =
            |at: usize, axis: &Axis| Some((at + side).min(axis.count - side)).filter(|&next| next > at);
        match (next(a, &self.a), next(b, &self.b)) {
            (Some(a), _) => [a, b, c],
            (None, Some(b)) => [0, b, c],
            (None, None) if c + 1 < self.c.count => [0, 0, c + 1],
            (None, None) => [a, b, c],
        }
    }
}

/// Copies the box. Rows of a tile are read whole into a buffer and written whole from it: no line is met twice,
/// whatever the strides do to the cache's sets.
pub(crate) fn turn<const N: usize>(dst: &mut [[u8; N]], src: &[[u8; N]], area: Area) {
    // A quarter of a line is the smallest tile.
    if area.a.count.min(area.b.count) < LINE / 4 / N {
        return turn_any(dst, src, area);
    }
    let (to, from) = (dst.as_flattened_mut(), src.as_flattened());
    match N {
        1 => turn_1(to, from, area),
        2 => turn_2(to, from, area),
        4 => turn_4(to, from, area),
        8 => turn_8(to, from, area),
        _ => turn_any(dst, src, area),
    }
}

macro_rules! turn {
    ($($name:ident, $word:ty, $side:literal, $small:literal;)*) => {$(
        kernel! {
            fn $name(dst: &mut [u8], src: &[u8], area: Area) {
                if area.a.count.min(area.b.count) < $side {
                    tiles::<$word, $small, { $small * $small }>(dst, src, area);
                } else {
                    tiles::<$word, $side, { $side * $side }>(dst, src, area);
                }
            }
        }
    )*};
}

turn! {
    turn_1, u8, 64, 16;
    turn_2, u16, 32, 8;
    turn_4, u32, 16, 4;
    turn_8, u64, 8, 2;
}

/// `A` words at the boundary of a line, so that no vector of them lies across two.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Tile<T, const A: usize>([T; A]);

/// Tiles of `S` x `S` words `T`, `S * S = A`; neither `a` nor `b` is shorter than `S`.
///
/// The last tile of an axis ends where the axis does: some elements are then copied twice.
#[inline(always)]
fn tiles<T: Pod, const S: usize, const A: usize>(dst: &mut [u8], src: &[u8], area: Area) {
    let size = size_of::<T>();
    // References are swapped, not the tiles.
    let (mut tile, mut other) = (&mut Tile([T::zeroed(); A]), &mut Tile([T::zeroed(); A]));
    let mut at = [0; 3];
    loop {
        // The lines of the next tile are far apart, which no hardware prefetcher foresees.
        let next = area.after(at, S);
        for i in 0..S {
            intrinsics::prefetch(&src[area.from([next[0] + i, next[1], next[2]], S) * size..]);
            intrinsics::prefetch(&dst[area.to([next[0], next[1] + i, next[2]]) * size..]);
        }
        for (i, row) in tile.0.as_chunks_mut::<S>().0.iter_mut().enumerate() {
            let from = area.from([at[0] + i, at[1], at[2]], S) * size;
            bytemuck::cast_slice_mut(row).copy_from_slice(&src[from..from + S * size]);
        }
        // A perfect shuffle of the flat tile turns the bits of an index by one; so many turn rows into columns.
        for _ in 0..S.ilog2() {
            riffle(&mut other.0, &tile.0);
            std::mem::swap(&mut tile, &mut other);
        }
        for (j, row) in tile.0.as_chunks::<S>().0.iter().enumerate() {
            let j = if area.b.src == 1 { j } else { S - 1 - j };
            let to = area.to([at[0], at[1] + j, at[2]]) * size;
            dst[to..to + S * size].copy_from_slice(bytemuck::cast_slice(row));
        }
        if next == at {
            break;
        }
        at = next;
    }
}

/// Takes turns between the first and the second half of `src`.
#[inline(always)]
fn riffle<T: Copy, const A: usize>(dst: &mut [T; A], src: &[T; A]) {
    let (low, high) = src.split_at(A / 2);
    for i in 0..A / 2 {
        dst[2 * i] = low[i];
        dst[2 * i + 1] = high[i];
    }
}

fn turn_any<const N: usize>(dst: &mut [[u8; N]], src: &[[u8; N]], area: Area) {
    let Area { a, b, c, .. } = area;
    let side = (LINE / N).clamp(4, 32);
    let mut tile = [[[0u8; N]; 32]; 32];
    for z in 0..c.count {
        for b0 in (0..b.count).step_by(side) {
            let width = side.min(b.count - b0);
            for a0 in (0..a.count).step_by(side) {
                let height = side.min(a.count - a0);
                for (i, row) in tile[..height].iter_mut().enumerate() {
                    for (j, element) in row[..width].iter_mut().enumerate() {
                        *element = src[area.from([a0 + i, b0 + j, z], 1)];
                    }
                }
                for j in 0..width {
                    let to = area.to([a0, b0 + j, z]);
                    for (d, row) in dst[to..to + height].iter_mut().zip(&tile) {
                        *d = row[j];
                    }
                }
            }
        }
    }
}
