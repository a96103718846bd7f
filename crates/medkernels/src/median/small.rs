//! Medians of pictures over the smallest box: the comparisons of the general network written out, which then stay in registers.

use super::{Ordered, Room};

#[inline(always)]
pub(super) fn least<T: Ord>(a: T, b: T) -> T {
    if b < a { b } else { a }
}

#[inline(always)]
pub(super) fn most<T: Ord>(a: T, b: T) -> T {
    if b < a { a } else { b }
}

/// Of three times three voxels.
#[inline(always)]
pub(super) fn of_nine<T: Ordered, const L: usize>(src: &[&[T]], dst: &mut [T], room: &mut Room<T>) {
    let (together, long) = (room.together, room.together + L);
    let (low, rest) = room.columns.split_at_mut(long);
    let (middle, high) = rest.split_at_mut(long);
    for (n, dst) in dst.chunks_mut(together).enumerate() {
        let (start, len) = (n * together, dst.len());
        let [a, b, c] = [0, 1, 2].map(|n| &src[n][start..start + len + 2]);
        let (low, middle, high) = (&mut low[..len + 2], &mut middle[..len + 2], &mut high[..len + 2]);
        for i in 0..len + 2 {
            let (less, more) = (least(a[i], b[i]), most(a[i], b[i]));
            low[i] = least(less, c[i]);
            high[i] = most(more, c[i]);
            middle[i] = most(less, least(more, c[i]));
        }
        let middle_of = |a: T, b: T, c: T| most(least(a, b), least(most(a, b), c));
        let (l0, l1, l2) = (&low[..len], &low[1..=len], &low[2..len + 2]);
        let (m0, m1, m2) = (&middle[..len], &middle[1..=len], &middle[2..len + 2]);
        let (h0, h1, h2) = (&high[..len], &high[1..=len], &high[2..len + 2]);
        for i in 0..len {
            let low = most(most(l0[i], l1[i]), l2[i]);
            let high = least(least(h0[i], h1[i]), h2[i]);
            dst[i] = middle_of(low, middle_of(m0[i], m1[i], m2[i]), high);
        }
    }
}
