//! Percentiles against sorting.

use medkernels::select::{SelectError, percentiles};
use medkernels::stats::Keep;

use super::oracle::{self, Noise, bytes, values, wild};

const Q: [f64; 9] = [0.0, 0.1, 0.5, 25.0, 50.0, 75.3, 99.5, 99.999, 100.0];

fn check(name: &str, kept: &[f32], found: &[f64]) {
    let mut sorted = kept.to_vec();
    sorted.sort_by(f32::total_cmp);
    for (q, found) in Q.iter().zip(found) {
        let want = oracle::percentile(&sorted, *q);
        let scale = want.abs().max(1e-30);
        // NumPy's float32 difference costs half a unit of the gap.
        assert!((found - want).abs() <= 1e-7 * scale || *found == want, "{name} {q}: {found} not {want}");
    }
}

#[test]
fn percentiles_equal_those_of_a_sort() {
    let n = 300_007;
    let mut noise = Noise::new(1);
    let equal: Vec<f32> =
        (0..n).map(|_| if noise.below(10) > 0 { 0.0 } else { noise.unit() as f32 }).collect();
    let mut late = values(2, n, 0.0, 1.0);
    // A tail that the sample does not foresee.
    late[n - 9000..].fill(7.0);
    let sorted: Vec<f32> = (0..n).map(|i| i as f32 / 3.0 - 1000.0).collect();
    let cases = [
        ("uniform", values(3, n, -5.0, 5.0)),
        ("mostly zero", equal),
        ("whole numbers", values(4, n, -40.0, 40.0).into_iter().map(f32::round).collect()),
        ("all equal", vec![3.5; n]),
        ("late tail", late),
        ("sorted", sorted),
        ("wide", wild(5, n).into_iter().filter(|v| v.is_finite()).collect()),
    ];
    for (name, row) in &cases {
        let found = percentiles(&[row], None, Keep::All, &Q).unwrap();
        check(name, row, &found);
        // The same in blocks of any size, and for a few values.
        let blocks: Vec<&[f32]> = row.chunks(1009).collect();
        assert_eq!(percentiles(&blocks, None, Keep::All, &Q).unwrap(), found, "{name}");
        let few = &row[..1000];
        check(name, few, &percentiles(&[few], None, Keep::All, &Q).unwrap());
    }
}

#[test]
fn a_sample_that_misleads_is_found_out() {
    // Values that differ exactly where the sample looks: one place in each stretch of 64, chosen as `brackets` does.
    let n = 1 << 18;
    let looked_at = |i: usize| {
        let mut h = ((i / 64) as u32).wrapping_add(0x9e37_79b9);
        for factor in [0x85eb_ca6bu32, 0xc2b2_ae35] {
            h = (h ^ (h >> 15)).wrapping_mul(factor);
        }
        (h ^ (h >> 16)) as usize % 64 == i % 64
    };
    let row: Vec<f32> =
        (0..n).map(|i| if looked_at(i) { 1000.0 + i as f32 } else { (i % 977) as f32 }).collect();
    check("misleading", &row, &percentiles(&[&row], None, Keep::All, &Q).unwrap());
}

#[test]
fn masks_and_keeps_choose() {
    let n = 200_003;
    let row: Vec<f32> = values(6, n, -2.0, 2.0).into_iter().map(|v| if v < 0.0 { 0.0 } else { v }).collect();
    let mask: Vec<u8> = bytes(7, n).into_iter().map(|b| b & 4).collect();
    let blocks: Vec<&[f32]> = row.chunks(70_001).collect();
    let masks: Vec<&[u8]> = mask.chunks(70_001).collect();
    let kept = |test: &dyn Fn(f32, u8) -> bool| -> Vec<f32> {
        row.iter().zip(&mask).filter(|(v, m)| test(**v, **m)).map(|(v, _)| *v).collect()
    };
    let run = |masks: Option<&[&[u8]]>, keep| percentiles(&blocks, masks, keep, &Q).unwrap();
    check("nonzero", &kept(&|v, _| v != 0.0), &run(None, Keep::Nonzero));
    check("above", &kept(&|v, _| v > 1.5), &run(None, Keep::Above(1.5)));
    check("masks", &kept(&|_, m| m != 0), &run(Some(&masks), Keep::All));
    check("both", &kept(&|v, m| m != 0 && v != 0.0), &run(Some(&masks), Keep::Nonzero));
    check("one mask", &kept(&|_, m| m != 0), &run(None, Keep::Mask(&mask)));
    check("few", &kept(&|v, _| v > 1.9999), &run(None, Keep::Above(1.9999)));
}

#[test]
fn nan_makes_every_result_nan_and_nothing_is_an_error() {
    for n in [100, 100_000] {
        let mut row = values(8, n, 0.0, 1.0);
        row[n / 2 + 1] = f32::NAN;
        assert!(percentiles(&[&row], None, Keep::All, &[1.0, 99.0]).unwrap().iter().all(|v| v.is_nan()));
        assert!(percentiles(&[&row], None, Keep::Above(0.5), &[50.0]).unwrap()[0].is_finite());
        row.fill(0.0);
        assert_eq!(percentiles(&[&row], None, Keep::Nonzero, &[50.0]), Err(SelectError::Empty));
    }
    assert_eq!(percentiles(&[], None, Keep::All, &[50.0]), Err(SelectError::Empty));
    let wrong = percentiles(&[&[1.0]], None, Keep::All, &[100.1]);
    assert_eq!(wrong, Err(SelectError::Percentile { found: 100.1 }));
    assert!(percentiles(&[&[1.0]], None, Keep::All, &[f64::NAN]).is_err());
    assert_eq!(percentiles(&[&[1.0]], Some(&[]), Keep::All, &[50.0]), Err(SelectError::Masks));
    assert_eq!(percentiles(&[&[1.0]], None, Keep::Mask(&[1, 1]), &[50.0]), Err(SelectError::Masks));
}

#[test]
fn infinities_are_values() {
    let mut row = values(9, 100_000, 0.0, 1.0);
    row[..2000].fill(f32::INFINITY);
    row[2000..4000].fill(f32::NEG_INFINITY);
    let found = percentiles(&[&row], None, Keep::All, &[0.0, 1.0, 50.0, 99.0, 100.0]).unwrap();
    assert_eq!(found[..2], [f64::NEG_INFINITY; 2]);
    assert!((found[2] - 0.5).abs() < 0.01);
    assert_eq!(found[3..], [f64::INFINITY; 2]);
}
