//! Runs of equal voxels and sums of weights against the slow way, at every level.

use medkernels::element::Element;
use medkernels::level::{available, force};
use medkernels::{runs, weights};

use super::levels::lock;
use super::oracle::Noise;

/// Voxels that stay the same for stretches of up to `longest`.
fn stretches<T: Element>(n: usize, longest: usize, seed: u64) -> Vec<T> {
    let mut noise = Noise::new(seed);
    let mut out = vec![];
    while out.len() < n {
        let (len, value) = (1 + noise.below(longest), T::from_f64_saturating(noise.below(3) as f64));
        out.extend(std::iter::repeat_n(value, len));
    }
    out.truncate(n);
    out
}

fn check<T: Element + std::fmt::Debug>() {
    for n in (0..200).chain([4095, 4096, 4097, 8191, 8193, 30_011]) {
        for longest in [1, 3, 90, 10_000] {
            for offset in 0..2 {
                let all = stretches::<T>(n + offset, longest, n as u64);
                let voxels = &all[offset..];
                let mut found = vec![];
                runs::for_each_run(voxels, |run, value| found.push((run, value)));
                let mut at = 0;
                for (run, value) in &found {
                    assert_eq!(run.start, at, "{n} voxels");
                    assert!(!run.is_empty() && voxels[run.clone()].iter().all(|v| v == value));
                    assert!(run.end == n || voxels[run.end] != *value, "{n} voxels: {run:?} goes on");
                    at = run.end;
                }
                assert_eq!(at, n);
            }
        }
    }
}

#[test]
fn runs_are_as_long_as_they_are() {
    let _lock = lock();
    for level in available() {
        force(Some(level)).unwrap();
        check::<u8>();
        check::<i16>();
        check::<u32>();
        check::<i64>();
    }
    force(None).unwrap();
}

#[test]
fn a_sum_of_weights_is_the_same_at_every_level_and_tells_what_is_no_weight() {
    let _lock = lock();
    let mut noise = Noise::new(5);
    let row: Vec<f32> = (0..5003).map(|_| (noise.unit() * 1e6) as f32).collect();
    for n in (0..70).chain([4099, 5003]) {
        let slow: f64 = row[..n].iter().map(|w| f64::from(*w)).sum();
        let mut bits = vec![];
        for level in available() {
            force(Some(level)).unwrap();
            let total = weights::total(&row[..n]).unwrap();
            assert!((total - slow).abs() <= 1e-12 * slow, "{n}: {total} {slow}");
            bits.push(total.to_bits());
            for bad in [-1.0, -f32::MIN_POSITIVE, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut row = row[..n].to_vec();
                if let Some(last) = row.last_mut() {
                    *last = bad;
                    assert_eq!(weights::total(&row), None, "{bad}");
                }
            }
        }
        assert!(bits.iter().all(|b| *b == bits[0]));
    }
    assert_eq!(weights::total(&[-0.0, 0.0]), Some(0.0));
    force(None).unwrap();
}
