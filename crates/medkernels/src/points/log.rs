//! Logarithms of voxels.

use super::Row;
use crate::ahead::{self, STRETCH};
use crate::elementary;
use crate::kernel::kernel;

/// The natural logarithm of `x + offset`, times `factor`; with `signed` that of `|x| + offset`, with the sign of `x`.
///
/// # Panics
/// If the two rows of a [`Row::From`] differ in length.
pub fn log<'a>(row: impl Into<Row<'a>>, offset: f32, factor: f32, signed: bool) {
    match row.into() {
        Row::Here(row) => log_here(row, offset, factor, signed),
        Row::From { src, dst } => {
            assert_eq!(src.len(), dst.len(), "the rows differ in length");
            log_on_the_way(dst, src, offset, factor, signed);
        }
    }
}

kernel! {
    fn log_here(row: &mut [f32], offset: f32, factor: f32, signed: bool) {
        for voxels in row.chunks_mut(STRETCH) {
            let mut from = [0.0; STRETCH];
            let from = &mut from[..voxels.len()];
            from.copy_from_slice(voxels);
            logs(voxels, from, offset, factor, signed);
        }
    }
}

kernel! {
    fn log_on_the_way(dst: &mut [f32], src: &[f32], offset: f32, factor: f32, signed: bool) {
        for (voxels, from) in dst.chunks_mut(STRETCH).zip(src.chunks(STRETCH)) {
            ahead::read(from);
            ahead::write(voxels);
            logs(voxels, from, offset, factor, signed);
        }
    }
}

#[inline(always)]
fn logs(dst: &mut [f32], src: &[f32], offset: f32, factor: f32, signed: bool) {
    if signed {
        return dst.iter_mut().zip(src).for_each(|(y, x)| {
            *y = (elementary::ln_32(x.abs() + offset) * factor).copysign(*x);
        });
    }
    // What has no logarithm, or is too small for the usual way, is rare: a stretch without it is gone through faster.
    if elementary::are_normal(src.iter().map(|x| x + offset)) {
        dst.iter_mut().zip(src).for_each(|(y, x)| *y = elementary::ln_normal_32(x + offset) * factor);
    } else {
        dst.iter_mut().zip(src).for_each(|(y, x)| *y = elementary::ln_32(x + offset) * factor);
    }
}
