//! Random volumes and chains for the laws.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::Arc;

use medcore::{Affine, DType, Grid, Volume, with_element};
use medpipe::Node;
use proptest::prelude::*;
use proptest::strategy::Union;
use serde_json::{Value, json};

/// Nodes from `{name: value}` entries.
pub(crate) fn nodes(list: &[Value]) -> Vec<Node> {
    let node = |v: &Value| {
        let (name, value) = v.as_object().and_then(|m| m.iter().next()).expect("one name");
        Node::new(name, value.clone()).expect("a valid node")
    };
    list.iter().map(node).collect()
}

/// Shapes with odd, prime and single-voxel axes.
fn shape() -> impl Strategy<Value = [usize; 3]> {
    let axis = || prop_oneof![Just(1usize), Just(2), Just(3), 5..14usize, Just(17)];
    [axis(), axis(), axis()]
}

/// Grids of any orientation, oblique, with anisotropic voxels.
pub(crate) fn grid() -> impl Strategy<Value = Grid> {
    let angle = prop_oneof![Just(0.0), -0.6f64..0.6];
    let perm = prop::sample::select(vec![[0usize, 1, 2], [1, 2, 0], [2, 1, 0], [0, 2, 1]]);
    let sign = prop::array::uniform3(prop::bool::ANY);
    let spacing = prop::array::uniform3(prop_oneof![Just(1.0), 0.4f64..3.0]);
    (shape(), angle, perm, sign, spacing, prop::array::uniform3(-90.0f64..90.0)).prop_map(
        |(n, a, p, s, d, t)| {
            let (sin, cos) = (libm::sin(a), libm::cos(a));
            let turn = Affine::new([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]], [0.0; 3]);
            let mut m = [[0.0; 3]; 3];
            for j in 0..3 {
                m[p[j]][j] = if s[j] { -d[j] } else { d[j] };
            }
            Grid::new(n, Affine::translate(t) * turn * Affine::new(m, [0.0; 3]))
        },
    )
}

fn voxels(grid: &Grid, seed: u64) -> Vec<f32> {
    (0..grid.len() as u64)
        .map(|i| (medcore::Key::new(seed).index(i).uniform() * 200.0 - 60.0) as f32)
        .collect()
}

pub(crate) fn stored(grid: Grid, seed: u64, dtype: DType) -> Volume {
    let values = voxels(&grid, seed);
    let mut bytes = vec![0u8; values.len() * dtype.bytes()];
    with_element!(dtype, T => medkernels::convert::encode_from_f32::<T>(&values, &mut bytes),
        else => for (n, b) in bytes.iter_mut().enumerate() { *b = (n * 37 + seed as usize) as u8 });
    Volume::packed(Arc::new(bytes), dtype, grid, vec![], Arc::default()).expect("packed")
}

/// Float32 and int16 images.
pub(crate) fn image() -> impl Strategy<Value = Volume> {
    (grid(), any::<u64>(), prop::sample::select(vec![DType::F32, DType::F32, DType::I16, DType::U8]))
        .prop_map(|(g, seed, d)| stored(g, seed, d))
}

/// Volumes of any dtype.
pub(crate) fn any_dtype() -> impl Strategy<Value = Volume> {
    (grid(), any::<u64>(), prop::sample::select(DType::ALL.to_vec()))
        .prop_map(|(g, seed, d)| stored(g, seed, d))
}

/// Label maps with few values.
pub(crate) fn label() -> impl Strategy<Value = Volume> {
    let dtypes = vec![DType::U8, DType::I16, DType::I32, DType::U16, DType::I64];
    (grid(), any::<u64>(), prop::sample::select(dtypes)).prop_map(|(g, seed, d)| {
        let values: Vec<f32> = voxels(&g, seed).iter().map(|v| ((v + 60.0) / 40.0).floor()).collect();
        let mut bytes = vec![0u8; values.len() * d.bytes()];
        with_element!(d, T => medkernels::convert::encode_from_f32::<T>(&values, &mut bytes), else => ());
        Volume::packed(Arc::new(bytes), d, g, vec![], Arc::default()).expect("packed")
    })
}

/// The same volume, z fastest in memory.
pub(crate) fn c_order(v: &Volume) -> Volume {
    let [x, y, z] = v.grid().shape;
    let size = v.stored_dtype().bytes();
    let mut packed = vec![0u8; v.grid().len() * size];
    v.copy_channel(0, &mut packed).expect("copied");
    let mut bytes = vec![0u8; packed.len()];
    for (n, voxel) in packed.chunks(size).enumerate() {
        let (i, j, k) = (n % x, n / x % y, n / x / y);
        let at = (k + z * (j + y * i)) * size;
        bytes[at..at + size].copy_from_slice(voxel);
    }
    let strides = [(y * z) as isize, z as isize, 1];
    Volume::strided(Arc::new(bytes), v.stored_dtype(), *v.grid(), 0, strides, vec![], vec![])
        .expect("strided")
}

/// World coordinate `axis` of every voxel.
pub(crate) fn ramp(grid: &Grid, axis: usize) -> Volume {
    let [x, y, _] = grid.shape;
    let values: Vec<f32> = (0..grid.len())
        .map(|n| grid.world([n % x, n / x % y, n / x / y].map(|i| i as f64))[axis] as f32)
        .collect();
    Volume::from_f32(*grid, &values).expect("made")
}

fn lattice() -> Union<BoxedStrategy<Value>> {
    let codes = vec!["RAS", "LPS", "PIR", "SAL", "ASR", "IPL"];
    let modes = vec!["constant", "edge", "reflect", "symmetric", "wrap"];
    let pad = prop::array::uniform3(0usize..6);
    Union::new(vec![
        prop::sample::select(codes).prop_map(|c| json!({ "reorient": c })).boxed(),
        prop::sample::subsequence(vec![0, 1, 2], 1..=3).prop_map(|a| json!({ "flip": a })).boxed(),
        (0i32..4, prop::sample::subsequence(vec![0, 1, 2], 2))
            .prop_map(|(k, a)| json!({"rot90": {"k": k, "axes": a}}))
            .boxed(),
        (pad.clone(), pad, prop::sample::select(modes.clone()))
            .prop_map(|(a, b, m)| json!({"pad": {"before": a, "after": b, "mode": m}}))
            .boxed(),
        (prop::array::uniform3(1usize..15), prop::sample::select(modes))
            .prop_map(|(s, m)| json!({"crop_or_pad": {"shape": s, "mode": m}}))
            .boxed(),
        prop::array::uniform3(1usize..4).prop_map(|s| json!({"random_crop": {"shape": s}})).boxed(),
        Just(json!({"divisible_pad": {"multiple": [4, 1, 3], "mode": "edge"}})).boxed(),
        prop::bool::ANY.prop_map(|m| json!({ "random_orientation": m })).boxed(),
        Just(json!({"random_sized_crop": {"smallest": 0.5, "unit": "share"}})).boxed(),
    ])
}

fn point() -> Union<BoxedStrategy<Value>> {
    Union::new(vec![
        Just(json!({"clamp": {"min": -20, "max": 70}})).boxed(),
        Just(json!({"rescale": {"in_range": [-30, 90], "out_range": [-1, 2], "clip": false}})).boxed(),
        Just(json!({"rescale": [0, 1]})).boxed(),
        Just(json!({"rescale": {"percentiles": [5, 90]}})).boxed(),
        Just(json!({ "z_normalize": null })).boxed(),
        Just(json!({"z_normalize": {"mask": {"above": -1000}, "outside": "keep"}})).boxed(),
        Just(json!({ "gaussian_noise": 0.5 })).boxed(),
        prop::sample::select(vec![
            json!({"gamma": 0.7}),
            json!({"gamma": {"gamma": {"log_uniform": [0.5, 2]}, "invert": true, "keep_stats": true}}),
            json!({"gamma": {"gamma": 1.3, "relative_to": "magnitude"}}),
            json!({"contrast": {"factor": [0.7, 1.4], "keep_range": true}}),
            json!({"scale_intensity": [0.5, 2]}),
            json!({"shift_intensity": {"offset": 0.4, "unit": "deviations"}}),
            json!({ "bias_field": [-0.3, 0.4] }),
            json!({"bias_field": {"degree": 5, "basis": "powers"}}),
            json!({"histogram_shift": [3, 8]}),
            json!({"rician_noise": {"std": 0.3, "relative": true, "from_minimum": true, "keep_stats": true}}),
            json!({"rician_noise": [2, 9]}),
            json!({"speckle_noise": 0.2}),
            json!({"poisson_noise": [0.1, 3]}),
            json!({"salt_and_pepper": {"fraction": 0.3, "salt": 0.2}}),
            json!({"invert_intensity": "mean"}),
            json!({"quantize": 7}),
            json!({"ghosting": {"ghosts": [2, 5], "restore": [0.1, 0.6]}}),
            json!({"gibbs_ringing": [0.2, 0.9]}),
            json!({"k_space_dropout": 0.4}),
            json!({"motion": {"rotate": [-5, 5], "translate": [-2, 2], "axes": [0, 1, 2]}}),
            json!({"spikes": {"spikes": [0, 3], "intensity": 0.4}}),
            json!({"wrap_around": {"fraction": [0.1, 0.6], "intensity": [0.3, 1]}}),
            json!({"smooth_field": {"points": [3, 1, 2], "pad": 1}}),
            json!({"smooth_field": {"effect": "power", "values": [0.5, 2]}}),
            json!({"coarse_dropout": {"holes": [2, 5], "shape": 2, "max_shape": [4, 9, 3]}}),
            json!({"coarse_dropout": {"shape": 4, "outside": true, "fill": [-3, 5]}}),
            json!({"clahe": {"tiles": [2, 3, 2], "bins": 40}}),
            json!({"histogram_equalize": {"bins": 50, "mask": "above_mean"}}),
            json!({"histogram_equalize": {"stretch": true, "out_range": [-3, 8]}}),
            json!({"histogram_standardize": [0, 7, 12, 18, 22, 33, 41, 60, 66, 70, 80, 91, 100]}),
            json!({"log": {"signed": true, "base": 10}}),
            json!({"sigmoid": {"centre": [10, 40], "width": -9, "out_range": [2, 50]}}),
            json!({"threshold": {"lower": 3, "result": "keep", "value": -5}}),
            json!({"threshold": {"method": "otsu"}}),
            json!({"threshold": {"method": "percentiles", "percentiles": [20, 70], "result": "keep"}}),
            json!({"window": {"preset": "brain"}}),
            json!({"window": {"level": 30, "width": [20, 60]}}),
            json!({"z_normalize": {"mean": 4, "std": 3}}),
        ])
        .boxed(),
        Just(json!({ "cast": "float32" })).boxed(),
        Just(json!({"swap": {"shape": 1, "count": 9}})).boxed(),
    ])
}

fn filter() -> BoxedStrategy<Value> {
    let sigma = || prop::array::uniform3(prop_oneof![Just(0.0), 0.3f64..1.4]);
    let rule = || prop::sample::select(vec!["scipy", "monai", "nnunet"]);
    prop_oneof![
        4 => (sigma(), rule()).prop_map(|(s, r)| json!({"gaussian_smooth": {"sigma": s, "rule": r}})),
        1 => (sigma(), sigma(), rule())
            .prop_map(|(a, b, r)| json!({"gaussian_sharpen": {"sigma1": a, "sigma2": b, "alpha": 2, "rule": r}})),
        2 => prop::sample::select(vec![
            json!({"clahe": {"slices": "z", "tiles": [3, 2, 1], "range": [-60, 140]}}),
            json!({"clahe": {"slices": "x", "clip_limit": 0}}),
            json!({"laplacian": null}),
            json!({"local_normalize": {"sigma": [1, 0.5, 0], "floor": 0.3}}),
            json!({"local_normalize": {"sigma": 1.2, "weights": "box"}}),
            json!({"median_smooth": 1}),
            json!({"median_smooth": {"radius": [2, 0, 1], "mode": "reflect"}}),
            json!({"median_smooth": {"radius": [0, 1, 1], "mode": "constant", "value": 7}}),
        ]),
        1 => prop::bool::ANY.prop_map(|k| json!({"sharpen": {"strength": [0.1, 0.5], "keep_range": k}})),
    ]
    .boxed()
}

fn interpolating() -> Union<BoxedStrategy<Value>> {
    Union::new(vec![
        prop::array::uniform3(1usize..16).prop_map(|s| json!({"resample": {"shape": s}})).boxed(),
        prop::array::uniform3(0.5f64..2.5).prop_map(|s| json!({"resample": {"spacing": s}})).boxed(),
        (prop::array::uniform3(0.5f64..2.5), prop::sample::select(vec!["inside", "first"]))
            .prop_map(|(s, f)| json!({"resample": {"spacing": s, "fit": f}}))
            .boxed(),
        prop::array::uniform3(1usize..16)
            .prop_map(|s| json!({"resample": {"shape": s, "interpolation": "nearest"}}))
            .boxed(),
        (
            prop::array::uniform3(-40.0f64..40.0),
            prop::sample::select(vec!["edge", "constant", "reflect", "wrap"]),
        )
            .prop_map(|(r, m)| json!({"affine": {"rotate": r, "scale": 1.1, "mode": m}}))
            .boxed(),
        Just(json!({ "affine": {"rotate": 20, "interpolation": "nearest"} })).boxed(),
        (3usize..7, prop::sample::select(vec!["edge", "constant", "symmetric"]))
            .prop_map(|(c, m)| json!({"elastic": {"control_points": c + 1, "max_displacement": [2, 1, 3], "locked_borders": 0, "mode": m, "label_interpolation": "linear"}}))
            .boxed(),
        (1usize..6, prop::sample::select(vec!["edge", "constant"]))
            .prop_map(|(c, m)| json!({"grid_distortion": {"cells": c, "limits": [-0.3, 0.4], "mode": m}}))
            .boxed(),
        Just(json!({"affine": {"rotate": [10, 20, -30], "scale": 1.2, "moves": "grid", "unit": "voxels", "mode": "constant", "label_interpolation": "linear"}})).boxed(),
        Just(json!({"elastic_noise": {"sigma": 2, "magnitude": 3, "scale": "peak", "mode": "constant"}})).boxed(),
        Just(json!({"affine": {"rotate": [9, -20, 14], "translate": [0.7, -1, 2], "scale": [0.8, 1.1, 1.3], "frame": "ras", "order": "yxz", "sequence": ["rotate", "translate", "shear", "scale"], "mode": "smallest"}})).boxed(),
        Just(json!({"elastic": {"control_points": [4, 5, 6], "max_displacement": 3, "locked_borders": 0, "frame": "lps"}})).boxed(),
        prop::sample::select(vec!["voxels", "mm"])
            .prop_map(|u| json!({"displace": {"field": [[[[1, 0.5, -2], [0, 1.5, 0.25]]], [[[-1, 0, 1], [2, 0.5, 0.5]]]], "unit": u, "mode": "constant"}}))
            .boxed(),
        prop::sample::subsequence(vec![0, 1, 2], 1..=3)
            .prop_map(|a| json!({"flip": {"axes": a, "affine": "keep"}}))
            .boxed(),
        Just(json!({"zoom": {"factor": [1.4, 1.0, 2.1], "label_interpolation": "linear"}})).boxed(),
        sampled(),
        sampled(),
        Just(json!({"resample_to": {"grid": {"shape": [7, 9, 5], "affine": [[0.9, 0.3, 0, -8], [-0.3, 1.1, 0.1, 3], [0, 0.2, 1.7, -4], [0, 0, 0, 1]]}, "interpolation": "cubic"}})).boxed(),
        Just(json!({"bspline_deform": {"control_points": 4, "displacements": (0..64).map(|i| [f64::from(i % 5) - 2.0, 0.5, f64::from(i % 3)]).collect::<Vec<_>>(), "frame": "lps"}})).boxed(),
    ])
}

/// Every sampler, on grids of another shape and deformed.
fn sampled() -> BoxedStrategy<Value> {
    let along = vec!["cubic", "area", "area_whole", "lanczos", "nearest_floor"];
    let modes = || prop::sample::select(vec!["edge", "constant", "reflect", "symmetric", "wrap"]);
    let labels = prop::sample::select(vec!["nearest", "nearest_floor", "linear"]);
    let shape = || prop::array::uniform3(1usize..16);
    prop_oneof![
        4 => (shape(), prop::sample::select(along), modes(), labels)
            .prop_map(|(s, i, m, l)| json!({"resample": {"shape": s, "interpolation": i, "mode": m, "value": 30, "label_interpolation": l}})),
        1 => (shape(), prop::bool::ANY)
            .prop_map(|(s, c)| json!({"resample": {"shape": s, "interpolation": "cubic", "clip": c, "fit": "corners"}})),
        1 => prop::array::uniform3(0.5f64..2.5).prop_map(|s| json!({"resample": {"spacing": s, "preset": "nnunet"}})),
        1 => (shape(), prop::sample::select(vec!["scikit", "monai"]))
            .prop_map(|(s, a)| json!({"resample": {"shape": s, "anti_alias": a}})),
        3 => (prop::array::uniform3(-40.0f64..40.0), modes())
            .prop_map(|(r, m)| json!({"affine": {"rotate": r, "scale": 0.9, "mode": m, "value": 12, "interpolation": "cubic"}})),
        1 => modes().prop_map(|m| json!({"elastic": {"control_points": 5, "max_displacement": 2, "mode": m, "interpolation": "cubic"}})),
        1 => Just(json!({"affine": {"rotate": [0, 0, 30], "mode": "smallest", "interpolation": "cubic"}})),
        1 => Just(json!({"affine": {"matrix": [[0.9, 0.1, 0, 1], [0, 1.1, 0, -1], [0, 0.2, 1, 0], [0, 0, 0, 1]], "about": "origin", "interpolation": "cubic"}})),
    ]
    .boxed()
}

/// Chains of lattice, point and filter steps with up to `warps` interpolations in between.
pub(crate) fn chain(warps: usize) -> BoxedStrategy<Vec<Node>> {
    let plain = || Union::new(vec![lattice().boxed(), point().boxed(), point().boxed(), filter()]);
    let some = || prop::collection::vec(plain(), 0..3);
    let between = (interpolating(), some()).prop_map(|(i, mut rest)| {
        rest.insert(0, i);
        rest
    });
    let low =
        prop::sample::select(vec![json!({ "simulate_low_resolution": 0.6 }), json!({ "anisotropy": 1.7 })]);
    let tail = prop_oneof![3 => Just(vec![]), 1 => low.prop_map(|v| vec![v])];
    (some(), prop::collection::vec(between, 0..=warps), tail)
        .prop_map(move |(a, b, c)| {
            let mut all = a;
            let count = b.len();
            all.extend(b.into_iter().flatten());
            if count < warps {
                all.extend(c);
            }
            nodes(&all)
        })
        .boxed()
}

/// Chains of copies.
pub(crate) fn lattice_chain() -> BoxedStrategy<Vec<Node>> {
    prop::collection::vec(lattice(), 1..6).prop_map(|v| nodes(&v)).boxed()
}

/// Chains of spatial steps of all kinds.
pub(crate) fn spatial_chain() -> BoxedStrategy<Vec<Node>> {
    let patches = prop::sample::select(vec![
        json!({"random_crop": {"shape": 3, "count": 3}}),
        json!({"random_crop_by_label": {"shape": 3, "count": 2}}),
        json!({"random_crop_by_label": {"shape": [4, 1, 3], "forced": 0.6, "edges": {"nnunet": 2}}}),
        json!({"grid_crop": {"shape": 6}}),
    ]);
    prop::collection::vec(prop_oneof![3 => lattice(), 2 => interpolating(), 1 => patches], 1..5)
        .prop_map(|v| nodes(&v))
        .boxed()
}

/// Chains of regriddings that keep at least the middle of the volume.
pub(crate) fn regrid_chain() -> BoxedStrategy<Vec<Node>> {
    let resample = || prop::array::uniform3(0.4f64..2.0).prop_map(|s| json!({"resample": {"spacing": s}}));
    let step = prop_oneof![
        prop::sample::select(vec!["RAS", "LPS", "PIR", "SAL"]).prop_map(|c| json!({ "reorient": c })),
        prop::sample::subsequence(vec![0, 1, 2], 1..=3).prop_map(|a| json!({ "flip": a })),
        (0i32..4).prop_map(|k| json!({"rot90": {"k": k, "axes": [0, 2]}})),
        prop::array::uniform3(0usize..4).prop_map(|p| json!({"pad": {"amount": p, "mode": "edge"}})),
        resample(),
    ];
    prop::collection::vec(step, 1..6).prop_map(|v| nodes(&v)).boxed()
}

/// Whether a world point is so far inside the first grid that no grid of the chain mixes in what lies beyond its edge: twice the widest voxel on the way.
pub(crate) fn clear_of_edges(first: &Grid, steps: &[Node], world: [f64; 3]) -> bool {
    let mut grid = *first;
    let mut widest = 0.0f64;
    for node in steps {
        let facts = medcore::Facts { grid: &grid, items: &[], item: None, places: &[] };
        for step in node.transform().expect("no group").plan(&facts, medcore::Key::new(0)).expect("planned") {
            if let medcore::Step::Warp(w) = step {
                grid = w.grid;
            }
        }
        widest = grid.spacing().into_iter().fold(widest, f64::max);
    }
    let at = first.affine.inverse().map_or([-1.0; 3], |back| back.apply(world));
    let spacing = first.spacing();
    (0..3).all(|i| {
        let margin = 2.0 * widest / spacing[i];
        at[i] >= margin && at[i] <= first.shape[i] as f64 - 1.0 - margin
    })
}
