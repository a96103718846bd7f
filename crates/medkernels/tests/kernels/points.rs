//! Point kernels against f64 formulas, and the elementary functions against libm in f64.

use medkernels::linear::{self, Linear};
use medkernels::points::{self, Knot, Row};

use super::oracle::{Noise, ulps, values, wild};

#[test]
fn normalising_keeps_digits_at_a_large_mean() {
    let row = values(1, 5000, 9999.7, 10000.3);
    let (mean, inv_std) = (10_000.000_123_4, 1.0 / 0.098_7);
    let mut out = row.clone();
    points::normalize(&mut out, mean, inv_std);
    for (x, y) in row.iter().zip(&out) {
        let want = (f64::from(*x) - mean) * inv_std;
        // Two subtractions and a product, of values near 1.
        assert!((f64::from(*y) - want).abs() <= 2e-7 * (1.0 + want.abs()), "{x} {y} {want}");
    }
}

#[test]
fn affine_scaled_sums_and_products_round_each_step() {
    let (row, other) = (wild(2, 999), wild(3, 999));
    let same = |found: f32, want: f32| found.to_bits() == want.to_bits() || found.is_nan() && want.is_nan();
    let mut out = row.clone();
    points::affine(&mut out, 1.3, -7.0);
    assert!(row.iter().zip(&out).all(|(x, y)| same(*y, *x * 1.3 + -7.0)));
    out.copy_from_slice(&row);
    points::add_scaled(&mut out, &other, 0.77);
    assert!((0..999).all(|i| same(out[i], row[i] + other[i] * 0.77)));
    out.copy_from_slice(&row);
    points::multiply(&mut out, &other);
    assert!((0..999).all(|i| same(out[i], row[i] * other[i])));
}

#[test]
fn clamping_passes_nan() {
    let mut row = [-5.0, -0.0, 0.5, 9.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    points::clamp(&mut row, -1.0, 1.0);
    assert_eq!(row[..4], [-1.0, 0.0, 0.5, 1.0]);
    assert!(row[4].is_nan());
    assert_eq!(row[5..], [1.0, -1.0]);
}

/// The largest error in units in the last place over `inputs`.
fn worst(inputs: &[f32], kernel: impl Fn(&mut [f32]), truth: impl Fn(f64) -> f64) -> f64 {
    let mut out = inputs.to_vec();
    kernel(&mut out);
    let mut worst = 0.0;
    for (x, y) in inputs.iter().zip(&out) {
        let error = ulps(*y, truth(f64::from(*x)));
        if error > worst {
            worst = error;
            assert!(error < 100.0, "x {x:e} found {y:e} wanted {:e}", truth(f64::from(*x)));
        }
    }
    worst
}

/// Every 997th of all floats, and dense ranges where the functions live.
fn sweep() -> Vec<f32> {
    let all = (0..u32::MAX / 997).map(|i| f32::from_bits(i * 997));
    all.chain(values(5, 400_000, -104.0, 89.0)).chain(values(6, 400_000, 0.3, 3.0)).collect()
}

#[test]
fn exp_ln_and_pow_keep_their_stated_errors() {
    let inputs = sweep();
    let exp = worst(&inputs, points::exp, libm::exp);
    assert!(exp < 1.0, "exp is {exp} units off");
    let ln = worst(&inputs, points::ln, libm::log);
    assert!(ln < 1.0, "ln is {ln} units off");
    for gamma in [0.7, 1.5, 2.2, -0.3, 0.01, 3.0, -1.0, 7.0, 0.5, 2.0, 30.5] {
        let pow = worst(&inputs, |row| points::pow(row, gamma), |x| libm::pow(x, gamma));
        assert!(pow < 0.55 + 0.02 * gamma.abs(), "pow {gamma} is {pow} units off");
        println!("pow {gamma} {pow:.3} units in the last place");
    }
    println!("exp {exp:.3}, ln {ln:.3} units in the last place");
}

#[test]
fn powers_of_special_values_are_those_of_ieee() {
    let special = [0.0, -0.0, 1.0, -1.0, -2.5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MAX, 1e-45];
    let mut noise = Noise::new(8);
    let mut gammas = vec![0.0, 1.0, 2.0, 3.0, -1.0, -2.0, -3.0, 0.5, 1.5, -0.5, 4.0, 1e3, -1e3];
    gammas.extend((0..50).map(|_| noise.unit() * 8.0 - 4.0));
    for gamma in gammas {
        let mut row = special;
        points::pow(&mut row, gamma);
        for (x, y) in special.iter().zip(row) {
            let want = libm::pow(f64::from(*x), gamma);
            let error = ulps(y, want);
            assert!(
                error < 0.55 + 0.02 * gamma.abs()
                    && (y.is_nan() || y.is_sign_negative() == want.is_sign_negative()),
                "{x} ^ {gamma} = {y}, not {want}"
            );
        }
    }
}

#[test]
fn powers_of_a_share_are_close_to_the_formula() {
    for (low, high) in [(0.0f32, 1.0f32), (-1.5, 3.25), (9_999.0, 10_001.0), (-1e-4, 2e-4)] {
        let mut row = values(9, 4001, f64::from(low), f64::from(high));
        row.extend([low, high]);
        for gamma in [0.05f32, 0.3, 0.7, 1.5, 2.0, 4.5, 20.0] {
            for (from, to) in [(low, high), (high, low)] {
                let mut out = row.clone();
                points::gamma_between(&mut out, from, to, gamma);
                let (from, to) = (f64::from(from), f64::from(to));
                // What the rounding of the value itself is, beside the stated error.
                let bound =
                    (2e-7 + 1.2e-7 * f64::from(gamma)) * (to - from).abs() + 6e-8 * from.abs().max(to.abs());
                for (x, y) in row.iter().zip(&out) {
                    let share = (f64::from(*x) - from) / (to - from);
                    let want = from + libm::pow(share, f64::from(gamma)) * (to - from);
                    assert!(
                        (f64::from(*y) - want).abs() < bound,
                        "{x} between {from} and {to}: {y}, not {want}"
                    );
                }
            }
        }
    }
    let mut row = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -3.0];
    points::gamma_between(&mut row, 0.0, 1.0, 0.5);
    assert!(row[0].is_nan());
    assert_eq!(row[1..], [f32::INFINITY, f32::NEG_INFINITY, 0.0]);
}

#[test]
fn signs_survive_powers_of_magnitudes() {
    let mut row = values(10, 3000, -4.0, 4.0);
    row.extend(values(11, 3000, -1e6, 1e6));
    row.extend([1e-30, -1e30, 0.0, -0.0, f32::MIN_POSITIVE, f32::INFINITY, f32::NEG_INFINITY]);
    for gamma in [0.05, 0.7, 2.0, 1.0, 3.5, 30.0, 700.0, 16_000.0] {
        let mut out = row.clone();
        points::pow_signed(&mut out, gamma as f32);
        for (x, y) in row.iter().zip(&out) {
            let want = libm::pow(f64::from(x.abs()), f64::from(gamma as f32)).copysign(f64::from(*x));
            assert!(ulps(*y, want) < 1.5 + gamma, "{x} {y} {want}");
        }
    }
}

#[test]
fn pieces_are_lines_between_knots() {
    let ends = [(-2.0f32, 1.0f32), (-1.0, 3.0), (0.5, -4.0), (3.0, -4.0), (4.0, 10.0)];
    let slope = |n: usize| ends.get(n + 1).map_or(0.0, |next| (next.1 - ends[n].1) / (next.0 - ends[n].0));
    let knots: Vec<Knot> =
        ends.iter().enumerate().map(|(n, &(at, value))| Knot { at, value, slope: slope(n) }).collect();
    let mut row = values(12, 1003, -5.0, 6.0);
    row.extend([-2.0, -1.0, 0.5, 3.0, 4.0, f32::INFINITY, f32::NEG_INFINITY]);
    let mut out = row.clone();
    points::piecewise_linear(&mut out, &knots, [-2.0, 4.0]);
    for (x, y) in row.iter().zip(&out) {
        let x = x.clamp(-2.0, 4.0);
        let n = (1..4).rev().find(|&n| x >= ends[n].0).unwrap_or(0);
        let (a, b) = (ends[n], ends[n + 1]);
        let want = a.1 + (x - a.0) * ((b.1 - a.1) / (b.0 - a.0));
        assert!((y - want).abs() < 2e-6, "{x}: {y}, not {want}");
    }
    let mut row = [f32::NAN];
    points::piecewise_linear(&mut row, &knots, [-2.0, 4.0]);
    assert!(row[0].is_nan());
}

#[test]
fn products_with_exponentials_of_sums() {
    for len in [0, 1, 31, 32, 97, 300] {
        let (basis, weights) = (values(13, 3 * (len + 5), -1.0, 1.0), [0.3f32, -1.2, 0.7]);
        let row = values(14, len, -50.0, 50.0);
        let mut out = row.clone();
        points::multiply_by_exp(&mut out, &basis, len + 5, &weights);
        for i in 0..len {
            let term = |k: usize| f64::from(weights[k]) * f64::from(basis[k * (len + 5) + i]);
            let want = f64::from(row[i]) * libm::exp(term(0) + term(1) + term(2));
            assert!((f64::from(out[i]) - want).abs() < 5e-7 * want.abs(), "{i}: {} not {want}", out[i]);
        }
    }
}

#[test]
fn magnitudes_and_levels() {
    let (row, other) = (values(15, 500, -9.0, 9.0), values(16, 500, -9.0, 9.0));
    let mut out = row.clone();
    points::magnitude(&mut out, &other);
    for i in 0..500 {
        let want = libm::hypot(f64::from(row[i]), f64::from(other[i]));
        assert!((f64::from(out[i]) - want).abs() < 3e-7 * want);
    }
    for levels in [2, 5, 256, 65_536] {
        let mut out = row.clone();
        points::quantize(&mut out, -6.0, 7.5, levels);
        let step = 13.5 / f64::from(levels - 1);
        for (x, y) in row.iter().zip(&out) {
            let x = f64::from(x.clamp(-6.0, 7.5));
            let level = (f64::from(*y) + 6.0) / step;
            assert!((level - level.round()).abs() < 2e-6 / step, "{x} became {y}, which is no level");
            assert!(
                (f64::from(*y) - x).abs() < 0.5 * step + 2e-6,
                "{x} became {y}, which is not the nearest"
            );
        }
    }
    let mut row = [f32::NAN, f32::INFINITY];
    points::quantize(&mut row, 0.0, 1.0, 4);
    assert!(row[0].is_nan() && row[1] == 1.0);
    let (row, gammas) = (values(17, 300, 2.0, 5.0), values(18, 300, 0.3, 3.0));
    let mut out = row.clone();
    points::gammas_between(&mut out, 2.0, 5.0, &gammas);
    for i in 0..300 {
        let mut one = [row[i]];
        points::gamma_between(&mut one, 2.0, 5.0, gammas[i]);
        assert_eq!(one[0], out[i]);
    }
}

#[test]
fn exp_and_ln_of_special_values() {
    let mut row = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 88.8, -103.9, -110.0];
    points::exp(&mut row);
    assert_eq!(row[..4], [1.0, 1.0, f32::INFINITY, 0.0]);
    assert!(row[4].is_nan());
    assert_eq!(row[5..], [f32::INFINITY, 1e-45, 0.0]);
    let mut row = [1.0, 0.0, -0.0, -1.0, f32::INFINITY, f32::NAN, f32::NEG_INFINITY];
    points::ln(&mut row);
    assert_eq!(row[..3], [0.0, f32::NEG_INFINITY, f32::NEG_INFINITY]);
    assert!(row[3].is_nan() && row[5].is_nan() && row[6].is_nan());
    assert_eq!(row[4], f32::INFINITY);
}

#[test]
fn a_logarithm_does_not_depend_on_its_neighbours() {
    let usual: Vec<f32> = values(17, 1000, 0.0, 3000.0);
    let made = |voxels: &[f32]| {
        let mut out = voxels.to_vec();
        points::log(&mut out, 1.0, 0.7, false);
        out
    };
    let together = made(&usual);
    for odd in [-1.0, -7.0, f32::NAN, f32::INFINITY, -1.0 + 1e-7] {
        // One of them in each stretch of a hundred.
        let mut mixed = usual.clone();
        mixed.iter_mut().step_by(100).for_each(|v| *v = odd);
        for (n, (a, b)) in made(&mixed).iter().zip(&together).enumerate().filter(|(n, _)| n % 100 != 0) {
            assert_eq!(a.to_bits(), b.to_bits(), "voxel {n} beside {odd}");
        }
    }
    assert_eq!(made(&[-1.0, f32::INFINITY, 0.0]), [f32::NEG_INFINITY, f32::INFINITY, 0.0]);
    assert!(made(&[-7.0, 1.0])[0].is_nan());
}

#[test]
fn from_another_row_is_as_in_place() {
    let mut voxels = values(31, 1000, -50.0, 50.0);
    voxels.extend([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, 1e-40]);
    let check = |point: &dyn Fn(Row<'_>)| {
        for len in [0, 1, 15, 16, 17, 1006] {
            let src = &voxels[voxels.len() - len..];
            let (mut here, mut there) = (src.to_vec(), vec![7.0; len]);
            point(Row::Here(&mut here));
            point(Row::From { src, dst: &mut there });
            assert!(here.iter().zip(&there).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    };
    check(&|row| points::normalize(row, 3.3, 0.7));
    check(&|row| points::clamp(row, -1.0, 20.0));
    check(&|row| points::affine(row, 0.3, 20.0));
    check(&|row| points::log(row, 1.0, 0.7, false));
    check(&|row| points::log(row, 1.0, 0.7, true));
    let maps = [Linear::clamp(-40.0, 30.0), Linear::about(3.3, 0.7, -2.0), Linear::affine(0.3, 20.0)];
    for n in 0..=3 {
        check(&|row| linear::run(row, &maps[..n]));
    }
}

#[test]
#[should_panic(expected = "differ in length")]
fn rows_of_two_lengths_are_refused() {
    points::clamp(Row::From { src: &[0.0; 3], dst: &mut [0.0; 4] }, 0.0, 1.0);
}
