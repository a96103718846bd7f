//! Moments and extents against two compensated passes.

use medkernels::stats::{BLOCK, Extent, Keep, Moments, block_moments, extent, moments};
use proptest::prelude::*;

use super::oracle::{self, bytes, values};

fn check(row: &[f32], keep: Keep, kept: &[f64], tolerance: f64) {
    let found = moments(row, keep);
    assert_eq!(found.n, kept.len() as u64);
    if kept.is_empty() {
        assert_eq!(found, Moments::default());
        assert!(found.std().is_nan());
        return;
    }
    let (mean, m2) = oracle::moments(kept);
    assert!(
        (found.mean - mean).abs() <= tolerance * mean.abs().max(1e-300),
        "mean {} not {mean}",
        found.mean
    );
    let std = (m2 / kept.len() as f64).sqrt();
    assert!((found.std() - std).abs() <= tolerance * std, "std {} not {std}", found.std());
}

#[test]
fn moments_are_accurate_where_naive_sums_fail() {
    let mut row = values(1, 300_007, 9999.8, 10000.2);
    let wide = |row: &[f32]| row.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
    check(&row, Keep::All, &wide(&row), 1e-12);
    // First values that say nothing about the rest.
    for block in row.chunks_mut(4096) {
        block[0] = 0.0;
    }
    let kept: Vec<f64> = wide(&row).into_iter().filter(|v| *v != 0.0).collect();
    check(&row, Keep::Nonzero, &kept, 1e-12);
    check(&row, Keep::Above(9000.0), &kept, 1e-12);
    check(&row, Keep::All, &wide(&row), 1e-12);
    let mut row = values(2, 5000, 9999.9, 10000.1);
    row[0] = 3e4;
    check(&row, Keep::All, &wide(&row), 1e-12);
    check(&[5.0; 999], Keep::All, &[5.0; 999], 1e-15);
}

#[test]
fn an_ill_conditioned_shift_is_found_out() {
    // All mass far from the first value: the second pass must run.
    let mut row = values(3, 4000, 9999.999, 10000.001);
    row[0] = -1e7;
    let m = moments(&row[..], Keep::All);
    let wide: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
    let (mean, m2) = oracle::moments(&wide);
    assert!((m.mean - mean).abs() <= 1e-12 * mean.abs() && (m.m2 - m2).abs() <= 1e-12 * m2);
    let m = moments(&row[1..], Keep::All);
    let (_, m2) = oracle::moments(&wide[1..]);
    assert!((m.m2 - m2).abs() <= 1e-12 * m2);
}

#[test]
fn blocks_merged_in_order_are_the_row() {
    let row = values(8, 3 * BLOCK + 17, -40.0, 900.0);
    for keep in [Keep::All, Keep::Nonzero, Keep::Above(200.0)] {
        for cut in [0, BLOCK, 3 * BLOCK] {
            let blocks = block_moments(&row[..cut], keep).chain(block_moments(&row[cut..], keep));
            assert_eq!(blocks.fold(Moments::default(), Moments::merge), moments(&row, keep));
        }
    }
}

#[test]
fn masks_and_empty_rows() {
    for len in (0..70).chain([5000]) {
        let row = values(4, len, -1.0, 1.0);
        let mask: Vec<u8> = bytes(5, len).into_iter().map(|b| if b % 3 == 0 { 0 } else { b }).collect();
        let kept: Vec<f64> =
            row.iter().zip(&mask).filter(|(_, m)| **m != 0).map(|(v, _)| f64::from(*v)).collect();
        // The mean of values around zero cancels; compare on the scale of the values.
        let found = moments(&row, Keep::Mask(&mask));
        assert_eq!(found.n, kept.len() as u64);
        if !kept.is_empty() {
            let (mean, m2) = oracle::moments(&kept);
            assert!((found.mean - mean).abs() < 1e-14 && (found.m2 - m2).abs() <= 1e-12 * m2);
        }
        assert_eq!(moments(&row, Keep::Above(2.0)), Moments::default());
    }
}

#[test]
fn nan_reaches_the_mean_unless_it_is_dropped() {
    let mut row = values(6, 100, 1.0, 2.0);
    row[50] = f32::NAN;
    assert!(moments(&row, Keep::All).mean.is_nan());
    assert!(moments(&row, Keep::Nonzero).mean.is_nan());
    assert_eq!(moments(&row, Keep::Above(0.0)).n, 99);
    assert!(moments(&row, Keep::Above(0.0)).mean.is_finite());
    row[50] = f32::INFINITY;
    let m = moments(&row, Keep::All);
    assert_eq!(m.mean, f64::INFINITY);
    assert!(m.std().is_nan());
    row[0] = f32::NEG_INFINITY;
    assert!(moments(&row, Keep::All).mean.is_nan());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merged_moments_are_those_of_the_whole(row in prop::collection::vec(-1e4f32..1e4, 2..300), cut in 0usize..300) {
        let cut = cut.min(row.len());
        let merged = moments(&row[..cut], Keep::All).merge(moments(&row[cut..], Keep::All));
        let wide: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
        let (mean, m2) = oracle::moments(&wide);
        prop_assert_eq!(merged.n, row.len() as u64);
        prop_assert!((merged.mean - mean).abs() < 1e-9);
        prop_assert!((merged.m2 - m2).abs() <= 1e-10 * m2 + 1e-9);
    }
}

#[test]
fn extents_ignore_nan_and_count_it() {
    for len in (0..70).chain([1000]) {
        let row = oracle::wild(7, len);
        let mask = bytes(8, len);
        for (keep, kept) in [
            (Keep::All, row.clone()),
            (Keep::Nonzero, row.iter().copied().filter(|v| *v != 0.0).collect()),
            (Keep::Above(1.0), row.iter().copied().filter(|v| *v > 1.0).collect()),
            (Keep::Mask(&mask), row.iter().zip(&mask).filter(|(_, m)| **m != 0).map(|(v, _)| *v).collect()),
        ] {
            let found = extent(&row, keep);
            let finite = || kept.iter().copied().filter(|v| !v.is_nan());
            assert_eq!(found.min, finite().fold(f32::INFINITY, f32::min));
            assert_eq!(found.max, finite().fold(f32::NEG_INFINITY, f32::max));
            assert_eq!(found.n, kept.len() as u64);
            assert_eq!(found.nan, kept.iter().filter(|v| v.is_nan()).count() as u64);
            assert_eq!(found.infinite, kept.iter().filter(|v| v.is_infinite()).count() as u64);
        }
    }
    assert_eq!(extent(&[], Keep::All), Extent::default());
}
