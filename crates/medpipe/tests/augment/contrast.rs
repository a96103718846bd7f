//! Windows, histograms, thresholds and small neighbourhoods, against their formulas in float64.

use std::sync::Arc;

use medcore::{Affine, DType, Grid, Role, Volume};
use medpipe::{LazyItem, LazySample, LazyVolume, Node, Pipeline};
use serde_json::json;

use super::given::{SHAPE, close, deviation, mean, oracle, range, run, volume, voxels};

/// Percentile `q`, linear between order statistics.
fn percentile(v: &[f64], q: f64) -> f64 {
    let mut sorted = v.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = q / 100.0 * (v.len() - 1) as f64;
    let (below, share) = (at.floor() as usize, at.fract());
    sorted[below] + share * (sorted[(below + 1).min(v.len() - 1)] - sorted[below])
}

/// `x` between points, held at the ends.
fn between(x: f64, from: &[f64], to: &[f64]) -> f64 {
    let last = from.len() - 1;
    if x <= from[0] {
        return to[0];
    }
    let n = (1..=last).find(|n| x <= from[*n]).unwrap_or(last);
    if x > from[last] {
        to[last]
    } else {
        to[n - 1] + (x - from[n - 1]) / (from[n] - from[n - 1]) * (to[n] - to[n - 1])
    }
}

#[test]
fn windows_logarithms_and_sigmoids() {
    let wanted = oracle(1, false, |v| {
        v.iter().map(|x| ((x - 12.0) / 40.0 + 0.5).clamp(0.0, 1.0) * 5.0 - 2.0).collect()
    });
    close(
        &run(1, "window", json!({"level": 12, "width": 40, "out_range": [-2, 3]})),
        &wanted,
        5e-7,
        "window",
    );
    let wanted = oracle(1, false, |v| v.iter().map(|x| ((x - 40.0) / 80.0 + 0.5).clamp(0.0, 1.0)).collect());
    close(&run(1, "window", json!("brain")), &wanted, 5e-7, "a window by its name");
    let wanted = oracle(1, false, |v| v.iter().map(|x| libm::log2(x.abs() + 0.5).copysign(*x)).collect());
    close(&run(1, "log", json!({"offset": 0.5, "base": 2, "signed": true})), &wanted, 1e-6, "log");
    let wanted =
        oracle(1, false, |v| v.iter().map(|x| 7.0 - 9.0 / (1.0 + libm::exp((x - 5.0) / 11.0))).collect());
    close(
        &run(1, "sigmoid", json!({"centre": 5, "width": 11, "out_range": [-2, 7]})),
        &wanted,
        1e-6,
        "sigmoid",
    );
}

#[test]
fn normalising_by_given_numbers() {
    let given = json!({"mean": [3, -4], "std": [2, 5]});
    let n = SHAPE.iter().product::<usize>();
    let wanted = oracle(2, false, |v| {
        v.iter().enumerate().map(|(i, x)| if i < n { (x - 3.0) / 2.0 } else { (x + 4.0) / 5.0 }).collect()
    });
    close(&run(2, "z_normalize", given), &wanted, 5e-7, "numbers for each channel");
    for each in [false, true] {
        let wanted = oracle(2, each, |v| v.iter().map(|x| (x - 3.0) / deviation(v)).collect());
        close(
            &run(2, "z_normalize", json!({"mean": 3, "channel_wise": each})),
            &wanted,
            1e-6,
            "a mean alone",
        );
        let wanted = oracle(2, each, |v| {
            let above: Vec<f64> = v.iter().copied().filter(|x| *x > mean(v)).collect();
            let normal = |x: f64| (x - mean(&above)) / deviation(&above);
            v.iter().map(|x| if *x > mean(v) { normal(*x) } else { *x }).collect()
        });
        let given = json!({"mask": "above_mean", "outside": "keep", "channel_wise": each});
        close(&run(2, "z_normalize", given), &wanted, 1e-6, "others kept");
    }
}

#[test]
fn equalising_makes_shares() {
    for each in [false, true] {
        let wanted = oracle(2, each, |v| {
            let [low, high] = range(v);
            let width = (high - low) / 37.0;
            let mut counts = [0.0; 37];
            for x in v {
                counts[(((x - low) / width) as usize).min(36)] += 1.0;
            }
            let sums: Vec<f64> = (0..37).map(|n| counts[..=n].iter().sum::<f64>() / v.len() as f64).collect();
            let centres: Vec<f64> = (0..37).map(|n| low + (f64::from(n) + 0.5) * width).collect();
            let to: Vec<f64> = sums.iter().map(|s| 2.0 + 6.0 * (s - sums[0]) / (1.0 - sums[0])).collect();
            v.iter().map(|x| between(*x, &centres, &to)).collect()
        });
        let given = json!({"bins": 37, "stretch": true, "out_range": [2, 8], "channel_wise": each});
        close(&run(2, "histogram_equalize", given), &wanted, 2e-6, "equalise");
    }
}

#[test]
fn percentiles_come_to_landmarks() {
    let landmarks = [0.0, 9.0, 14.5, 17.0, 21.0, 33.0, 42.0, 55.0, 66.0, 71.0, 78.0, 90.5, 100.0];
    let used: Vec<f64> = [0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 12].map(|n| landmarks[n]).to_vec();
    for each in [false, true] {
        let wanted = oracle(2, each, |v| {
            let at =
                [3.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 96.0].map(|q| percentile(v, q));
            let one = |x: f64| {
                let n = (1..10).rev().find(|n| x >= at[*n]).unwrap_or(0);
                let width = at[n + 1] - at[n];
                let slope = if width < 1e-5 { 0.0 } else { (used[n + 1] - used[n]) / width };
                used[n] + (x - at[n]) * slope
            };
            v.iter().map(|x| one(*x)).collect()
        });
        let given = json!({"landmarks": landmarks, "cutoff": [3, 96], "channel_wise": each});
        close(&run(2, "histogram_standardize", given), &wanted, 1e-6, "standardise");
    }
    assert_eq!(run(1, "histogram_standardize", json!([])), oracle(1, false, <[f64]>::to_vec));
    // By the image's name, which is `image` where nobody gives one.
    let given = |name: &str| json!({"landmarks": {name: landmarks, "other": []}});
    let alone = run(1, "histogram_standardize", json!({"landmarks": landmarks}));
    assert_eq!(run(1, "histogram_standardize", given("image")), alone);
}

#[test]
fn a_matched_image_is_distributed_as_its_reference() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("reference.nii");
    let grid = Grid::new([40, 30, 20], Affine::IDENTITY);
    let reference: Vec<f32> =
        (0..24_000).map(|n| (medcore::Key::new(8).index(n).normal() * 30.0 + 7.0) as f32).collect();
    medio::save(&path, &Volume::from_f32(grid, &reference).unwrap(), &medio::SaveOptions::default()).unwrap();
    let found = run(1, "histogram_match", json!(path));
    let reference: Vec<f64> = reference.iter().map(|v| f64::from(*v)).collect();
    // One voxel of ten is 0: those are between the 23rd and the 33rd percentile.
    for q in [10.0, 15.0, 50.0, 70.0, 90.0] {
        let (a, b) = (percentile(&found, q), percentile(&reference, q));
        assert!((a - b).abs() < 1.0, "percentile {q} is {a}, not {b}");
    }
    // The order of voxels stays.
    let before = oracle(1, false, <[f64]>::to_vec);
    let mut order: Vec<usize> = (0..before.len()).collect();
    order.sort_by(|a, b| before[*a].total_cmp(&before[*b]));
    assert!(order.windows(2).all(|w| found[w[0]] <= found[w[1]] + 1e-4));
}

#[test]
fn thresholds_are_inclusive_and_otsus_divides_best() {
    let wanted = oracle(1, false, |v| v.iter().map(|x| f64::from((-3.0..=40.0).contains(x))).collect());
    assert_eq!(run(1, "threshold", json!({"lower": -3, "upper": 40})), wanted);
    let wanted = oracle(2, true, |v| {
        let [low, high] = range(v);
        let width = (high - low) / 64.0;
        let bin = |x: f64| (((x - low) / width) as usize).min(63);
        let centre = |n: usize| low + (n as f64 + 0.5) * width;
        let between = |n: usize| {
            let (a, b): (Vec<f64>, Vec<f64>) =
                v.iter().map(|x| centre(bin(*x))).partition(|c| *c <= centre(n));
            a.len() as f64 * b.len() as f64 * (mean(&a) - mean(&b)).powi(2)
        };
        let all: Vec<f64> = (0..63).map(between).collect();
        let best = (0..63).fold(0, |best, n| if all[n] > all[best] * (1.0 + 1e-12) { n } else { best });
        v.iter().map(|x| f64::from(*x > centre(best))).collect()
    });
    assert_eq!(run(2, "threshold", json!({"method": "otsu", "bins": 64, "channel_wise": true})), wanted);
    let wanted = oracle(1, false, |v| {
        let ends = [percentile(v, 20.0), percentile(v, 70.0)];
        v.iter().map(|x| if (ends[0]..=ends[1]).contains(x) { *x } else { -9.0 }).collect()
    });
    let given = json!({"method": "percentiles", "percentiles": [20, 70], "result": "keep", "value": -9});
    close(&run(1, "threshold", given), &wanted, 1e-7, "between percentiles");
}

/// A voxel's neighbours at offsets, by a rule for indices outside.
fn at(v: &[f64], n: usize, by: [i64; 3], outside: impl Fn(i64, i64) -> i64) -> f64 {
    let place = [n % SHAPE[0], n / SHAPE[0] % SHAPE[1], n / SHAPE[0] / SHAPE[1]];
    let i: Vec<usize> = (0..3).map(|a| outside(place[a] as i64 + by[a], SHAPE[a] as i64) as usize).collect();
    v[i[0] + SHAPE[0] * (i[1] + SHAPE[1] * i[2])]
}

#[test]
fn neighbourhoods() {
    let edge = |i: i64, n: i64| i.clamp(0, n - 1);
    let wanted = oracle(1, false, |v| {
        let axes = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
        let second =
            |n: usize, by: [i64; 3]| at(v, n, by, edge) + at(v, n, by.map(|d| -d), edge) - 2.0 * v[n];
        (0..v.len()).map(|n| axes.iter().map(|by| second(n, *by)).sum()).collect()
    });
    close(&run(1, "laplacian", json!(null)), &wanted, 1e-6, "laplacian");
    for radius in [[1i64, 1, 1], [2, 0, 1]] {
        let wanted = oracle(1, false, |v| {
            let of = |n: usize| {
                let mut all = vec![];
                for z in -radius[2]..=radius[2] {
                    for y in -radius[1]..=radius[1] {
                        all.extend((-radius[0]..=radius[0]).map(|x| at(v, n, [x, y, z], edge)));
                    }
                }
                all.sort_by(f64::total_cmp);
                all[all.len() / 2]
            };
            (0..v.len()).map(of).collect()
        });
        assert_eq!(run(1, "median_smooth", json!({ "radius": radius })), wanted);
    }
    let mirrored = |i: i64, n: i64| {
        let i = i.rem_euclid(2 * n);
        if i < n { i } else { 2 * n - 1 - i }
    };
    let wanted = oracle(1, false, |v| {
        let smooth = |v: &[f64]| -> Vec<f64> {
            let of = |n: usize| {
                let x = |y: i64, z: i64| (-2..=2).map(|x| at(v, n, [x, y, z], mirrored)).sum::<f64>();
                (-1..=1).map(|z| (-1..=1).map(|y| x(y, z)).sum::<f64>()).sum::<f64>() / 45.0
            };
            (0..v.len()).map(of).collect()
        };
        let left: Vec<f64> = v.iter().zip(smooth(v)).map(|(x, m)| x - m).collect();
        let squares = smooth(&left.iter().map(|d| d * d).collect::<Vec<_>>());
        let floor = 0.9 * deviation(v);
        left.iter().zip(squares).map(|(d, s)| d / s.sqrt().max(floor)).collect()
    });
    let given = json!({"sigma": [2, 1, 1], "weights": "box", "floor": 0.9});
    close(&run(1, "local_normalize", given), &wanted, 2e-6, "local");
}

/// Runs a transform on integers that lie x fastest, and those that lie z fastest.
fn stored(dtype: DType, name: &str, given: serde_json::Value) -> [Vec<u8>; 2] {
    let [nx, ny, nz] = SHAPE;
    let bytes = dtype.bytes();
    let voxels: Vec<u8> = (0..nx * ny * nz * bytes).map(|n| (n * 37 % 251) as u8).collect();
    let grid = Grid::new(SHAPE, Affine::IDENTITY);
    let meta = Arc::default();
    let packed = Volume::packed(Arc::new(voxels.clone()), dtype, grid, vec![], meta).unwrap();
    let mut other = vec![0; voxels.len()];
    for (n, voxel) in voxels.chunks(bytes).enumerate() {
        let (x, y, z) = (n % nx, n / nx % ny, n / nx / ny);
        other[(z + nz * (y + ny * x)) * bytes..][..bytes].copy_from_slice(voxel);
    }
    let strides = [(ny * nz) as isize, nz as isize, 1];
    let strided = Volume::strided(Arc::new(other), dtype, grid, 0, strides, vec![], vec![]).unwrap();
    [packed, strided].map(|v| {
        let out = LazyVolume::from_volume(v).then(Node::new(name, given.clone()).unwrap(), Some(1)).unwrap();
        let made = out.compute().unwrap();
        assert_eq!(made.stored_dtype(), dtype, "{name}");
        let mut all = vec![0; voxels.len()];
        made.copy_channel(0, &mut all).unwrap();
        // The same numbers in the layout of arrays.
        let mut row = vec![0; voxels.len()];
        out.compute_into(dtype, &mut row).unwrap();
        for (n, voxel) in all.chunks(bytes).enumerate() {
            let (x, y, z) = (n % nx, n / nx % ny, n / nx / ny);
            assert_eq!(row[(z + nz * (y + ny * x)) * bytes..][..bytes], *voxel, "{name}");
        }
        all
    })
}

#[test]
fn small_integers_stay_what_they_are_in_any_order_of_memory() {
    for dtype in [DType::U8, DType::U16] {
        for given in
            [json!({"slices": "x"}), json!({"slices": "y", "tiles": [2, 1, 3]}), json!({"slices": "z"})]
        {
            let [a, b] = stored(dtype, "clahe", given);
            assert_eq!(a, b);
        }
        let [a, b] = stored(dtype, "clahe", json!({"tiles": [2, 3, 2]}));
        assert_eq!(a, b);
    }
    for dtype in [DType::U8, DType::I8, DType::U16, DType::I16] {
        let [a, b] = stored(dtype, "median_smooth", json!([1, 0, 2]));
        assert_eq!(a, b);
        let [a, b] =
            stored(dtype, "threshold", json!({"lower": 20, "upper": 90.5, "result": "keep", "value": 3}));
        assert_eq!(a, b);
    }
}

#[test]
fn a_label_item_is_made_of_the_voxels_under_another() {
    let image = volume(1);
    let n = SHAPE.iter().product::<usize>();
    let inside: Vec<u8> = (0..n).map(|i| u8::from(i % 3 == 0)).collect();
    let grid = *image.compute().unwrap().grid();
    let label = Volume::packed(Arc::new(inside.clone()), DType::U8, grid, vec![], Arc::default());
    let label = LazyVolume::from_volume_as(label.unwrap(), Role::Label).unwrap();
    let sample = LazySample::default()
        .with("image", LazyItem::Volume(image.clone()))
        .with("label", LazyItem::Volume(label));
    let given = json!({"method": "mean", "mask": {"label": "label"}, "into": "bright"});
    let pipeline = Pipeline::new(vec![Node::new("threshold", given).unwrap()]);
    let made = pipeline.apply(&sample, "x", 0).unwrap().remove(0);
    let all = voxels(1);
    let masked: Vec<f64> =
        all.iter().zip(&inside).filter(|(_, m)| **m == 1).map(|(v, _)| f64::from(*v)).collect();
    let mean = masked.iter().sum::<f64>() / masked.len() as f64;
    let want: Vec<u8> = all.iter().map(|v| u8::from(f64::from(*v) > mean)).collect();
    let bright = made.volume("bright").unwrap();
    assert_eq!((bright.role(), bright.compute().unwrap().storage().bytes()), (Role::Label, &want[..]));
}

#[test]
fn bytes_are_counted_as_the_same_values_in_float32_are() {
    let [nx, ny, nz] = [37, 11, 9];
    let values: Vec<u8> = (0..2 * nx * ny * nz)
        .map(|n| if n % 100 < 40 { 0 } else { (n * 7919 / 13 % 241) as u8 / 3 * 3 })
        .collect();
    let grid = Grid::new([nx, ny, nz], Affine::IDENTITY);
    let plane = (nx * ny) as isize;
    for (strides, step) in
        [([1, nx as isize, plane], plane * nz as isize), ([2, 2 * nx as isize, 2 * plane], 1)]
    {
        let of = |dtype: DType, bytes: Vec<u8>| {
            let store = Arc::new(bytes);
            let v = Volume::strided(store, dtype, grid, 0, strides, vec![2], vec![step]).unwrap();
            LazyVolume::from_volume(v)
        };
        let floats: Vec<f32> = values.iter().map(|v| f32::from(*v)).collect();
        let both = [of(DType::U8, values.clone()), of(DType::F32, bytemuck::cast_slice(&floats).to_vec())];
        for (name, given) in [
            ("histogram_equalize", json!({"bins": 7})),
            ("histogram_equalize", json!({"bins": 255, "mask": "nonzero", "channel_wise": true})),
            ("histogram_equalize", json!({"bins": 30, "mask": {"above": 33.5}})),
            ("threshold", json!({"method": "otsu", "bins": 256})),
            ("rescale", json!({"mask": "nonzero", "channel_wise": true})),
            ("rescale", json!({})),
        ] {
            let [a, b] = both.each_ref().map(|v| {
                let made = v.clone().then(Node::new(name, given.clone()).unwrap(), Some(1)).unwrap();
                let made = made.compute().unwrap();
                [0, 1].map(|c| made.channel(c).to_f32().unwrap())
            });
            assert_eq!(a, b, "{name} {given}");
        }
    }
}
