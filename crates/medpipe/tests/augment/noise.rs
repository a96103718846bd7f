use serde_json::json;

use super::given::{close, deviation, flat, is_drawn_from, mean, oracle, run};

const SHAPE: [usize; 3] = [37, 29, 31];

/// The share of a standard normal distribution below a value.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

#[test]
fn noise_has_its_distribution() {
    let noise = flat(SHAPE, 1.5, 3, "gaussian_noise", json!({"std": 2.0, "mean": -0.5}));
    assert!(is_drawn_from(&noise, |x| normal((x - 1.0) / 2.0)));
    assert!(!is_drawn_from(&noise, |x| normal((x - 1.05) / 2.0)), "the test sees a shift of 1 in 40");
    let noise = flat(SHAPE, 4.0, 4, "speckle_noise", json!({"std": 0.25, "mean": 0.5}));
    assert!(is_drawn_from(&noise, |x| normal(x - 6.0)));
    // Where there is no signal, Rayleigh's distribution.
    let noise = flat(SHAPE, 0.0, 5, "rician_noise", json!(3.0));
    assert!(is_drawn_from(&noise, |x| 1.0 - libm::exp(-x * x / 18.0)));
    let squares: Vec<f64> =
        flat(SHAPE, 10.0, 6, "rician_noise", json!(2.0)).iter().map(|v| f64::from(v * v)).collect();
    // The mean square is the signal's and twice the noise's; its standard error is 0.22.
    assert!((mean(&squares) - 108.0).abs() < 1.1, "{}", mean(&squares));
    let counts = flat(SHAPE, 2.0, 7, "poisson_noise", json!(10.0));
    let counts: Vec<f64> = counts.iter().map(|v| f64::from(*v) * 10.0).collect();
    assert!(counts.iter().all(|c| (c - c.round()).abs() < 1e-4));
    assert!((mean(&counts) - 20.0).abs() < 0.12 && (deviation(&counts).powi(2) - 20.0).abs() < 0.8);
}

#[test]
fn neighbours_and_channels_do_not_share_noise() {
    for (name, given) in [
        ("gaussian_noise", json!(1.0)),
        ("rician_noise", json!(1.0)),
        ("speckle_noise", json!(1.0)),
        ("poisson_noise", json!(1.0)),
        ("salt_and_pepper", json!({"fraction": 0.5, "values": [0, 9]})),
    ] {
        let noise: Vec<f64> = flat(SHAPE, 3.0, 9, name, given.clone()).into_iter().map(f64::from).collect();
        let (mean, deviation) = (mean(&noise), deviation(&noise));
        for lag in [1, 2, 3, 4, SHAPE[0], SHAPE[0] * SHAPE[1]] {
            let n = noise.len() - lag;
            let sum: f64 = (0..n).map(|i| (noise[i] - mean) * (noise[i + lag] - mean)).sum();
            let correlation = sum / n as f64 / deviation.powi(2);
            assert!(correlation.abs() < 5.0 / (n as f64).sqrt(), "{name}: {correlation} at {lag}");
        }
        let other = flat(SHAPE, 3.0, 10, name, given);
        let same = noise.iter().zip(&other).filter(|(a, b)| **a == f64::from(**b)).count();
        assert!(
            name.starts_with('p') || name.starts_with("salt") || same < noise.len() / 1000,
            "{name}: {same}"
        );
    }
}

#[test]
fn salt_and_pepper_are_shares() {
    let n = SHAPE.iter().product::<usize>() as f64;
    let out = flat(SHAPE, 5.0, 2, "salt_and_pepper", json!({"fraction": 0.2, "salt": 0.7, "values": [1, 8]}));
    let share = |value: f32| out.iter().filter(|v| **v == value).count() as f64 / n;
    let near = |p: f64, value| (share(value) - p).abs() < 5.0 * (p * (1.0 - p) / n).sqrt();
    assert!(near(0.8, 5.0) && near(0.14, 8.0) && near(0.06, 1.0));
    let out = run(1, "salt_and_pepper", json!({"fraction": 1.0, "salt": 0.0}));
    let wanted = oracle(1, false, |v| vec![super::given::range(v)[0]; v.len()]);
    close(&out, &wanted, 1e-7, "all pepper");
}

#[test]
fn rician_noise_keeps_what_it_is_told_to() {
    for each in [false, true] {
        let given = json!({"std": 0.4, "relative": true, "from_minimum": true, "keep_stats": true, "channel_wise": each});
        let out = run(3, "rician_noise", given);
        let wanted = oracle(3, each, <[f64]>::to_vec);
        let size = if each { out.len() / 3 } else { out.len() };
        for (a, b) in out.chunks(size).zip(wanted.chunks(size)) {
            assert!((mean(a) - mean(b)).abs() < 1e-4 && (deviation(a) / deviation(b) - 1.0).abs() < 1e-5);
        }
    }
    // Without noise nothing happens to distances from the smallest value.
    let out = run(2, "rician_noise", json!({"std": 0.0, "from_minimum": true}));
    close(&out, &oracle(2, false, <[f64]>::to_vec), 1e-6, "no noise");
}
