//! Filters against sums in f64.

use medkernels::filter::{convolve_axis, convolve_x, gaussian_taps, integrated_gaussian_taps};

use super::oracle::values;

#[test]
fn gaussian_taps_are_scipys() {
    // scipy.ndimage._filters._gaussian_kernel1d(1.0, 0, 4), to f32.
    let want = [1.338_306_246e-4, 4.431_861_620e-3, 5.399_112_742e-2, 0.241_971_444_9, 0.398_943_469_5];
    let taps = gaussian_taps(1.0, 4.0);
    assert_eq!(taps.len(), 9);
    for (i, want) in want.iter().enumerate() {
        assert!((f64::from(taps[i]) - want).abs() < 1e-9 + want * 6e-8, "{i}: {}", taps[i]);
        assert_eq!(taps[i], taps[8 - i]);
    }
    // Radius int(truncate * sigma + 0.5).
    for (sigma, truncate, len) in [(0.5, 4.0, 5), (2.0, 4.0, 17), (1.1, 3.0, 7), (0.1, 4.0, 1), (0.0, 4.0, 1)]
    {
        let taps = gaussian_taps(sigma, truncate);
        assert_eq!(taps.len(), len, "{sigma} {truncate}");
        assert!((taps.iter().map(|&t| f64::from(t)).sum::<f64>() - 1.0).abs() < 2e-7);
    }
    assert_eq!(gaussian_taps(f64::NAN, 4.0), [1.0]);
}

#[test]
fn integrated_taps_are_shares_of_a_normal_distribution() {
    // The distribution function at 0.5 and 1.5 deviations.
    let (inner, outer) = (0.691_462_461_274_013_1, 0.933_192_798_731_141_9);
    let taps = integrated_gaussian_taps(1.0, 4);
    assert!((f64::from(taps[4]) - (2.0 * inner - 1.0)).abs() < 3e-8);
    assert!((f64::from(taps[5]) - (outer - inner)).abs() < 3e-8 && taps[5] == taps[3]);
    assert!(taps.iter().map(|&t| f64::from(t)).sum::<f64>() < 1.0 - 1e-6);
}

#[test]
fn rows_equal_the_sum_over_taps() {
    for taps in
        [gaussian_taps(1.0, 4.0), vec![1.0], vec![0.5, 0.25], vec![1.0, -2.0, 0.5], values(1, 31, -1.0, 1.0)]
    {
        for len in (0..70).chain([129, 1000]) {
            let src = values(2, len + taps.len() - 1, -100.0, 100.0);
            let mut dst = vec![0.0; len];
            convolve_x(&mut dst, &src, &taps);
            for (i, v) in dst.iter().enumerate() {
                let want: f64 = taps.iter().zip(&src[i..]).map(|(t, s)| f64::from(*t) * f64::from(*s)).sum();
                let scale: f64 = taps.iter().map(|t| f64::from(t.abs())).sum();
                assert!((f64::from(*v) - want).abs() < 100.0 * scale * 2e-7 * taps.len() as f64);
            }
        }
    }
}

#[test]
fn boxes_equal_the_sum_over_taps_on_each_axis() {
    let taps = gaussian_taps(0.8, 4.0);
    for axis in 0..3 {
        for shape in [[70, 3, 4], [5, 9, 2], [64, 1, 1], [1, 1, 1], [129, 4, 3]] {
            let mut padded = shape;
            padded[axis] += taps.len() - 1;
            let src = values(3, padded.iter().product(), -100.0, 100.0);
            let mut dst = vec![0.0; shape.iter().product()];
            convolve_axis(&mut dst, &src, shape, axis, &taps);
            for (i, v) in dst.iter().enumerate() {
                let index = [i % shape[0], i / shape[0] % shape[1], i / shape[0] / shape[1]];
                let want: f64 = taps
                    .iter()
                    .enumerate()
                    .map(|(k, t)| {
                        let mut at = index;
                        at[axis] += k;
                        f64::from(*t) * f64::from(src[(at[2] * padded[1] + at[1]) * padded[0] + at[0]])
                    })
                    .sum();
                assert!((f64::from(*v) - want).abs() < 3e-5, "{shape:?} axis {axis}: {v} not {want}");
            }
        }
    }
}
