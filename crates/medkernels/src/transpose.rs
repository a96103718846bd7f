//! Tiles of a plane whose fastest axes differ between source and destination.

use bytemuck::Pod;

use crate::copy::Axis;
use crate::intrinsics;
use crate::kernel::kernel;

/// Bytes of a tile's row: a cache line, so that each line of either side is touched once.
pub(crate) const LINE: usize = 64;

/// Copies the plane `a` x `b`: `a` is contiguous in the destination, `b` in the source (forwards or backwards).
///
/// Index (0, 0) lies at the start of `dst` and at `start` of `src`. Rows of a tile are read whole into a
/// buffer and written whole from it: no line is met twice, whatever the strides do to the cache's sets.
pub(crate) fn plane<const N: usize>(dst: &mut [[u8; N]], src: &[[u8; N]], a: Axis, b: Axis, start: isize) {
    let area = Area { a, b, start };
    let (to, from) = (dst.as_flattened_mut(), src.as_flattened());
    match N {
        1 => plane_1(to, from, area),
        2 => plane_2(to, from, area),
        4 => plane_4(to, from, area),
        8 => plane_8(to, from, area),
        _ => plane_any(dst, src, area),
    }
}

/// Two axes, and the source's element at index (0, 0).
#[derive(Clone, Copy)]
struct Area {
    a: Axis,
    b: Axis,
    start: isize,
}

macro_rules! plane {
    ($($name:ident, $word:ty, $side:literal;)*) => {$(
        kernel! {
            fn $name(dst: &mut [u8], src: &[u8], area: Area) {
                tiles::<$word, $side, { $side * $side }>(dst, src, area);
            }
        }
    )*};
}

plane! {
    plane_1, u8, 64;
    plane_2, u16, 32;
    plane_4, u32, 16;
    plane_8, u64, 8;
}

/// Tiles of `S` x `S` words `T`, `S * S = A`, `S` words a [`LINE`].
#[inline(always)]
fn tiles<T: Word, const S: usize, const A: usize>(dst: &mut [u8], src: &[u8], area: Area) {
    let Area { a, b, start } = area;
    let size = size_of::<T>();
    // References are swapped, not the tiles.
    let (mut tile, mut other) = (&mut [[T::zeroed(); S]; S], &mut [[T::zeroed(); S]; S]);
    for b0 in (0..b.count).step_by(S) {
        let width = S.min(b.count - b0);
        for a0 in (0..a.count).step_by(S) {
            let height = S.min(a.count - a0);
            // The lines of the next tile are far apart, which no hardware prefetcher foresees.
            for i in a0 + S..(a0 + 2 * S).min(a.count) {
                let next = start + i as isize * a.src + b0 as isize * b.src;
                intrinsics::prefetch(&src[next as usize * size..]);
            }
            for (i, row) in tile[..height].iter_mut().enumerate() {
                let from = start + (a0 + i) as isize * a.src + b0 as isize * b.src;
                let first = if b.src == 1 { from as usize } else { from as usize + 1 - width };
                let from = &src[first * size..];
                let bytes = bytemuck::cast_slice_mut::<T, u8>(row);
                match (bytes.first_chunk_mut::<LINE>(), from.first_chunk::<LINE>()) {
                    (Some(line), Some(from)) if width == S => *line = *from,
                    _ => bytes[..width * size].copy_from_slice(&from[..width * size]),
                }
                if b.src != 1 {
                    row[..width].reverse();
                }
            }
            // A perfect shuffle of the flat tile turns the bits of an index by one; so many turn rows into
            // columns.
            for _ in 0..S.ilog2() {
                riffle::<T, A>(other.as_flattened_mut(), tile.as_flattened());
                std::mem::swap(&mut tile, &mut other);
            }
            for (j, row) in tile[..width].iter().enumerate() {
                let to = (a0 + (b0 + j) * b.dst as usize) * size;
                let bytes = bytemuck::cast_slice::<T, u8>(row);
                let to = &mut dst[to..];
                match (to.first_chunk_mut::<LINE>(), bytes.first_chunk::<LINE>()) {
                    (Some(to), Some(line)) if height == S => *to = *line,
                    _ => to[..height * size].copy_from_slice(&bytes[..height * size]),
                }
            }
        }
    }
}

/// Takes turns between the first and the second half of `src`; both are `A` long.
#[inline(always)]
fn riffle<T: Word, const A: usize>(dst: &mut [T], src: &[T]) {
    let (low, high) = src[..A].split_at(A / 2);
    let pairs: &mut [T::Pair] = bytemuck::cast_slice_mut(&mut dst[..A]);
    for ((pair, a), b) in pairs.iter_mut().zip(low).zip(high) {
        *pair = a.pair(*b);
    }
}

/// An unsigned integer and the one twice as wide: two beside each other in memory are one of those.
trait Word: Pod {
    type Pair: Pod;

    /// `self` at the lower address.
    fn pair(self, next: Self) -> Self::Pair;
}

macro_rules! word {
    ($($word:ty, $pair:ty;)*) => {$(
        impl Word for $word {
            type Pair = $pair;

            #[inline(always)]
            fn pair(self, next: Self) -> $pair {
                let (low, high) = if cfg!(target_endian = "little") { (self, next) } else { (next, self) };
                low as $pair | (high as $pair) << <$word>::BITS
            }
        }
    )*};
}

word! {
    u8, u16;
    u16, u32;
    u32, u64;
}

impl Word for u64 {
    type Pair = [u64; 2];

    #[inline(always)]
    fn pair(self, next: Self) -> [u64; 2] {
        [self, next]
    }
}

fn plane_any<const N: usize>(dst: &mut [[u8; N]], src: &[[u8; N]], area: Area) {
    let Area { a, b, start } = area;
    let side = (LINE / N).max(4);
    let mut tile = [[[0u8; N]; 32]; 32];
    for b0 in (0..b.count).step_by(side) {
        let width = side.min(b.count - b0);
        for a0 in (0..a.count).step_by(side) {
            let height = side.min(a.count - a0);
            for (i, row) in tile[..height].iter_mut().enumerate() {
                for (j, element) in row[..width].iter_mut().enumerate() {
                    *element = src[(start + (a0 + i) as isize * a.src + (b0 + j) as isize * b.src) as usize];
                }
            }
            for j in 0..width {
                let to = a0 + (b0 + j) * b.dst as usize;
                for (d, row) in dst[to..to + height].iter_mut().zip(&tile) {
                    *d = row[j];
                }
            }
        }
    }
}
