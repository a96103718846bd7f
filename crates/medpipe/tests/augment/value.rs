use medcore::{Affine, Grid, Volume};
use medpipe::{LazyVolume, Node};
use serde_json::json;

use super::given::{close, deviation, mean, oracle, range, run};

fn power(v: &[f64], gamma: f64, invert: bool) -> Vec<f64> {
    let sign = if invert { -1.0 } else { 1.0 };
    let v: Vec<f64> = v.iter().map(|x| x * sign).collect();
    let [low, high] = range(&v);
    v.iter().map(|x| sign * (libm::pow((x - low) / (high - low), gamma) * (high - low) + low)).collect()
}

fn restored(v: &[f64], to: &[f64]) -> Vec<f64> {
    let (from, ratio, onto) = (mean(v), deviation(to) / deviation(v), mean(to));
    v.iter().map(|x| (x - from) * ratio + onto).collect()
}

#[test]
fn gamma_is_its_formula() {
    for channels in [1, 3] {
        for each in [false, true] {
            for (gamma, invert) in [(0.7, false), (1.5, true), (3.3, false)] {
                let given = json!({"gamma": gamma, "invert": invert, "channel_wise": each});
                let wanted = oracle(channels, each, |v| power(v, gamma, invert));
                close(&run(channels, "gamma", given.clone()), &wanted, 5e-7, "gamma");
                let mut given = given;
                given["keep_stats"] = json!(true);
                let wanted = oracle(channels, each, |v| restored(&power(v, gamma, invert), v));
                close(&run(channels, "gamma", given), &wanted, 1e-6, "gamma with statistics kept");
            }
        }
    }
    let wanted = oracle(1, false, |v| v.iter().map(|x| libm::pow(x.abs(), 0.6).copysign(*x)).collect());
    close(&run(1, "gamma", json!({"gamma": 0.6, "relative_to": "magnitude"})), &wanted, 2e-7, "magnitude");
}

#[test]
fn images_of_one_value_have_no_gamma() {
    let v = Volume::from_f32(Grid::new([3, 2, 1], Affine::IDENTITY), &[7.5; 6]).unwrap();
    for given in [json!(0.5), json!({"gamma": 2.0, "keep_stats": true, "invert": true})] {
        let out =
            LazyVolume::from_volume(v.clone()).then(Node::new("gamma", given).unwrap(), Some(1)).unwrap();
        assert_eq!(out.compute().unwrap().to_f32().unwrap(), [7.5; 6]);
    }
}

#[test]
fn contrast_scales_about_the_mean() {
    for channels in [1, 3] {
        for each in [false, true] {
            for keep in [false, true] {
                let wanted = oracle(channels, each, |v| {
                    let (mean, [low, high]) = (mean(v), range(v));
                    let hold = |x: f64| if keep { x.clamp(low, high) } else { x };
                    v.iter().map(|x| hold((x - mean) * 1.4 + mean)).collect()
                });
                let given = json!({"factor": 1.4, "keep_range": keep, "channel_wise": each});
                close(&run(channels, "contrast", given), &wanted, 5e-7, "contrast");
            }
        }
    }
}

#[test]
fn scales_and_shifts() {
    let wanted = oracle(1, false, |v| v.iter().map(|x| x * 1.3).collect());
    close(&run(1, "scale_intensity", json!(1.3)), &wanted, 2e-7, "scale");
    let wanted = oracle(1, false, |v| v.iter().map(|x| x - 2.25).collect());
    close(&run(1, "shift_intensity", json!(-2.25)), &wanted, 2e-7, "shift");
    for each in [false, true] {
        let wanted = oracle(3, each, |v| v.iter().map(|x| x + 0.5 * deviation(v)).collect());
        let given = json!({"offset": 0.5, "unit": "deviations", "channel_wise": each});
        close(&run(3, "shift_intensity", given), &wanted, 2e-7, "shift by deviations");
    }
}

#[test]
fn values_are_mirrored() {
    for each in [false, true] {
        for about in ["range", "mean", "zero"] {
            let wanted = oracle(3, each, |v| {
                let twice = match about {
                    "range" => range(v)[0] + range(v)[1],
                    "mean" => 2.0 * mean(v),
                    _ => 0.0,
                };
                v.iter().map(|x| twice - x).collect()
            });
            let given = json!({"about": about, "channel_wise": each});
            close(&run(3, "invert_intensity", given), &wanted, 3e-7, about);
        }
    }
}

#[test]
fn levels_are_even_and_near() {
    let of = |v: &[f64], [low, high]: [f64; 2], levels: f64| -> Vec<f64> {
        let step = (high - low) / (levels - 1.0);
        v.iter().map(|x| ((x.clamp(low, high) - low) / step).round_ties_even() * step + low).collect()
    };
    let wanted = oracle(2, true, |v| of(v, range(v), 9.0));
    close(&run(2, "quantize", json!({"levels": 9, "channel_wise": true})), &wanted, 1e-6, "quantize");
    let wanted = oracle(1, false, |v| of(v, [-12.0, 30.0], 4.0));
    close(&run(1, "quantize", json!({"levels": 4.9, "range": [-12, 30]})), &wanted, 1e-6, "a range");
}
