//! Values as integers that sort alike, and passes over tiles of them.

use crate::kernel::kernel;
use crate::stats::Keep;

/// Values per tile of keys: 8 KiB.
pub(super) const TILE: usize = 2048;

/// The key of a value that is not kept: above that of +inf, so above all others.
pub(super) const DROPPED: i32 = i32::MAX;

/// A run of values with what decides about them.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) values: &'a [f32],
    pub(super) mask: Option<&'a [u8]>,
    /// [`Keep::Mask`], cut to this part, or one of the others.
    pub(super) keep: Keep<'a>,
}

/// A key that sorts, as a signed integer, like the value; both zeros have the same.
#[inline(always)]
pub(crate) fn key(value: f32) -> i32 {
    let bits = (value + 0.0).to_bits() as i32;
    bits ^ ((bits >> 31) as u32 >> 1) as i32
}

#[inline(always)]
pub(crate) fn value(key: i32) -> f32 {
    f32::from_bits((key ^ ((key >> 31) as u32 >> 1) as i32) as u32)
}

/// An open interval of keys with its ends told apart: `low` may be below all keys, `high` above all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bracket {
    pub(super) low: i32,
    pub(super) high: i32,
}

/// Calls `f` with the keys of each tile of a part; returns how many values are kept and how many of them are
/// NaN.
pub(super) fn for_keys(part: &Part, mut f: impl FnMut(&[i32])) -> (usize, usize) {
    let mut keys = [0i32; TILE];
    let (mut n, mut nan) = (0, 0);
    for (index, values) in part.values.chunks(TILE).enumerate() {
        let keys = &mut keys[..values.len()];
        let range = index * TILE..index * TILE + values.len();
        let (kept, bad) = match part.keep {
            Keep::All => keys_all(values, keys),
            Keep::Nonzero => keys_nonzero(values, keys),
            Keep::Above(limit) => keys_above(values, limit, keys),
            Keep::Mask(mask) => keys_masked(values, &mask[range.clone()], keys),
        };
        let (kept, bad) = match part.mask {
            None => (kept, bad),
            Some(mask) => drop_masked(values, &mask[range], keys),
        };
        n += kept as usize;
        nan += bad as usize;
        f(keys);
    }
    (n, nan)
}

macro_rules! keys {
    ($($name:ident ($($arg:ident: $ty:ty),*) |$x:ident, $i:ident| $kept:expr;)*) => {$(
        kernel! {
            fn $name(values: &[f32], $($arg: $ty,)* keys: &mut [i32]) -> (u32, u32) {
                let (mut n, mut nan) = (0u32, 0u32);
                for ($i, (k, x)) in keys.iter_mut().zip(values).enumerate() {
                    let $x = *x;
                    let _ = $i;
                    let is_kept: bool = $kept;
                    n += u32::from(is_kept);
                    nan += u32::from(is_kept & $x.is_nan());
                    *k = if is_kept { key($x) } else { DROPPED };
                }
                (n, nan)
            }
        }
    )*};
}

keys! {
    keys_all() |x, i| true;
    keys_nonzero() |x, i| x != 0.0;
    keys_above(limit: f32) |x, i| x > limit;
}

kernel! {
    fn keys_masked(values: &[f32], mask: &[u8], keys: &mut [i32]) -> (u32, u32) {
        let (mut n, mut nan) = (0u32, 0u32);
        for ((k, x), m) in keys.iter_mut().zip(values).zip(mask) {
            let is_kept = *m != 0;
            n += u32::from(is_kept);
            nan += u32::from(is_kept & x.is_nan());
            *k = if is_kept { key(*x) } else { DROPPED };
        }
        (n, nan)
    }
}

kernel! {
    /// Drops the keys whose mask byte is zero, and counts those left.
    fn drop_masked(values: &[f32], mask: &[u8], keys: &mut [i32]) -> (u32, u32) {
        let (mut n, mut nan) = (0u32, 0u32);
        for ((k, x), m) in keys.iter_mut().zip(values).zip(mask) {
            // A kept NaN's key may equal DROPPED; it counts as NaN whatever its key.
            let is_kept = (*m != 0) & ((*k != DROPPED) | x.is_nan());
            n += u32::from(is_kept);
            nan += u32::from(is_kept & x.is_nan());
            *k = if is_kept { *k } else { DROPPED };
        }
        (n, nan)
    }
}

kernel! {
    /// Counts keys below, at the low end and at the high end of a bracket, and gathers those inside at the
    /// start of `out`.
    pub(super) fn scan(keys: &[i32], bracket: Bracket, out: &mut [i32; TILE + 1]) -> [u32; 4] {
        const LANES: usize = 16;
        let Bracket { low, high } = bracket;
        let mut below = [0u32; LANES];
        let mut at_low = [0u32; LANES];
        let mut at_high = [0u32; LANES];
        let mut kept = 0usize;
        let (body, tail) = keys.as_chunks::<LANES>();
        for chunk in body {
            // A bit for each key inside: few are, and only these are looked at one by one.
            let mut found = 0u32;
            for i in 0..LANES {
                let k = chunk[i];
                below[i] += u32::from(k < low);
                at_low[i] += u32::from(k == low);
                at_high[i] += u32::from(k == high);
                found |= u32::from((k > low) & (k < high)) << i;
            }
            while found != 0 {
                out[kept.min(TILE)] = chunk[found.trailing_zeros() as usize % LANES];
                kept += 1;
                found &= found - 1;
            }
        }
        for k in tail {
            below[0] += u32::from(*k < low);
            at_low[0] += u32::from(*k == low);
            at_high[0] += u32::from(*k == high);
            out[kept.min(TILE)] = *k;
            kept += usize::from((*k > low) & (*k < high));
        }
        [below.iter().sum(), at_low.iter().sum(), at_high.iter().sum(), kept as u32]
    }
}
