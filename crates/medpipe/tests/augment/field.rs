use medcore::{Affine, Grid, Volume};
use medpipe::{LazyVolume, Node};
use serde_json::json;

use super::given::{SHAPE, close, flat, oracle, range, run};

#[test]
fn bias_fields_are_exponentials_of_polynomials() {
    let legendre: [fn(f64) -> f64; 4] =
        [|_| 1.0, |x| x, |x| 1.5 * x * x - 0.5, |x| 2.5 * x * x * x - 1.5 * x];
    let powers: [fn(f64) -> f64; 4] = [|_| 1.0, |x| x, |x| x * x, |x| x * x * x];
    for (name, basis) in [("legendre", legendre), ("powers", powers)] {
        for degree in 0..4 {
            let wanted = oracle(2, true, |v| {
                let of = |(n, voxel): (usize, &f64)| {
                    let index = [n % SHAPE[0], n / SHAPE[0] % SHAPE[1], n / SHAPE[0] / SHAPE[1]];
                    let at = [0, 1, 2].map(|a| 2.0 * index[a] as f64 / (SHAPE[a] - 1) as f64 - 1.0);
                    let mut sum = 0.0;
                    for i in 0..=degree {
                        for j in 0..=degree - i {
                            for k in 0..=degree - i - j {
                                sum += 0.2 * basis[i](at[0]) * basis[j](at[1]) * basis[k](at[2]);
                            }
                        }
                    }
                    voxel * libm::exp(sum)
                };
                v.iter().enumerate().map(of).collect()
            });
            let given = json!({"coefficients": [0.2, 0.2], "degree": degree, "basis": name});
            close(&run(2, "bias_field", given), &wanted, 1e-6, name);
        }
    }
}

#[test]
fn bent_scales_rise_and_keep_their_ends() {
    let n = 1001;
    let ramp: Vec<f32> = (0..n).map(|i| i as f32 * 0.25 - 30.0).collect();
    let v = Volume::from_f32(Grid::new([n, 1, 1], Affine::IDENTITY), &ramp).unwrap();
    let mut first = vec![];
    for seed in 0..400 {
        let node = Node::new("histogram_shift", json!(6)).unwrap();
        let v = LazyVolume::from_volume(v.clone()).then(node, Some(seed)).unwrap();
        let out = v.compute().unwrap().to_f32().unwrap();
        assert!(out.windows(2).all(|w| w[0] <= w[1]), "it falls");
        assert_eq!([out[0], out[n - 1]], [ramp[0], ramp[n - 1]]);
        // Five lines: the slope changes at the four inner points and nowhere else.
        let bends = (1..n - 1).filter(|&i| (out[i + 1] - 2.0 * out[i] + out[i - 1]).abs() > 1e-3);
        assert!(bends.clone().all(|i| i % 200 == 0), "{:?}", bends.collect::<Vec<_>>());
        first.push(f64::from(out[200] - ramp[0]) / f64::from(ramp[n - 1] - ramp[0]));
    }
    // The first point is uniform between the lowest and the second: Kolmogorov's 0.1 % point.
    first.sort_by(f64::total_cmp);
    let far = first.iter().enumerate().map(|(i, x)| (x / 0.4 - (i as f64 + 0.5) / 400.0).abs());
    assert!(far.fold(0.0, f64::max) < 1.95 / 20.0);
}

/// A field of control points of value `inner` within one ring of ones, at a voxel.
fn ringed(voxel: usize, points: [usize; 3], inner: f64) -> f64 {
    let index = [voxel % SHAPE[0], voxel / SHAPE[0] % SHAPE[1], voxel / SHAPE[0] / SHAPE[1]];
    // How much of the place lies among the inner points, along each axis: their hat functions add up to it.
    let share = [0, 1, 2].map(|a| {
        let at = index[a] as f64 * (points[a] + 1) as f64 / (SHAPE[a] - 1) as f64;
        (1..=points[a]).map(|p| (1.0 - (at - p as f64).abs()).max(0.0)).sum::<f64>()
    });
    1.0 + (inner - 1.0) * share[0] * share[1] * share[2]
}

#[test]
fn fields_change_linearly_between_points() {
    let points = [3, 1, 2];
    let given = |effect: &str| json!({"effect": effect, "values": [0.4, 0.4], "points": points, "pad": 1, "channel_wise": true});
    let wanted = oracle(2, true, |v| v.iter().enumerate().map(|(n, x)| x * ringed(n, points, 0.4)).collect());
    close(&run(2, "smooth_field", given("multiply")), &wanted, 1e-6, "multiply");
    let wanted = oracle(2, true, |v| {
        let [low, high] = range(v);
        let power = |(n, x): (usize, &f64)| {
            low + (high - low) * libm::pow((x - low) / (high - low), ringed(n, points, 0.4))
        };
        v.iter().enumerate().map(power).collect()
    });
    close(&run(2, "smooth_field", given("power")), &wanted, 1e-6, "power");
    // Points at each voxel: each is a draw of its own, uniform.
    let each = flat([9, 11, 13], 1.0, 3, "smooth_field", json!({"values": [2, 5], "points": [9, 11, 13]}));
    assert!(super::given::is_drawn_from(&each, |x| (x - 2.0) / 3.0));
}

/// The box of the voxels that were changed.
fn hole(voxels: &[f32], shape: [usize; 3]) -> ([usize; 3], [usize; 3], usize) {
    let (mut start, mut end, mut count) = (shape, [0; 3], 0);
    for (n, _) in voxels.iter().enumerate().filter(|(_, v)| **v != 7.0) {
        let at = [n % shape[0], n / shape[0] % shape[1], n / shape[0] / shape[1]];
        for i in 0..3 {
            (start[i], end[i]) = (start[i].min(at[i]), end[i].max(at[i] + 1));
        }
        count += 1;
    }
    (start, end, count)
}

#[test]
fn holes_lie_anywhere_and_are_filled() {
    let shape = [9, 8, 5];
    let mut starts = [[0u32; 9]; 3];
    let mut sizes = [0u32; 4];
    for seed in 0..3000 {
        let given = json!({"holes": 1, "shape": [2, 3, 1], "max_shape": [4, 3, 9], "fill": [-2, 3]});
        let out = flat(shape, 7.0, seed, "coarse_dropout", given.clone());
        let (start, end, count) = hole(&out, shape);
        let size = [0, 1, 2].map(|i| end[i] - start[i]);
        assert_eq!(count, size.iter().product::<usize>(), "no box");
        assert!((2..=4).contains(&size[0]) && size[1] == 3 && size[2] <= 5);
        sizes[size[0] - 1] += 1;
        starts[1][start[1]] += 1;
        assert!(out.iter().all(|v| *v == 7.0 || (-2.0..3.0).contains(v)));
        let mut given = given;
        given["outside"] = json!(true);
        let out = flat(shape, 7.0, seed, "coarse_dropout", given);
        assert_eq!(out.iter().filter(|v| **v == 7.0).count(), count, "the other voxels");
    }
    // Six places along y and three sizes along x, each as likely: 5 deviations of a binomial.
    assert!(starts[1][..6].iter().all(|n| n.abs_diff(500) < 103), "{:?}", starts[1]);
    assert!(sizes[1..].iter().all(|n| n.abs_diff(1000) < 130), "{sizes:?}");
    let given = json!({"holes": 3, "shape": 3, "fill": [-2, 3], "each": "hole"});
    let mut seen: Vec<f32> = flat(shape, 7.0, 5, "coarse_dropout", given);
    seen.sort_by(f32::total_cmp);
    seen.dedup();
    assert!((2..=4).contains(&seen.len()), "{seen:?}");
}
