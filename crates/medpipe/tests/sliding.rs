//! Sliding windows against a naive oracle in f64: every prediction kept, every voxel's weighted mean taken, eight neighbours interpolated.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::sync::Arc;

use medcore::{Affine, DType, Grid, Volume};
use medpipe::{Error, Importance, Reduce, Stitcher, WindowRule, Windows};

const RULES: [WindowRule; 3] = [WindowRule::Monai, WindowRule::Nnunet, WindowRule::Torchio];

/// A prediction: of window `number`, class `c`, voxel (x, y, z).
fn predicted(number: usize, c: usize, p: [usize; 3]) -> f32 {
    let mixed = (number * 7919 + c * 104_729 + p[0] * 31 + p[1] * 1009 + p[2] * 65_537) as u32;
    (mixed.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32
}

fn prediction(number: usize, classes: usize, window: [usize; 3]) -> Volume {
    let mut voxels = vec![];
    for c in 0..classes {
        for z in 0..window[2] {
            for y in 0..window[1] {
                voxels.extend((0..window[0]).map(|x| predicted(number, c, [x, y, z])));
            }
        }
    }
    let grid = Grid::new(window, Affine::IDENTITY);
    let bytes = bytemuck::cast_slice(&voxels).to_vec();
    Volume::packed(Arc::new(bytes), DType::F32, grid, vec![classes], Arc::default()).unwrap()
}

/// All predictions stitched.
fn stitched(
    windows: &Windows,
    importance: Importance,
    reduce: Reduce,
    classes: usize,
    onto: &Grid,
) -> Volume {
    let mut stitcher = Stitcher::new(windows.clone(), importance, reduce, onto).unwrap();
    for n in 0..windows.len() {
        assert_eq!(stitcher.next(), n);
        stitcher.add(&prediction(n, classes, windows.window())).unwrap();
    }
    stitcher.finish().unwrap()
}

/// Weighted means of the padded volume, in f64; the weight of a voxel of a window is `weight`.
fn means(windows: &Windows, classes: usize, weight: impl Fn([usize; 3]) -> f64) -> Vec<Vec<f64>> {
    let [nx, ny, nz] = windows.padded();
    let mut sums = vec![vec![0.0; nx * ny * nz]; classes];
    let mut weights = vec![0.0; nx * ny * nz];
    let [wx, wy, wz] = windows.window();
    for n in 0..windows.len() {
        let start = windows.get(n).start;
        for (x, y, z) in (0..wx * wy * wz).map(|i| (i % wx, i / wx % wy, i / wx / wy)) {
            let at = ((start[2] + z) * ny + start[1] + y) * nx + start[0] + x;
            let w = weight([x, y, z]);
            weights[at] += w;
            for (c, sum) in sums.iter_mut().enumerate() {
                sum[at] += w * f64::from(predicted(n, c, [x, y, z]));
            }
        }
    }
    assert!(weights.iter().all(|w| *w > 0.0), "a voxel that no window covers");
    for sum in &mut sums {
        sum.iter_mut().zip(&weights).for_each(|(s, w)| *s /= w);
    }
    sums
}

/// Eight neighbours of a point of the padded volume, clamped to the volume without padding; `None` more than half a voxel outside.
fn interpolated(windows: &Windows, mean: &[f64], point: [f64; 3]) -> Option<f64> {
    let [nx, ny, _] = windows.padded();
    let (mut low, mut fraction) = ([0; 3], [0.0; 3]);
    for i in 0..3 {
        let first = windows.padding()[i][0] as f64;
        let last = first + windows.grid().shape[i] as f64 - 1.0;
        if point[i] < first - 0.5 - 1e-6 || point[i] > last + 0.5 + 1e-6 {
            return None;
        }
        let inside = point[i].clamp(first, last);
        low[i] = inside.floor().min((last - 1.0).max(first)) as usize;
        fraction[i] = inside - low[i] as f64;
    }
    let mut sum = 0.0;
    for corner in 0..8 {
        let part = [0, 1, 2].map(|i| if corner >> i & 1 == 1 { fraction[i] } else { 1.0 - fraction[i] });
        let weight: f64 = part.iter().product();
        if weight > 0.0 {
            let at = [0, 1, 2].map(|i| low[i] + (corner >> i & 1));
            sum += weight * mean[(at[2] * ny + at[1]) * nx + at[0]];
        }
    }
    Some(sum)
}

#[test]
fn windows_cover_every_voxel_and_end_with_the_volume() {
    for rule in RULES {
        for length in 1..70 {
            for window in [1, 2, 5, 16, 31, 64] {
                for overlap in [0.0, 0.25, 0.5, 0.625, 0.9] {
                    let grid = Grid::new([length, 3, 4], Affine::IDENTITY);
                    let windows = Windows::new(&grid, [window, 3, 2], [overlap, 0.0, 0.5], rule).unwrap();
                    let starts: Vec<usize> = (0..windows.len())
                        .map(|i| windows.get(i))
                        .filter(|b| b.start[1..] == [0, 0])
                        .map(|b| b.start[0])
                        .collect();
                    assert_eq!(starts[0], 0);
                    assert_eq!(starts[starts.len() - 1] + window, windows.padded()[0]);
                    assert!(starts.windows(2).all(|s| s[0] <= s[1] && s[1] <= s[0] + window), "{starts:?}");
                    // nnU-Net visits a place twice where a step is less than a voxel.
                    assert!(rule == WindowRule::Nnunet || starts.windows(2).all(|s| s[0] < s[1]));
                    assert_eq!(windows.padded()[0], length.max(window));
                }
            }
        }
    }
}

/// Worked out by hand from the rules.
#[test]
fn each_library_puts_windows_where_its_rule_says() {
    let starts = |length, window, overlap, rule| {
        let grid = Grid::new([length, 1, 1], Affine::IDENTITY);
        let windows = Windows::new(&grid, [window, 1, 1], [overlap; 3], rule).unwrap();
        (0..windows.len()).map(|i| windows.get(i).start[0]).collect::<Vec<_>>()
    };
    assert_eq!(starts(100, 32, 0.25, WindowRule::Monai), [0, 24, 48, 68]);
    assert_eq!(starts(100, 32, 0.5, WindowRule::Nnunet), [0, 14, 27, 41, 54, 68]);
    assert_eq!(starts(100, 32, 0.25, WindowRule::Torchio), [0, 24, 48, 68]);
    assert_eq!(starts(100, 31, 0.25, WindowRule::Torchio), [0, 25, 50, 69], "an overlap of 7 becomes 6");
    assert_eq!(starts(32, 32, 0.9, WindowRule::Nnunet), [0]);
}

#[test]
fn means_equal_the_oracle_for_any_shape_and_weighting() {
    let hann = |n: usize, i: usize| {
        0.5 - 0.5 * libm::cos(2.0 * std::f64::consts::PI * (i + 1) as f64 / (n + 1) as f64)
    };
    for (shape, window, overlap) in [
        ([13, 11, 17], [5, 4, 6], 0.5),
        ([7, 23, 5], [8, 9, 8], 0.25),
        ([1, 1, 9], [2, 1, 4], 0.5),
        ([12, 12, 12], [12, 12, 12], 0.5),
    ] {
        let grid = Grid::new(shape, Affine::from_spacing([1.5, 1.0, 2.0]));
        for rule in RULES {
            let windows = Windows::new(&grid, window, [overlap; 3], rule).unwrap();
            for importance in [Importance::Constant, Importance::Hann] {
                let weight = |p: [usize; 3]| match importance {
                    Importance::Hann => (0..3).map(|i| hann(window[i], p[i])).product(),
                    _ => 1.0,
                };
                let wanted = means(&windows, 3, weight);
                let got = stitched(&windows, importance, Reduce::Mean, 3, &grid);
                assert_eq!((got.grid(), got.extra()), (&grid, &[3][..]));
                let values = got.to_f32().unwrap();
                for (c, z, y, x) in (0..3 * grid.len()).map(|i| {
                    let [nx, ny, nz] = shape;
                    (i / (nx * ny * nz), i / (nx * ny) % nz, i / nx % ny, i % nx)
                }) {
                    let p = [x, y, z].map(|v| v as f64);
                    let point = [0, 1, 2].map(|i| p[i] + windows.padding()[i][0] as f64);
                    let wanted = interpolated(&windows, &wanted[c], point).unwrap();
                    let at = ((c * shape[2] + z) * shape[1] + y) * shape[0] + x;
                    assert!(
                        (f64::from(values[at]) - wanted).abs() < 1e-5,
                        "{rule:?} {importance:?} {c} {p:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_gaussian_counts_the_middle_most_and_leaves_nothing_out() {
    // With one window the weights cancel; with two, a voxel in the middle of one lies at the edge of the other.
    let grid = Grid::new([24, 1, 1], Affine::IDENTITY);
    for rule in RULES {
        let windows = Windows::new(&grid, [16, 1, 1], [0.5; 3], rule).unwrap();
        assert_eq!(windows.len(), 2);
        let mut stitcher = Stitcher::new(windows, Importance::Gaussian, Reduce::Mean, &grid).unwrap();
        for v in [0.0f32, 1.0] {
            let window = Grid::new([16, 1, 1], Affine::IDENTITY);
            stitcher.add(&Volume::from_f32(window, &[v; 16]).unwrap()).unwrap();
        }
        let values = stitcher.finish().unwrap().to_f32().unwrap();
        assert!(
            values[..8].iter().all(|v| *v == 0.0) && values[16..].iter().all(|v| *v == 1.0),
            "{values:?}"
        );
        assert!(values[8..16].windows(2).all(|v| 0.0 < v[0] && v[0] < v[1] && v[1] < 1.0), "{values:?}");
    }
}

/// A grid turned, shifted, finer and larger than that of the windows.
fn oblique() -> Grid {
    let (c, s) = (libm::cos(0.3), libm::sin(0.3));
    let rows = [[0.8 * c, -0.7 * s, 0.1, -3.0], [0.8 * s, 0.7 * c, 0.0, 1.0], [0.05, 0.0, 0.9, -2.2]];
    Grid::new([21, 19, 23], Affine { rows })
}

#[test]
fn results_come_back_onto_any_grid_with_one_interpolation() {
    let grid = Grid::new([13, 11, 17], Affine::IDENTITY);
    let upside = Affine { rows: [[0.0, 0.0, -1.0, 12.0], [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]] };
    for onto in [
        oblique(),
        Grid::new([17, 11, 13], upside),
        Grid::new([30, 9, 40], Affine::from_spacing([0.45, 1.3, 0.4])),
        Grid::new(
            [9, 20, 30],
            Affine { rows: [[1.0, 0.0, 0.0, 2.0], [0.0, 1.0, 0.0, -5.0], [0.0, 0.0, 1.0, -7.0]] },
        ),
    ] {
        for window in [[5, 4, 6], [20, 4, 20]] {
            let windows = Windows::new(&grid, window, [0.5; 3], WindowRule::Monai).unwrap();
            let wanted = means(&windows, 3, |_| 1.0);
            let make = |reduce| stitched(&windows, Importance::Constant, reduce, 3, &onto);
            let (mean, labels, above) =
                (make(Reduce::Mean), make(Reduce::Argmax), make(Reduce::Threshold(0.5)));
            assert_eq!((labels.dtype(), above.dtype(), above.extra()), (DType::U8, DType::U8, &[3][..]));
            assert_eq!(labels.grid(), &onto);
            let (mean, labels, above) =
                (mean.to_f32().unwrap(), labels.to_f32().unwrap(), above.to_f32().unwrap());
            let (mut inside, n) = (0, onto.len());
            for at in 0..n {
                let [nx, ny, _] = onto.shape;
                let p = [at % nx, at / nx % ny, at / nx / ny].map(|v| v as f64);
                let world = onto.affine.apply(p);
                let point = [0, 1, 2].map(|i| world[i] + windows.padding()[i][0] as f64);
                let values: Option<Vec<f64>> =
                    wanted.iter().map(|m| interpolated(&windows, m, point)).collect();
                let Some(values) = values else {
                    assert_eq!([labels[at], above[at], mean[at], mean[n + at]], [0.0; 4], "{p:?}");
                    continue;
                };
                inside += 1;
                for (c, v) in values.iter().enumerate() {
                    assert!(
                        (f64::from(mean[c * n + at]) - v).abs() < 1e-5,
                        "{p:?} {c}: {} {v}",
                        mean[c * n + at]
                    );
                    assert_eq!(above[c * n + at], f32::from(mean[c * n + at] > 0.5));
                }
                let best = (0..3).rev().max_by(|a, b| mean[a * n + at].total_cmp(&mean[b * n + at])).unwrap();
                assert_eq!(labels[at], best as f32, "{p:?}");
            }
            assert!(inside > 500 && inside < n || onto.shape == [17, 11, 13], "{inside} of {n}");
        }
    }
}

#[test]
fn many_classes_need_more_than_a_byte() {
    let grid = Grid::new([3, 3, 3], Affine::IDENTITY);
    let windows = Windows::new(&grid, [3; 3], [0.0; 3], WindowRule::Monai).unwrap();
    let labels = stitched(&windows, Importance::Constant, Reduce::Argmax, 300, &grid);
    assert_eq!(labels.dtype(), DType::U16);
    let wanted = (0..300).max_by(|a, b| predicted(0, *a, [2, 0, 1]).total_cmp(&predicted(0, *b, [2, 0, 1])));
    assert_eq!(labels.to_f32().unwrap()[9 + 2], wanted.unwrap() as f32);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let grid = Grid::new([64, 60, 40], Affine::IDENTITY);
    let windows = Windows::new(&grid, [40, 40, 24], [0.5; 3], WindowRule::Nnunet).unwrap();
    let bits = |threads| {
        medkernels::threads::set_threads(Some(threads));
        let made = stitched(&windows, Importance::Gaussian, Reduce::Mean, 4, &oblique());
        made.to_f32().unwrap().into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let one = bits(1);
    assert!([2, 3, 7].into_iter().all(|n| bits(n) == one));
    medkernels::threads::set_threads(None);
}

#[test]
fn a_result_on_disk_is_the_one_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid::new([23, 17, 11], Affine::IDENTITY);
    let windows = Windows::new(&grid, [8, 6, 5], [0.5; 3], WindowRule::Monai).unwrap();
    for (reduce, classes) in
        [(Reduce::Argmax, 3), (Reduce::Argmax, 257), (Reduce::Threshold(0.5), 3), (Reduce::Mean, 2)]
    {
        for onto in [grid, oblique()] {
            let memory = stitched(&windows, Importance::Gaussian, reduce, classes, &onto);
            let stitcher = Stitcher::new(windows.clone(), Importance::Gaussian, reduce, &onto).unwrap();
            let mut stitcher = stitcher.on_disk(folder.path());
            for n in 0..windows.len() {
                stitcher.add(&prediction(n, classes, windows.window())).unwrap();
            }
            let disk = stitcher.finish().unwrap();
            assert_eq!((disk.dtype(), disk.grid(), disk.extra()), (memory.dtype(), &onto, memory.extra()));
            assert!(disk.to_f32().unwrap() == memory.to_f32().unwrap());
            // The file has no name.
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
    let stitcher = Stitcher::new(windows, Importance::Constant, Reduce::Argmax, &grid).unwrap();
    let failed = stitcher.on_disk(folder.path().join("none")).add(&prediction(0, 2, [8, 6, 5])).unwrap_err();
    assert!(matches!(&failed, Error::File(_)) && failed.to_string().contains("none"), "{failed}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let grid = Grid::new([8, 8, 8], Affine::IDENTITY);
    let new = |window, overlap| Windows::new(&grid, window, [overlap; 3], WindowRule::Monai);
    for (made, said) in [
        (new([4, 0, 4], 0.5), "window"),
        (new([4; 3], 1.0), "overlap"),
        (new([4; 3], -0.1), "overlap"),
        (new([4; 3], f64::NAN), "overlap"),
    ] {
        assert!(made.unwrap_err().to_string().contains(said));
    }
    let flat = Grid::new([8; 3], Affine { rows: [[0.0; 4]; 3] });
    let windows = Windows::new(&flat, [4; 3], [0.5; 3], WindowRule::Monai).unwrap();
    let stitch = |w: &Windows| Stitcher::new(w.clone(), Importance::Constant, Reduce::Argmax, &grid);
    assert!(matches!(stitch(&windows), Err(Error::Core(medcore::Error::Param { .. }))));
    let windows = new([4, 8, 8], 0.5).unwrap();
    let mut stitcher = stitch(&windows).unwrap();
    assert!(stitcher.add(&prediction(0, 2, [8, 8, 8])).is_err());
    stitcher.add(&prediction(0, 2, [4, 8, 8])).unwrap();
    assert!(stitcher.add(&prediction(1, 3, [4, 8, 8])).unwrap_err().to_string().contains("2 classes"));
    let few = stitch(&windows).unwrap();
    assert!(few.finish().err().unwrap().to_string().contains("of 3"));
    for n in 1..3 {
        stitcher.add(&prediction(n, 2, [4, 8, 8])).unwrap();
    }
    assert!(stitcher.add(&prediction(3, 2, [4, 8, 8])).unwrap_err().to_string().contains("another"));
    let mut bad = stitch(&windows).unwrap();
    let infinite = Volume::from_f32(Grid::new([4, 8, 8], Affine::IDENTITY), &[f32::INFINITY; 256]).unwrap();
    let e = bad.add(&infinite).unwrap_err().to_string();
    assert!(e.contains("half precision"), "{e}");
}
