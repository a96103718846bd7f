//! Brightness and channels that lie side by side, against their definitions, at every level.

use medkernels::{channels, grey};

use super::levels::at_levels;

fn noise(n: usize) -> Vec<u8> {
    let mut state = 7u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..n).map(|_| next()).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.iter().map(|v| f32::from(*v)).collect()
}

#[test]
fn brightness_is_the_rounded_weighted_sum() {
    for weights in
        [grey::fixed([0.299, 0.587, 0.114]), grey::fixed([16.0, -16.0, 9.5]), grey::fixed([1.0 / 3.0; 3])]
    {
        for n in (0..70).chain([4099, 100_003]) {
            for channels in [3, 4] {
                let pixels = noise(n * channels);
                let one = |c: &[u8]| {
                    let sum: i64 = (0..3).map(|i| i64::from(c[i]) * i64::from(weights[i])).sum();
                    (sum as f64 / 32768.0 + 0.5).floor().clamp(0.0, 255.0) as f32
                };
                let want: Vec<f32> = pixels.chunks(channels).map(one).collect();
                let mixed = at_levels(|| {
                    let mut out = vec![9; n];
                    if channels == 3 {
                        grey::of_rgb(&pixels, weights, &mut out);
                    } else {
                        grey::of_rgba(&pixels, weights, &mut out);
                    }
                    floats(&out)
                });
                assert_eq!(mixed, want);
                let apart = at_levels(|| {
                    let mut planes = vec![vec![0; n]; 4];
                    for (c, plane) in planes.iter_mut().enumerate().take(channels) {
                        channels::plane(&pixels, c, channels, plane);
                    }
                    let mut out = vec![9; n];
                    grey::of_planes(&planes[0], &planes[1], &planes[2], weights, &mut out);
                    floats(&out)
                });
                assert_eq!(apart, want);
            }
        }
    }
}

#[test]
fn shares_of_opacity_are_exact() {
    let all: Vec<[u8; 4]> = (0..=255).flat_map(|a| (0..=255).map(move |g| [g, 0, 0, a])).collect();
    let want: Vec<f32> =
        all.iter().map(|[g, .., a]| (f64::from(*g) * f64::from(*a) / 255.0).round() as f32).collect();
    let found = at_levels(|| {
        let mut grey: Vec<u8> = all.iter().map(|v| v[0]).collect();
        grey::by_alpha(all.as_flattened(), &mut grey);
        floats(&grey)
    });
    assert_eq!(found, want);
    let alpha: Vec<u8> = all.iter().map(|v| v[3]).collect();
    let found = at_levels(|| {
        let mut grey: Vec<u8> = all.iter().map(|v| v[0]).collect();
        grey::by_alpha_plane(&alpha, &mut grey);
        floats(&grey)
    });
    assert_eq!(found, want);
}

#[test]
fn numbers_of_any_dtype_are_weighed_and_taken_apart() {
    for n in [0, 1, 5, 67, 4099] {
        let pixels: Vec<i16> = noise(n * 3).iter().map(|v| i16::from(*v) * 100 - 9000).collect();
        let row = |c: usize| pixels.chunks(3).map(|p| p[c]).collect::<Vec<i16>>();
        let (red, green, blue) = (row(0), row(1), row(2));
        let weights = [0.3, -0.6, 1.7];
        let want: Vec<f32> = pixels
            .chunks(3)
            .map(|p| (f64::from(p[0]) * 0.3 + f64::from(p[1]) * -0.6 + f64::from(p[2]) * 1.7) as f32)
            .collect();
        let found = at_levels(|| {
            let mut out = vec![0.0; n];
            grey::of_numbers([&red[..], &green, &blue], weights, &mut out);
            grey::times(&vec![0.5f32; n], &mut out);
            out
        });
        assert_eq!(found, want.iter().map(|v| v * 0.5).collect::<Vec<f32>>());
        for (c, want) in [&red, &green, &blue].into_iter().enumerate() {
            let mut out = vec![0; n];
            channels::plane(&pixels, c, 3, &mut out);
            assert_eq!(out, *want);
        }
    }
}
