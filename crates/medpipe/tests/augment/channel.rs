//! Channels picked, divided and merged, against what the same is when all voxels are made first.

use std::sync::Arc;

use medcore::{Affine, DType, Grid, Key, Role, Scale, Volume};
use medio::{Gzip, SaveOptions};
use medpipe::{Layout, LazyItem, LazySample, LazyVolume, Node, Pipeline};
use serde_json::{Value, json};

const SHAPES: [[usize; 3]; 4] = [[9, 8, 7], [1, 13, 4], [6, 1, 1], [19, 33, 37]];

fn grid(shape: [usize; 3]) -> Grid {
    let oblique = Affine::new([[1.5, 0.2, 0.0], [-0.2, 0.9, 0.1], [0.0, -0.1, 2.0]], [3.0, -8.0, 1.0]);
    Grid::new(shape, oblique)
}

/// Noise of a dtype with axes of these sizes after the third.
fn noise(shape: [usize; 3], extra: &[usize], dtype: DType) -> Volume {
    let n = shape.iter().chain(extra).product::<usize>();
    let mut bytes = vec![];
    for i in 0..n as u64 {
        let v = Key::new(8).index(i).uniform() * 200.0 - 50.0;
        match dtype {
            DType::I16 => bytes.extend((v as i16).to_ne_bytes()),
            DType::U8 => bytes.push(v.max(0.0) as u8),
            _ => bytes.extend((v as f32).to_ne_bytes()),
        }
    }
    Volume::packed(Arc::new(bytes), dtype, grid(shape), extra.to_vec(), Arc::default()).unwrap()
}

/// The same voxels with the channels of each side by side.
fn beside(v: &Volume) -> Volume {
    let (n, size, channels) = (v.grid().len(), v.stored_dtype().bytes(), v.channels());
    let from = v.storage().bytes();
    let mut bytes = vec![0; from.len()];
    for c in 0..channels {
        for i in 0..n {
            bytes[(i * channels + c) * size..][..size].copy_from_slice(&from[(c * n + i) * size..][..size]);
        }
    }
    let [x, y, _] = v.grid().shape;
    let strides = [channels, x * channels, x * y * channels].map(|s| s as isize);
    let (mut step, mut steps) = (1, vec![]);
    for n in v.extra() {
        steps.push(step);
        step *= *n as isize;
    }
    Volume::strided(Arc::new(bytes), v.stored_dtype(), *v.grid(), 0, strides, v.extra().to_vec(), steps)
        .unwrap()
}

fn then(v: &LazyVolume, step: &Value) -> LazyVolume {
    let (name, parameters) = step.as_object().unwrap().iter().next().unwrap();
    v.then(Node::new(name, parameters.clone()).unwrap(), Some(1)).unwrap()
}

fn all(v: &LazyVolume, steps: &[Value]) -> LazyVolume {
    steps.iter().fold(v.clone(), |v, step| then(&v, step))
}

/// The bytes of some channels of a result, and its dtype and axes after the third.
fn bits(v: &LazyVolume, channels: Option<&[usize]>) -> (DType, Vec<usize>, Vec<u8>) {
    let v = v.compute().unwrap();
    let mut out = vec![];
    let every: Vec<usize> = (0..v.channels()).collect();
    for c in channels.unwrap_or(&every) {
        let mut one = vec![0; v.grid().len() * v.stored_dtype().bytes()];
        v.copy_channel(*c, &mut one).unwrap();
        out.extend(one);
    }
    (v.stored_dtype(), v.extra().to_vec(), out)
}

/// What is asked for, the channels that it is, first axis fastest, and the axes that are left.
fn picks() -> Vec<(Value, Vec<usize>, Vec<usize>)> {
    let of = |p: Value| json!({ "pick_channels": p });
    vec![
        (of(json!(7)), vec![7], vec![]),
        (of(json!(-1)), vec![11], vec![]),
        (of(json!([2, 0, 2])), vec![2, 0, 2], vec![3]),
        (of(json!({"channels": {"start": 1, "stop": -2, "step": 4}})), vec![1, 5, 9], vec![3]),
        (of(json!({"channels": {"step": -5}})), vec![11, 6, 1], vec![3]),
        (of(json!({"channels": 1, "axis": "time"})), vec![1, 5, 9], vec![3]),
        (of(json!({"channels": [2, 1], "axis": 4})), vec![8, 9, 10, 11, 4, 5, 6, 7], vec![4, 2]),
        (of(json!({"channels": 0, "axis": "component"})), vec![0, 1, 2, 3], vec![4]),
        (of(json!({"channels": [3, 0], "axis": -2})), vec![3, 0, 7, 4, 11, 8], vec![2, 3]),
    ]
}

#[test]
fn picked_channels_are_those() {
    for shape in SHAPES {
        for dtype in [DType::F32, DType::I16, DType::U8] {
            let v = noise(shape, &[4, 3], dtype);
            for v in [beside(&v), v] {
                let v = LazyVolume::from_volume(v);
                for (step, channels, extra) in picks() {
                    let made = then(&v, &step);
                    let (_, _, want) = bits(&v, Some(&channels));
                    assert_eq!(made.facts().unwrap().extra, extra, "{step}");
                    assert_eq!(bits(&made, None), (dtype, extra, want), "{step} {shape:?}");
                }
            }
        }
    }
    let v = LazyVolume::from_volume(noise([2, 2, 2], &[4], DType::U8));
    for wrong in [
        json!(4),
        json!(-5),
        json!([]),
        json!({"start": 4}),
        json!({"step": 0}),
        json!({"channels": 0, "axis": 4}),
        json!({"channels": 0, "axis": 2}),
    ] {
        assert!(v.then(Node::new("pick_channels", wrong.clone()).unwrap(), None).is_err(), "{wrong}");
    }
}

/// Steps whose channels may or may not be had without the others.
fn chains() -> Vec<Vec<Value>> {
    let noise = json!({"gaussian_noise": {"std": 3}});
    vec![
        vec![
            json!({"flip": "x"}),
            noise.clone(),
            json!({"affine": {"rotate": [3, 9, -4]}}),
            json!({"clamp": {"min": 0}}),
        ],
        vec![json!({"z_normalize": null}), noise.clone()],
        vec![
            json!({"z_normalize": {"per_channel": false}}),
            json!({"crop": {"start": [0, 0, 0], "shape": [1, 1, 1]}}),
        ],
        vec![json!({"gaussian_smooth": 0.7}), json!({"cast": "int16"})],
        vec![
            json!({"gaussian_noise": {"std": 2, "per_channel": [0, 7]}}),
            json!({"bias_field": [-0.3, 0.4]}),
        ],
        vec![json!({"simulate_low_resolution": {"scale": 0.6, "per_channel": true}}), noise],
        vec![json!({"resample": {"spacing": [1.7, 1.1, 2.3], "interpolation": "cubic", "clip": true}})],
        vec![json!({"ghosting": {}}), json!({"rescale": {"percentiles": [2, 95]}})],
    ]
}

#[test]
fn channels_taken_of_a_chain_are_those_of_all_of_it() {
    for shape in [[9, 8, 7], [19, 33, 37]] {
        let v = noise(shape, &[4, 3], DType::F32);
        for v in [beside(&v), v] {
            let v = LazyVolume::from_volume(v);
            for chain in chains() {
                let made = all(&v, &chain);
                let after = [json!({"shift_intensity": 2.5}), json!({"flip": "y"})];
                for (step, channels, _) in picks() {
                    let (dtype, _, want) = bits(&all(&made, &after), Some(&channels));
                    let found = bits(&all(&then(&made, &step), &after), None);
                    assert!(found.0 == dtype && found.2 == want, "{chain:?} {step} {shape:?}");
                }
            }
        }
    }
}

#[test]
fn axes_of_one_are_dropped() {
    let v = LazyVolume::from_volume(noise([5, 4, 3], &[1, 3, 1], DType::I16));
    let (_, _, want) = bits(&v, None);
    for (step, extra) in [
        (json!({"squeeze": null}), vec![3]),
        (json!({"squeeze": "time"}), vec![3, 1]),
        (json!({"squeeze": -1}), vec![1, 3]),
    ] {
        assert_eq!(bits(&then(&v, &step), None), (DType::I16, extra, want.clone()), "{step}");
    }
    assert!(v.then(Node::new("squeeze", json!("component")).unwrap(), None).is_err());
    let plain = LazyVolume::from_volume(noise([5, 4, 3], &[], DType::I16));
    assert!(then(&plain, &json!({"squeeze": null})).explain().unwrap().contains("nothing to do"));
}

fn sample(items: &[(&str, Role, LazyVolume)]) -> LazySample {
    let role = |v: &LazyVolume, role| LazyItem::Volume(v.as_role(role).unwrap());
    items.iter().fold(LazySample::default(), |s, (name, r, v)| s.with(name, role(v, *r)))
}

fn run(sample: &LazySample, steps: &[Value]) -> LazySample {
    tried(sample, steps).unwrap()
}

fn tried(sample: &LazySample, steps: &[Value]) -> medpipe::Result<LazySample> {
    let node = |v: &Value| {
        let (name, parameters) = v.as_object().unwrap().iter().next().unwrap();
        Node::new(name, parameters.clone()).unwrap()
    };
    let pipeline = Pipeline::new(steps.iter().map(node).collect()).with_seed(3);
    Ok(pipeline.apply(sample, "case", 0)?.remove(0))
}

fn names(sample: &LazySample) -> Vec<&str> {
    sample.items.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn channels_become_items_and_items_channels() {
    let v = LazyVolume::from_volume(noise([9, 8, 7], &[3], DType::I16));
    let label = LazyVolume::from_volume(noise([9, 8, 7], &[], DType::U8));
    let before = sample(&[("image", Role::Image, v.clone()), ("label", Role::Label, label)]);
    let made = run(&before, &[json!({"split_channels": null})]);
    assert_eq!(names(&made), ["label", "image_0", "image_1", "image_2"]);
    for c in 0..3 {
        let one = made.volume(&format!("image_{c}")).unwrap();
        assert_eq!(bits(one, None), (DType::I16, vec![], bits(&v, Some(&[c])).2));
    }
    let named = run(&before, &[json!({"split_channels": ["image", "t1", "flair"]})]);
    assert_eq!(names(&named), ["image", "label", "t1", "flair"]);
    let back = run(&before, &[json!({"split_channels": null}), json!({"merge_channels": "image"})]);
    assert_eq!(names(&back), ["label", "image"]);
    assert_eq!(bits(back.volume("image").unwrap(), None), bits(&v, None));
    // All of one measurement, each of its own.
    for first in [
        json!({"z_normalize": {"per_channel": false}}),
        json!({"z_normalize": null}),
        json!({"gaussian_noise": 2}),
    ] {
        let whole = run(&before, std::slice::from_ref(&first));
        let apart = run(&before, &[first, json!({"split_channels": null})]);
        for c in 0..3 {
            let one = apart.volume(&format!("image_{c}")).unwrap();
            assert_eq!(bits(one, None).2, bits(whole.volume("image").unwrap(), Some(&[c])).2);
        }
    }
    let wrong = |steps: &[Value]| tried(&before, steps).is_err();
    assert!(
        wrong(&[json!({"split_channels": ["a", "b"]})])
            && wrong(&[json!({"split_channels": ["a", "b", "label"]})])
    );
    assert!(wrong(&[json!({"merge_channels": {"keys": ["image", "label"]}})]), "of two roles");
    assert!(wrong(&[json!({"merge_channels": {"item": "label"}})]), "a name that is taken");
}

#[test]
fn what_is_merged_is_what_the_items_are() {
    let shape = [19, 33, 37];
    let of = |extra: &[usize], dtype| LazyVolume::from_volume(noise(shape, extra, dtype));
    let before = sample(&[
        ("t1", Role::Image, of(&[], DType::I16)),
        ("label", Role::Label, of(&[], DType::U8)),
        ("t2", Role::Image, of(&[2], DType::F32)),
        ("flair", Role::Image, of(&[], DType::I16)),
    ]);
    let firsts = [
        vec![],
        vec![json!({"z_normalize": null}), json!({"gaussian_noise": {"std": 0.1, "keys": "t2"}})],
        vec![
            json!({"affine": {"rotate": [3, 9, -4]}}),
            json!({"gaussian_smooth": {"sigma": 1, "keys": "t1"}}),
        ],
        vec![json!({"gamma": {"gamma": 1.5, "keys": ["t1", "flair"]}})],
    ];
    let thens = [
        vec![],
        vec![json!({"crop": {"start": [3, 8, 30], "shape": [11, 20, 6]}})],
        vec![json!({"affine": {"rotate": [0, 9, 14]}}), json!({"random_crop": {"shape": [7, 8, 9]}})],
        vec![
            json!({"gaussian_smooth": 0.8}),
            json!({"random_crop": {"shape": [7, 8, 9], "count": 3}}),
            json!({"clamp": {"max": 40}}),
        ],
    ];
    for first in &firsts {
        let items = run(&before, first);
        let parts = ["t1", "t2", "flair"]
            .map(|name| items.volume(name).unwrap().compute_as(Some(DType::F32), Layout::XFastest).unwrap());
        let mut bytes = vec![];
        for part in &parts {
            for c in 0..part.channels() {
                bytes.extend(bytemuck::cast_slice::<f32, u8>(&part.channel(c).to_f32().unwrap()).to_vec());
            }
        }
        let merged =
            Volume::packed(Arc::new(bytes), DType::F32, *parts[0].grid(), vec![4], Arc::default()).unwrap();
        for rest in &thens {
            let merge = [json!({"merge_channels": "image"})];
            let steps: Vec<Value> = first.iter().chain(&merge).chain(rest).cloned().collect();
            let made = run(&before, &steps);
            assert_eq!(names(&made), ["image", "label"]);
            // The same places of draws: a transform of no effect for each before.
            let mut label = items.volume("label").unwrap().clone();
            label = LazyVolume::from_volume(label.compute().unwrap()).as_role(Role::Label).unwrap();
            let start = sample(&[
                ("image", Role::Image, LazyVolume::from_volume(merged.clone())),
                ("label", Role::Label, label),
            ]);
            let want = run(&start, rest);
            let (a, b) = (made.volume("image").unwrap(), want.volume("image").unwrap());
            assert!(bits(a, None) == bits(b, None), "{steps:?}");
        }
    }
}

#[test]
fn of_a_file_only_what_is_picked_is_read() {
    let shape = [40, 44, 36];
    let v = noise(shape, &[9], DType::I16);
    let dir = tempfile::tempdir().unwrap();
    let scaled = v.clone().with_scale(Some(Scale { slope: 0.5, intercept: -3.0 }));
    for (name, v, gzip) in [
        ("a.nii", &v, Gzip::Single),
        ("s.nii", &scaled, Gzip::Single),
        ("b.nii.gz", &v, Gzip::Blocks(1 << 14)),
        ("c.nii.gz", &scaled, Gzip::Single),
    ] {
        let path = dir.path().join(name);
        medio::save(&path, v, &SaveOptions { gzip, ..SaveOptions::default() }).unwrap();
        let whole = LazyVolume::open(&path).unwrap();
        let memory = LazyVolume::from_volume(medio::open(&path).unwrap().load().unwrap());
        for steps in [
            vec![json!({"pick_channels": 7})],
            vec![json!({"pick_channels": [8, 2]})],
            vec![
                json!({"flip": "x"}),
                json!({"pick_channels": 7}),
                json!({"crop": {"start": [3, 8, 30], "shape": [11, 20, 6]}}),
            ],
            vec![json!({"pick_channels": 7}), json!({"affine": {"rotate": [3, 9, -4]}})],
            vec![json!({"pick_channels": [8, 2]}), json!({"z_normalize": null}), json!({"pick_channels": 1})],
        ] {
            let file = LazyVolume::open(&path).unwrap();
            let start = file.files()[0].bytes_read();
            let made = all(&file, &steps);
            assert!(bits(&made, None) == bits(&all(&memory, &steps), None), "{name}: {steps:?}");
            if !name.ends_with('z') {
                // As much as of a file that has no other channels.
                let channels = if steps[0]["pick_channels"].is_array() { vec![8, 2] } else { vec![7] };
                let alone: u64 = channels
                    .iter()
                    .map(|c| {
                        let path = dir.path().join("alone.nii");
                        medio::save(&path, &v.channel(*c), &SaveOptions::default()).unwrap();
                        let alone = LazyVolume::open(&path).unwrap();
                        let start = alone.files()[0].bytes_read();
                        let pick = json!({"pick_channels": 0});
                        let steps: Vec<Value> = steps
                            .iter()
                            .map(|s| if s.get("pick_channels").is_some() { pick.clone() } else { s.clone() })
                            .collect();
                        bits(&all(&alone, &steps), None);
                        alone.files()[0].bytes_read() - start
                    })
                    .sum();
                assert_eq!(file.files()[0].bytes_read() - start, alone, "{name}: {steps:?}");
            }
        }
        // Several patches of one channel, and of several files as channels.
        let case = sample(&[
            ("image", Role::Image, whole.clone()),
            ("t2", Role::Image, LazyVolume::open(&path).unwrap()),
        ]);
        let lying = sample(&[("image", Role::Image, memory.clone()), ("t2", Role::Image, memory)]);
        let steps = [
            json!({"pick_channels": {"channels": [4, 1]}}),
            json!({"merge_channels": null}),
            json!({"random_crop": {"shape": 12, "count": 4}}),
        ];
        let made = run(&case, &steps);
        assert!(
            bits(made.volume("image").unwrap(), None)
                == bits(run(&lying, &steps).volume("image").unwrap(), None)
        );
    }
}

/// Brightness as `OpenCV` has it, from exact fractions.
fn brightness(colour: [u8; 3], weights: [i64; 3]) -> u8 {
    let sum: i64 = colour.iter().zip(weights).map(|(v, w)| i64::from(*v) * w).sum();
    (sum + (1 << 14)).div_euclid(1 << 15).clamp(0, 255) as u8
}

#[test]
fn colours_become_their_brightness() {
    for shape in SHAPES {
        let n = shape.iter().product::<usize>();
        for (dtype, channels) in [(DType::Rgb24, 3), (DType::Rgba32, 4), (DType::U8, 3), (DType::U8, 4)] {
            let bytes: Vec<u8> =
                (0..n * channels).map(|i| (Key::new(2).index(i as u64).uniform() * 256.0) as u8).collect();
            let colours: Vec<[u8; 4]> =
                bytes.chunks(channels).map(|c| [c[0], c[1], c[2], *c.get(3).unwrap_or(&255)]).collect();
            let lying = |extra: Vec<usize>| {
                Volume::packed(Arc::new(bytes.clone()), dtype, grid(shape), extra, Arc::default()).unwrap()
            };
            let volumes = if dtype == DType::U8 {
                let [x, y, _] = shape;
                let strides = [channels, x * channels, x * y * channels].map(|s| s as isize);
                let mixed = Volume::strided(
                    Arc::new(bytes.clone()),
                    dtype,
                    grid(shape),
                    0,
                    strides,
                    vec![channels],
                    vec![1],
                )
                .unwrap();
                let mut planes = vec![];
                for c in 0..channels {
                    planes.extend(colours.iter().map(|v| v[c]));
                }
                vec![
                    mixed,
                    Volume::packed(Arc::new(planes), dtype, grid(shape), vec![channels], Arc::default())
                        .unwrap(),
                ]
            } else {
                vec![lying(vec![])]
            };
            for v in volumes {
                let v = LazyVolume::from_volume(v);
                for (given, weights) in [
                    (json!("bt601"), [9798, 19235, 3735]),
                    (json!("bt709"), [6966, 23436, 2366]),
                    (json!([0.5, -1.5, 2.25]), [16384, -49152, 73728]),
                ] {
                    let want: Vec<u8> =
                        colours.iter().map(|c| brightness([c[0], c[1], c[2]], weights)).collect();
                    let made = then(&v, &json!({"grey": {"weights": given}}));
                    assert_eq!(
                        bits(&made, None),
                        (DType::U8, vec![], want.clone()),
                        "{dtype} {channels} {shape:?}"
                    );
                    let over: Vec<u8> = want
                        .iter()
                        .zip(&colours)
                        .map(|(g, c)| (f64::from(*g) * f64::from(c[3]) / 255.0).round() as u8)
                        .collect();
                    let made = then(&v, &json!({"grey": {"weights": given, "alpha": "multiply"}}));
                    assert_eq!(bits(&made, None).2, over);
                }
            }
        }
        let v = noise(shape, &[3], DType::F32);
        for v in [beside(&v), v] {
            let v = LazyVolume::from_volume(v);
            let channel = |c| bytemuck::pod_collect_to_vec::<u8, f32>(&bits(&v, Some(&[c])).2);
            let (r, g, b) = (channel(0), channel(1), channel(2));
            let want: Vec<f32> = (0..n)
                .map(|i| (f64::from(r[i]) * 0.299 + f64::from(g[i]) * 0.587 + f64::from(b[i]) * 0.114) as f32)
                .collect();
            let crop = json!({"crop": {"start": [0, 0, 0], "shape": [1, 1, 1]}});
            let made = then(&v, &json!({"grey": null}));
            assert_eq!(bits(&made, None), (DType::F32, vec![], bytemuck::cast_slice(&want).to_vec()));
            assert_eq!(bits(&then(&made, &crop), None).2, bytemuck::bytes_of(&want[0]));
        }
    }
    let two = LazyVolume::from_volume(noise([3, 2, 1], &[2], DType::U8));
    assert!(two.then(Node::new("grey", Value::Null).unwrap(), None).is_err());
}
