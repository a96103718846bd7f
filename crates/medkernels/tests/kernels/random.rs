//! Philox against its published answers, and rows against the blocks they are made of.

use medkernels::philox::{Stream, add_normal_row, block, normal_row, uniform_row};
use medkernels::poisson::poisson_row;

use super::oracle::values;

const STREAM: Stream = Stream { key: [0xdead_beef, 42], hi: [7, 0xffff_fffe] };

#[test]
fn blocks_are_the_published_answers() {
    // Random123, tests/kat_vectors, philox4x32 with 10 rounds.
    let answers = [
        ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ];
    for (counter, key, words) in answers {
        assert_eq!(block(counter, key), words);
    }
}

/// The word of voxel `i`.
fn word(i: u64, lane: u64) -> u32 {
    let counter = i / 4;
    block([counter as u32, (counter >> 32) as u32, STREAM.hi[0], STREAM.hi[1]], STREAM.key)[lane as usize]
}

#[test]
fn uniform_rows_are_the_blocks_words() {
    for start in [0, 1, 2, 3, 63, (1 << 34) - 40, u64::MAX / 8] {
        let mut row = [0.0; 301];
        uniform_row(&mut row, STREAM, start);
        for (i, v) in row.iter().enumerate() {
            let i = start + i as u64;
            assert_eq!(f64::from(*v), f64::from(word(i, i % 4) >> 8) / 16_777_216.0);
        }
    }
}

#[test]
fn normal_rows_are_box_and_mullers() {
    let start = (1 << 34) - 100;
    let mut row = vec![0.0; 100_000];
    normal_row(&mut row, STREAM, start);
    for (i, v) in row.iter().enumerate() {
        let i = start + i as u64;
        let pair = i % 4 / 2 * 2;
        let u = (f64::from(word(i, pair) >> 1) + 0.5) / 2_147_483_648.0;
        let radius = (-2.0 * libm::log(u)).sqrt();
        let angle = f64::from(word(i, pair + 1)) / 4_294_967_296.0 * std::f64::consts::TAU;
        let want = radius * if i.is_multiple_of(2) { libm::cos(angle) } else { libm::sin(angle) };
        // u is rounded to f32: near 1 that moves the radius by 1e-4 at most, elsewhere by a few 1e-7.
        let tolerance = 4e-7 * (1.0 + radius) + 6e-8 / radius.max(2e-4);
        assert!((f64::from(*v) - want).abs() < tolerance, "{i}: {v} not {want}");
    }
}

#[test]
fn values_do_not_depend_on_how_rows_are_cut() {
    for row_kind in [uniform_row, normal_row] {
        let mut whole = vec![0.0; 1000];
        row_kind(&mut whole, STREAM, 17);
        for cut in (0..140).chain([999, 1000]) {
            let mut parts = vec![0.0; 1000];
            let (head, tail) = parts.split_at_mut(cut);
            row_kind(head, STREAM, 17);
            row_kind(tail, STREAM, 17 + cut as u64);
            assert_eq!(parts, whole, "{cut}");
        }
    }
}

#[test]
fn added_noise_is_that_of_the_rows() {
    for (start, len) in [(0, 1000), (1, 3), (17, 1), (63, 130), ((1 << 34) - 40, 301)] {
        let mut noise = vec![0.0; len];
        normal_row(&mut noise, STREAM, start);
        let row: Vec<f32> = (0..len).map(|i| i as f32 * 0.37 - 20.0).collect();
        let mut sum = row.clone();
        add_normal_row(&mut sum, STREAM, start, 2.5, -1.25);
        for i in 0..len {
            assert_eq!(sum[i], row[i] + (noise[i] * 2.5 + -1.25), "{start} {i}");
        }
    }
}

#[test]
fn streams_differ() {
    let mut rows = vec![vec![0.0; 64]; 4];
    let changed = [
        STREAM,
        Stream { key: [0xdead_beee, 42], ..STREAM },
        Stream { hi: [8, 0xffff_fffe], ..STREAM },
        Stream { hi: [7, 0xffff_ffff], ..STREAM },
    ];
    for (row, stream) in rows.iter_mut().zip(changed) {
        uniform_row(row, stream, 0);
    }
    for i in 0..4 {
        for j in 0..i {
            assert!(rows[i].iter().zip(&rows[j]).all(|(a, b)| a != b));
        }
    }
}

/// The standard normal distribution function.
fn phi(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

#[test]
fn normal_numbers_are_normal() {
    let n = 1 << 20;
    let mut row = vec![0.0f32; n];
    normal_row(&mut row, Stream { key: [1, 2], hi: [0, 0] }, 0);
    let mut sorted: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
    let count = n as f64;
    let mean = sorted.iter().sum::<f64>() / count;
    let moment = |k: i32| sorted.iter().map(|v| (v - mean).powi(k)).sum::<f64>() / count;
    let std = moment(2).sqrt();
    assert!(mean.abs() < 5.0 / count.sqrt(), "mean {mean}");
    assert!((std - 1.0).abs() < 5.0 / (2.0 * count).sqrt(), "std {std}");
    assert!((moment(3) / std.powi(3)).abs() < 5.0 * (6.0 / count).sqrt());
    assert!((moment(4) / std.powi(4) - 3.0).abs() < 5.0 * (24.0 / count).sqrt());
    let lag: f64 = row.windows(2).map(|w| f64::from(w[0]) * f64::from(w[1])).sum::<f64>() / count;
    assert!(lag.abs() < 5.0 / count.sqrt(), "neighbours correlate by {lag}");
    sorted.sort_by(f64::total_cmp);
    let distance = sorted
        .iter()
        .enumerate()
        .map(|(i, v)| {
            let p = phi(*v);
            (p - i as f64 / count).abs().max((p - (i + 1) as f64 / count).abs())
        })
        .fold(0.0, f64::max);
    // The 0.1 % point of Kolmogorov's distribution.
    assert!(distance < 1.95 / count.sqrt(), "KS distance {distance}");
    assert!(sorted[0] < -4.5 && sorted[n - 1] > 4.5);
}

#[test]
fn counts_are_poissons() {
    for (seed, expected) in [0.02f64, 0.7, 3.0, 9.9, 10.0, 25.5, 400.0].into_iter().enumerate() {
        let n = 200_000;
        let mut row = vec![(expected / 2.5) as f32; n];
        let expected = f64::from(row[0]) * 2.5;
        poisson_row(&mut row, Stream { key: [seed as u32, 9], hi: [0, 0] }, 7, 2.5);
        let mut seen = std::collections::BTreeMap::new();
        for v in &row {
            let count = f64::from(*v) * 2.5;
            assert!((count - count.round()).abs() < 1e-3);
            *seen.entry(count.round() as u64).or_insert(0u32) += 1;
        }
        // Chi squared over the counts that are expected ten times at least, and the rest as one.
        let p = |k: u64| {
            let k = k as f64;
            libm::exp(k * libm::log(expected) - expected - libm::lgamma(k + 1.0))
        };
        let common: Vec<u64> = (0..2000).filter(|&k| p(k) * n as f64 >= 10.0).collect();
        let of = |k: &u64| f64::from(seen.get(k).copied().unwrap_or(0));
        let rest = (n as f64 * (1.0 - common.iter().map(|&k| p(k)).sum::<f64>())).max(1.0);
        let others = n as f64 - common.iter().map(of).sum::<f64>();
        let chi: f64 = common.iter().map(|k| (of(k) - p(*k) * n as f64).powi(2) / (p(*k) * n as f64)).sum();
        let chi = chi + (others - rest).powi(2) / rest;
        let freedom = common.len() as f64;
        assert!(chi < freedom + 4.5 * (2.0 * freedom).sqrt() + 5.0, "{expected}: {chi} of {freedom}");
    }
    let mut whole = values(3, 900, -5.0, 60.0);
    let mut parts = whole.clone();
    poisson_row(&mut whole, STREAM, 11, 1.0);
    let (head, tail) = parts.split_at_mut(123);
    poisson_row(head, STREAM, 11, 1.0);
    poisson_row(tail, STREAM, 11 + 123, 1.0);
    assert_eq!(whole, parts);
}

#[test]
fn uniform_numbers_are_uniform() {
    let n = 1 << 20;
    let mut row = vec![0.0f32; n];
    uniform_row(&mut row, Stream { key: [3, 4], hi: [0, 0] }, 0);
    assert!(row.iter().all(|v| (0.0..1.0).contains(v)));
    let mut bins = [0u32; 256];
    for v in &row {
        bins[(v * 256.0) as usize] += 1;
    }
    let expected = n as f64 / 256.0;
    let chi: f64 = bins.iter().map(|&b| (f64::from(b) - expected).powi(2) / expected).sum();
    // 255 degrees of freedom: mean 255, deviation 22.6.
    assert!((150.0..370.0).contains(&chi), "chi squared {chi}");
}
