//! Draws have the distributions that they are said to have, and have nothing to do with each other.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use medcore::{Dist, EachAxis, Key, PerAxis};
use serde_json::{Value, json};

const N: usize = 100_000;

fn dist(value: Value) -> Dist {
    serde_json::from_value(value).unwrap()
}

/// Many draws, each under a name of its own.
fn draws(d: &Dist, seed: u64) -> Vec<f64> {
    let key = Key::new(seed).epoch(3).sample("case").text("transform").text("gamma#0").text("gamma");
    (0..N as u64).map(|i| d.draw(key.index(i))).collect()
}

/// The largest difference between the distribution of the values and a cumulative one (Kolmogorov and Smirnov), times the root of their number.
fn distance(mut values: Vec<f64>, below: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let at = |(i, &v): (usize, &f64)| {
        let p = below(v);
        (p - i as f64 / n).abs().max((p - (i + 1) as f64 / n).abs())
    };
    values.iter().enumerate().map(at).fold(0.0, f64::max) * n.sqrt()
}

/// The share of a standard normal distribution below `x`.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// Beyond this lies one of a thousand samples of the right distribution; seeds are fixed.
const CRITICAL: f64 = 1.95;

#[test]
fn distributions_are_what_they_are_called() {
    let cut = |m: f64, s: f64, a: f64, b: f64| {
        let share = move |x: f64| normal((x - m) / s);
        move |x: f64| (share(x) - share(a)) / (share(b) - share(a))
    };
    let two_sided = |a: f64, b: f64| {
        move |x: f64| if x < 1.0 { 0.5 * (x - a) / (1.0 - a) } else { 0.5 + 0.5 * (x - 1.0) / (b - 1.0) }
    };
    type Below = Box<dyn Fn(f64) -> f64>;
    let cases: Vec<(Value, Below)> = vec![
        (json!([-2, 6]), Box::new(|x| (x + 2.0) / 8.0)),
        (json!({"log_uniform": [0.5, 4]}), Box::new(|x| libm::log(x / 0.5) / libm::log(8.0))),
        (json!({"normal": [3, 2]}), Box::new(|x| normal((x - 3.0) / 2.0))),
        (json!({"truncated_normal": [0, 1, -2, 2]}), Box::new(cut(0.0, 1.0, -2.0, 2.0))),
        (json!({"truncated_normal": [10, 3, 4, 11]}), Box::new(cut(10.0, 3.0, 4.0, 11.0))),
        (json!({"truncated_normal": [0, 1, 2, 9]}), Box::new(cut(0.0, 1.0, 2.0, 9.0))),
        (json!({"two_sided": [0.75, 1.25]}), Box::new(two_sided(0.75, 1.25))),
        (json!({"two_sided": [0.7, 1.5]}), Box::new(two_sided(0.7, 1.5))),
        (json!({"two_sided": [1, 1.5]}), Box::new(|x| (x - 1.0) / 0.5)),
        (json!({"beta": [1, 1]}), Box::new(|x| x)),
        (json!({"beta": [2, 2]}), Box::new(|x| x * x * (3.0 - 2.0 * x))),
        (json!({"beta": [0.5, 0.5]}), Box::new(|x: f64| libm::asin(x.sqrt()) * std::f64::consts::FRAC_2_PI)),
        (json!({"beta": [0.2, 1]}), Box::new(|x| libm::pow(x, 0.2))),
        (json!({"beta": [1, 7]}), Box::new(|x| 1.0 - libm::pow(1.0 - x, 7.0))),
        (json!({"beta": [30, 1]}), Box::new(|x| libm::pow(x, 30.0))),
    ];
    for (value, below) in cases {
        let d = dist(value.clone());
        for seed in [0, 1, 12_345] {
            let values = draws(&d, seed);
            let [low, high] = d.bounds();
            assert!(values.iter().all(|v| (low..=high).contains(v)), "{value}");
            let found = distance(values, &below);
            assert!(found < CRITICAL, "{value} under seed {seed}: {found}");
        }
    }
    // Half below 1 and half above, however unequal the halves are.
    let below = draws(&dist(json!({"two_sided": [0.7, 1.5]})), 5).iter().filter(|v| **v < 1.0).count();
    assert!(below.abs_diff(N / 2) < 500, "{below}");
    let choice = draws(&dist(json!({"choice": [1, 2, 4]})), 7);
    for v in [1.0, 2.0, 4.0] {
        let count = choice.iter().filter(|x| **x == v).count();
        assert!(count.abs_diff(N / 3) < 500, "{v}: {count}");
    }
}

#[test]
fn far_tails_are_drawn() {
    let d = dist(json!({"truncated_normal": [0, 1, 8, 9]}));
    let values = draws(&d, 2);
    let mean = values.iter().sum::<f64>() / N as f64;
    // The mean of a normal beyond 8 is 8.1213; less than 1e-4 of it lies above 9.
    assert!((mean - 8.1213).abs() < 2e-3, "{mean}");
    let mirrored = dist(json!({"truncated_normal": [0, 1, -9, -8]}));
    let mean = draws(&mirrored, 2).iter().sum::<f64>() / N as f64;
    assert!((mean + 8.1213).abs() < 2e-3, "{mean}");
}

/// The correlation of two rows of uniform draws.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    a[..n].iter().zip(&b[..n]).map(|(x, y)| (x - 0.5) * (y - 0.5)).sum::<f64>() * 12.0 / n as f64
}

#[test]
fn names_that_differ_have_nothing_to_do_with_each_other() {
    const DRAWS: u64 = 4000;
    let root = Key::new(9);
    let names = |i: u64| format!("case-{i:03}");
    type Row = Box<dyn Fn(u64, u64) -> f64>;
    let rows: [(&str, Row); 6] = [
        ("seeds", Box::new(|i, n| Key::new(i).epoch(0).sample("a").index(n).uniform())),
        ("epochs", Box::new(move |i, n| root.epoch(i).sample("a").index(n).uniform())),
        ("samples", Box::new(move |i, n| root.epoch(0).sample(&names(i)).index(n).uniform())),
        ("parameters", Box::new(move |i, n| root.epoch(n).sample("a").text(&format!("p{i}")).uniform())),
        ("patches", Box::new(move |i, n| root.epoch(n).text("patch").index(i).text("std").uniform())),
        ("channels", Box::new(move |i, n| root.epoch(n).text("channel").index(i).text("std").uniform())),
    ];
    for (what, draw) in rows {
        let all: Vec<Vec<f64>> = (0..50).map(|i| (0..DRAWS).map(|n| draw(i, n)).collect()).collect();
        for i in 0..50 {
            for j in 0..i {
                let r = correlation(&all[i], &all[j]);
                // Of 1225 pairs none is five deviations off.
                assert!(r.abs() < 5.0 / (DRAWS as f64).sqrt(), "{what} {i} and {j}: {r}");
            }
            // A seed is no place in the stream of the seed before it.
            for shift in 1..20 {
                let next = &all[(i + 1) % 50];
                for r in [correlation(&all[i][shift..], next), correlation(&all[i], &next[shift..])] {
                    assert!(r.abs() < 5.5 / (DRAWS as f64).sqrt(), "{what} {i}, shifted by {shift}: {r}");
                }
            }
        }
    }
}

/// What the draws of this version are. Other implementations can be held against this file; how keys are made is told in `docs/random.md`.
#[test]
fn draws_are_those_of_the_file_of_answers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/random/answers.json");
    let made = format!("{:#}\n", answers());
    if std::env::var_os("MEDOXIDE_WRITE").is_some_and(|v| v == "1") {
        std::fs::write(path, &made).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        made,
        "draws changed: this breaks every recorded seed"
    );
}

fn answers() -> Value {
    let mut keys = vec![];
    for (seed, epoch, sample, transform, parameter) in [
        (0u64, 0u64, "", "gaussian_noise#0", "std"),
        (7, 0, "case-12", "gaussian_noise#0", "std"),
        (7, 1, "case-12", "gaussian_noise#0", "std"),
        (7, 0, "/data/ä.nii.gz", "my noise", "mean"),
        (u64::MAX, u64::MAX, "x", "affine#3", "rotate"),
    ] {
        let key = Key::new(seed).epoch(epoch).sample(sample).text("transform").text(transform);
        let key = key.text("item").text("image").text(parameter);
        let mut row = [0f32; 7];
        medkernels::philox::normal_row(&mut row, key.stream(), 2);
        let mut uniform = [0f32; 7];
        medkernels::philox::uniform_row(&mut uniform, key.stream(), 2);
        let each = EachAxis(PerAxis::All(dist(json!([0, 1]))));
        keys.push(json!({
            "seed": seed, "epoch": epoch, "sample": sample, "transform": transform, "item": "image", "parameter": parameter,
            "key": key.to_string(),
            "bits": key.bits(),
            "uniform": key.uniform(),
            "below_1000": key.below(1000),
            "normal": key.normal(),
            "index_5": key.index(5).bits(),
            "patch_3": key.text("patch").index(3).bits(),
            "normal_row_2_to_9": row,
            "uniform_row_2_to_9": uniform,
            "each_axis": each.draw(key),
        }));
    }
    let key = Key::new(1);
    let dists = [
        json!(0.5),
        json!([-2, 6]),
        json!({"log_uniform": [0.5, 4]}),
        json!({"normal": [3, 2]}),
        json!({"truncated_normal": [0, 1, -2, 2]}),
        json!({"truncated_normal": [0, 1, 2, 9]}),
        json!({"two_sided": [0.7, 1.5]}),
        json!({"beta": [0.4, 0.4]}),
        json!({"beta": [2, 5]}),
        json!({"choice": [1, 2, 4]}),
    ];
    let of = |d: &Value| {
        let drawn: Vec<f64> = (0..4).map(|i| dist(d.clone()).draw(key.index(i))).collect();
        json!({ "dist": d, "under_seed_1_index_0_to_3": drawn })
    };
    json!({ "keys": keys, "dists": dists.iter().map(of).collect::<Vec<_>>() })
}
