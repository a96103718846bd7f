//! Medians of pictures over the smallest boxes: comparisons written out, which then stay in registers.

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

#[inline(always)]
fn pair<T: Ord + Copy>([a, b]: [T; 2]) -> [T; 2] {
    [least(a, b), most(a, b)]
}

/// Merges two sorted pairs, by Batcher's merge as those below: what is at even places and what is at odd ones, and then neighbours.
#[inline(always)]
fn merged_pairs<T: Ord + Copy>(a: [T; 2], b: [T; 2]) -> [T; 4] {
    let ([e0, e1], [o0, o1]) = (pair([a[0], b[0]]), pair([a[1], b[1]]));
    let [m, n] = pair([e1, o0]);
    [e0, m, n, o1]
}

#[inline(always)]
fn merged_threes<T: Ord + Copy>(a: [T; 3], b: [T; 3]) -> [T; 6] {
    let [e0, e1, e2, e3] = merged_pairs([a[0], a[2]], [b[0], b[2]]);
    let [o0, o1] = pair([a[1], b[1]]);
    let ([l, m], [n, o]) = (pair([e1, o0]), pair([e2, o1]));
    [e0, l, m, n, o, e3]
}

#[inline(always)]
fn merged_fives<T: Ord + Copy>(a: [T; 5], b: [T; 5]) -> [T; 10] {
    let [e0, e1, e2, e3, e4, e5] = merged_threes([a[0], a[2], a[4]], [b[0], b[2], b[4]]);
    let [o0, o1, o2, o3] = merged_pairs([a[1], a[3]], [b[1], b[3]]);
    let ([l, m], [n, o]) = (pair([e1, o0]), pair([e2, o1]));
    let ([p, q], [r, s]) = (pair([e3, o2]), pair([e4, o3]));
    [e0, l, m, n, o, p, q, r, s, e5]
}

/// Five values in order.
#[inline(always)]
fn sorted_five<T: Ord + Copy>([a, b, c, d, e]: [T; 5]) -> [T; 5] {
    let ([a, b], [d, e]) = (pair([a, b]), pair([d, e]));
    let [c, e] = pair([c, e]);
    let [c, d] = pair([c, d]);
    let [b, e] = pair([b, e]);
    let [a, d] = pair([a, d]);
    let [a, c] = pair([a, c]);
    let [b, d] = pair([b, d]);
    let [b, c] = pair([b, c]);
    [a, b, c, d, e]
}

/// The middle one of 25 values, of which two tens and five are sorted.
#[inline(always)]
fn middle_of_25<T: Ord + Copy>(a: [T; 10], b: [T; 10], five: [T; 5]) -> T {
    // Of the tens, seven below the middle and seven above cannot be it, whatever the five are. The lower ten of both rise and fall, the upper ones fall and rise: what is
    // compared with what lies five further gives their upper and their lower five.
    let lower = |n: usize| least(a[n], b[9 - n]);
    let upper = |n: usize| most(a[n], b[9 - n]);
    let high = |n: usize| most(lower(n), lower(n + 5));
    let low = |n: usize| least(upper(n), upper(n + 5));
    let [_, _, q0, q1, q2] = sorted_five([high(0), high(1), high(2), high(3), high(4)]);
    let [q3, q4, q5, _, _] = sorted_five([low(0), low(1), low(2), low(3), low(4)]);
    // The sixth of these six and the five: with n of the six go 6 - n of the five.
    let (below, middle) =
        (least(most(q0, five[4]), most(q1, five[3])), least(most(q2, five[2]), most(q3, five[1])));
    least(least(below, middle), least(most(q4, five[0]), q5))
}

/// Voxels of a row that five times five are taken of together: with so many of a number that is known, none is left for a loop of single ones.
pub(super) const TOGETHER: usize = 64;

/// The voxels of a row from one on; what would lie behind its end is any.
#[inline(always)]
fn piece<T: Ordered>(row: &[T], at: usize) -> [T; TOGETHER] {
    if let Some(piece) = row[at..].first_chunk() {
        return *piece;
    }
    let mut out = [T::zeroed(); TOGETHER];
    out[..row.len() - at].copy_from_slice(&row[at..]);
    out
}

/// Of five times five voxels: columns are sorted once for all boxes that they are in.
#[inline(always)]
pub(super) fn of_25<T: Ordered>(src: &[&[T]], dst: &mut [T], room: &mut Room<T>) {
    let (together, long) = (room.together, room.together + TOGETHER);
    let columns = &mut room.columns[..5 * long];
    for (n, dst) in dst.chunks_mut(together).enumerate() {
        for at in (0..dst.len() + 4).step_by(TOGETHER) {
            let mut rows = [[T::zeroed(); TOGETHER]; 5];
            for rank in 0..5 {
                rows[rank] = piece(src[rank], n * together + at);
            }
            let [mut a, mut b, mut c, mut d, mut e] = rows;
            for i in 0..TOGETHER {
                [a[i], b[i], c[i], d[i], e[i]] =
                    sorted_five([rows[0][i], rows[1][i], rows[2][i], rows[3][i], rows[4][i]]);
            }
            for (rank, sorted) in [a, b, c, d, e].iter().enumerate() {
                columns[rank * long + at..][..TOGETHER].copy_from_slice(sorted);
            }
        }
        for (n, dst) in dst.chunks_mut(TOGETHER).enumerate() {
            let mut lines = [[[T::zeroed(); TOGETHER]; 5]; 5];
            for k in 0..5 {
                for rank in 0..5 {
                    lines[k][rank] = columns[rank * long + n * TOGETHER + k..].as_chunks().0[0];
                }
            }
            let mut out = [T::zeroed(); TOGETHER];
            for i in 0..TOGETHER {
                let of = |k: usize| {
                    [lines[k][0][i], lines[k][1][i], lines[k][2][i], lines[k][3][i], lines[k][4][i]]
                };
                out[i] = middle_of_25(merged_fives(of(0), of(1)), merged_fives(of(2), of(3)), of(4));
            }
            dst.copy_from_slice(&out[..dst.len()]);
        }
    }
}
