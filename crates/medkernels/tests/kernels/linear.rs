//! Linear maps against f64 formulas, and run together against one by one.

use medkernels::linear::{self, Linear};

use super::oracle::{bits, values, wild};

#[test]
fn rescaling_maps_the_ends_and_clips() {
    let row = [-10.0, 0.0, 5.0, 10.0, 20.0, f32::NAN];
    let mut out = row;
    linear::run(&mut out, &Linear::rescale([0.0, 10.0], [-1.0, 1.0], true));
    assert_eq!(out[..5], [-1.0, -1.0, 0.0, 1.0, 1.0]);
    assert!(out[5].is_nan());
    out = row;
    linear::run(&mut out, &Linear::rescale([0.0, 10.0], [-1.0, 1.0], false));
    assert_eq!(out[..5], [-3.0, -1.0, 0.0, 1.0, 3.0]);
    out = row;
    linear::run(&mut out, &Linear::rescale([0.0, 10.0], [1.0, 0.0], true));
    assert_eq!(out[..5], [1.0, 1.0, 0.5, 0.0, 0.0]);
    out = row;
    linear::run(&mut out, &Linear::rescale([3.0, 3.0], [0.25, 1.0], true));
    assert_eq!(out[..5], [0.25; 5]);
    assert!(out[5].is_nan());
    let row = values(4, 1000, 9999.7, 10000.3);
    let mut out = row.clone();
    linear::run(&mut out, &Linear::rescale([9_999.712_345_6, 10_000.291], [0.0, 1.0], false));
    for (x, y) in row.iter().zip(&out) {
        let want = (f64::from(*x) - 9_999.712_345_6) / (10_000.291 - 9_999.712_345_6);
        assert!((f64::from(*y) - want).abs() < 3e-7);
    }
}

#[test]
fn scaling_about_a_value_keeps_digits_and_holds_the_range() {
    let row = values(11, 2000, 9_999.7, 10_000.3);
    let mean = 10_000.000_123_4;
    let mut out = row.clone();
    linear::run(&mut out, &[Linear::about(mean, 1.3, mean as f32), Linear::clamp(9_999.8, 10_000.2)]);
    for (x, y) in row.iter().zip(&out) {
        let want = ((f64::from(*x) - mean) * 1.3 + mean).clamp(9_999.8, 10_000.2);
        // The result is rounded to a float32 near 1e4.
        assert!((f64::from(*y) - want).abs() <= 1e-3, "{x} {y} {want}");
    }
}

/// Operations that cannot change a bit are left out; what is left gives the bits of all of them, signs of zeros and NaN too.
#[test]
fn linear_maps_leave_out_only_what_changes_nothing() {
    let mut row = wild(21, 2000);
    row.extend([0.0, -0.0, 1.0, -1.0, 1500.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE]);
    for from in [0.0, -0.0, 3.0, -1000.0, 0.1, 1e-60, -1e-60, 12_345.678_9] {
        for (mul, to) in [(1.0f32, 0.0f32), (1.0, -0.0), (-0.5, 7.0), (2.0 / 1500.0, -1.0)] {
            for range in [[f32::NEG_INFINITY, f32::INFINITY], [-1.0, 1.0], [0.0, f32::INFINITY]] {
                let mut found = row.clone();
                linear::run(&mut found, &[Linear::about(from, mul, to), Linear::clamp(range[0], range[1])]);
                let hi = from as f32;
                let lo = (from - f64::from(hi)) as f32;
                for (x, y) in row.iter().zip(&found) {
                    let v = ((x - hi) - lo) * mul + to;
                    let v = if v < range[0] { range[0] } else { v };
                    let want = if v > range[1] { range[1] } else { v };
                    let same = y.to_bits() == want.to_bits() || y.is_nan() && want.is_nan();
                    assert!(same, "{x} about {from} times {mul} plus {to} in {range:?}: {y}, not {want}");
                }
            }
        }
    }
}

/// What a map does to a voxel does not depend on what it is run together with.
#[test]
fn maps_run_together_are_maps_run_one_by_one() {
    let row = wild(22, 1003);
    let kinds = [
        Linear::affine(-0.5, 7.0),
        Linear::about(3.0, 2.0, -1.0),
        Linear::normalize(12_345.678_9, 0.01),
        Linear::clamp(-3.0, 40.0),
    ];
    for n in 0..4usize.pow(5) {
        let maps: Vec<Linear> = (0..n % 11).map(|i| kinds[n / 4usize.pow(i as u32 % 5) % 4]).collect();
        let (mut together, mut apart) = (row.clone(), row.clone());
        linear::run(&mut together, &maps);
        for map in &maps {
            linear::run(&mut apart, &[*map]);
        }
        assert_eq!(bits(&together), bits(&apart), "{maps:?}");
    }
    let windows: Vec<Linear> = (0..10).map(|n| kinds[if n % 2 == 0 { 1 } else { 3 }]).collect();
    assert_eq!(linear::together(&windows), 8, "four maps, each with a range");
    assert_eq!(linear::together(&[kinds[3]; 9]), 4, "four ranges");
}

/// A clamp within another one makes the wider one needless, to the bit.
#[test]
fn absorbed_clamps_leave_no_trace() {
    let mut row = wild(23, 2000);
    row.extend([0.0, -0.0, 1.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE]);
    let ends = [f32::NEG_INFINITY, -3.0, -0.0, 0.0, 2.0, f32::INFINITY];
    let clamps: Vec<Linear> = (0..36)
        .filter(|n| ends[n / 6] <= ends[n % 6])
        .map(|n| Linear::clamp(ends[n / 6], ends[n % 6]))
        .collect();
    let mut absorbed = 0;
    for wide in &clamps {
        for narrow in clamps.iter().filter(|narrow| narrow.absorbs(*wide)) {
            let (mut both, mut one) = (row.clone(), row.clone());
            linear::run(&mut both, &[*wide, *narrow]);
            linear::run(&mut one, &[*narrow]);
            assert_eq!(bits(&both), bits(&one), "{wide:?}, {narrow:?}");
            absorbed += 1;
        }
    }
    assert!(absorbed > clamps.len(), "each absorbs itself, and some absorb others");
    assert!(!Linear::clamp(-1.0, 1.0).absorbs(Linear::clamp(0.0, 2.0)));
    assert!(!Linear::clamp(-1.0, 1.0).absorbs(Linear::affine(1.0, 0.0)));
}
