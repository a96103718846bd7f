//! Voxels that are chosen by their label: counted in rows, however the label lies in memory, they are those that an index of all of them tells.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

mod given;

use std::path::Path;
use std::sync::Arc;

use given::nodes;
use medcore::{Affine, DType, Grid, Role, Volume, with_element};
use medio::SaveOptions;
use medpipe::{LazyItem, LazySample, LazyVolume, Pipeline, Records};
use serde_json::{Value, json};

type Shape = [usize; 3];

/// How the axes lie in memory: which is the fastest, the next, the slowest, and which of them run backwards.
type Order = ([usize; 3], [bool; 3]);

const ORDERS: [Order; 8] = [
    ([0, 1, 2], [false; 3]),
    ([2, 1, 0], [false; 3]),
    ([1, 0, 2], [false; 3]),
    ([2, 0, 1], [false; 3]),
    ([1, 2, 0], [false, false, true]),
    ([2, 1, 0], [true, true, false]),
    ([2, 1, 0], [false, false, true]),
    ([0, 2, 1], [true, false, false]),
];

/// A volume of values in its logical order (x fastest), as they lie in memory in another; `gap` voxels lie between rows, `odd` bytes before all.
fn lying(values: &[f64], dtype: DType, shape: Shape, order: Order, gap: usize, odd: usize) -> Volume {
    let (axes, backwards) = order;
    let mut strides = [0isize; 3];
    let mut step = 1;
    for (n, &axis) in axes.iter().enumerate() {
        strides[axis] = step as isize;
        step *= shape[axis] + if n == 0 { gap } else { 0 };
    }
    let size = dtype.bytes();
    let mut offset = 0;
    for axis in (0..3).filter(|&axis| backwards[axis]) {
        offset += strides[axis] * (shape[axis] as isize - 1);
        strides[axis] = -strides[axis];
    }
    let mut bytes = vec![0u8; step * size];
    for (n, v) in values.iter().enumerate() {
        let at = [n % shape[0], n / shape[0] % shape[1], n / shape[0] / shape[1]];
        let place = (0..3).fold(offset, |sum, i| sum + at[i] as isize * strides[i]) as usize;
        with_element!(dtype, T => {
            use medkernels::element::Element;
            bytes[place * size..][..size].copy_from_slice(bytemuck::bytes_of(&T::from_f64_saturating(*v)));
        }, else => ());
    }
    // Memory of NumPy's may begin anywhere.
    let mut whole = vec![0u8; odd];
    whole.extend(bytes);
    let store = Arc::new(Odd(whole, odd));
    let grid = Grid::new(shape, Affine::IDENTITY);
    Volume::strided(store, dtype, grid, offset as usize, strides, vec![], vec![]).unwrap()
}

/// Memory that begins at an odd address.
#[derive(Debug)]
struct Odd(Vec<u8>, usize);

impl medcore::Storage for Odd {
    fn bytes(&self) -> &[u8] {
        &self.0[self.1..]
    }
}

/// Numbers from 0 to 2^24.
fn noise(n: usize, seed: u32) -> u32 {
    (n as u32)
        .wrapping_add(seed.wrapping_mul(97))
        .wrapping_mul(2_654_435_761)
        .rotate_left(13)
        .wrapping_mul(0x9e37_79b1)
        >> 8
}

/// Labels in runs of up to `long` voxels, of the given values.
fn labels(shape: Shape, values: &[f64], long: usize, seed: u32) -> Vec<f64> {
    let n: usize = shape.iter().product();
    (0..n).map(|i| values[noise(i / long, seed) as usize % values.len()]).collect()
}

fn sample(image: LazyVolume, label: LazyVolume) -> LazySample {
    LazySample::default().with("image", LazyItem::Volume(image)).with("seg", LazyItem::Volume(label))
}

fn files(folder: &Path, image: &Volume, label: &Volume) -> LazySample {
    let save = |name: &str, v: &Volume| {
        let path = folder.join(name);
        medio::save(&path, v, &SaveOptions { sync: false, ..SaveOptions::default() }).unwrap();
        path
    };
    let image = LazyVolume::open(save("image.nii", image)).unwrap();
    sample(image, LazyVolume::open_as(save("seg.nii", label), Role::Label).unwrap())
}

/// What is cut: places, and the label's voxels.
fn cut(pipeline: &Pipeline, s: &LazySample, epoch: u64) -> Result<Vec<(Grid, Vec<f64>)>, String> {
    let made = pipeline.apply(s, "s", epoch).map_err(|e| e.to_string())?;
    let one = |s: &LazySample| {
        let v = s.volume("seg").unwrap().compute_as(Some(DType::F64), medpipe::Layout::XFastest).unwrap();
        let mut bytes = vec![0; v.grid().len() * 8];
        v.copy_channel(0, &mut bytes).unwrap();
        (*v.grid(), bytemuck::pod_collect_to_vec(&bytes))
    };
    Ok(made.iter().map(one).collect())
}

fn rules() -> Vec<Value> {
    let mut out = vec![
        json!({"foreground": 0.5}),
        json!({"foreground": 0.0}),
        json!({"foreground": 1.0, "image": "image"}),
        json!({"foreground": 0.5, "image": "image", "above": 9000000}),
        json!({"foreground": 0.5, "image": "image", "above": 1e9}),
        json!({"classes": {"0": 1, "3": 2, "-7": 1}}),
        json!({"classes": {"3": 1, "200": 4}, "image": "image", "above": 5000000}),
        json!({"classes": {"77": 1}}),
        json!({"forced": 0.4}),
        json!({"forced": 0.34, "forced_by": "place"}),
        json!({"forced": 0.0, "image": "image", "above": 5000000}),
        json!({"forced": 0.6, "classes": {"1": 1, "3": 3}}),
    ];
    let edges: Vec<Value> = out
        .iter()
        .map(|rule| {
            let mut rule = rule.clone();
            rule["edges"] = json!("skip");
            rule
        })
        .collect();
    out.extend(edges);
    out
}

#[test]
fn chosen_voxels_are_those_of_the_index_however_the_label_lies() {
    let dir = tempfile::tempdir().unwrap();
    let few = [0.0, 1.0, 3.0];
    let signed = [0.0, -7.0, 3.0, 1.0];
    let wide = [0.0, 3.0, 200.0, 70_000.0];
    let many: Vec<f64> = (0..90).map(f64::from).collect();
    let cases: [(Shape, DType, &[f64], usize); 9] = [
        ([9, 7, 5], DType::U8, &few, 1),
        ([9, 7, 5], DType::I16, &signed, 4),
        ([33, 20, 18], DType::I8, &signed, 2),
        ([70, 6, 130], DType::U16, &few, 40),
        ([20, 90, 33], DType::I32, &wide, 1),
        ([5, 40, 70], DType::U32, &wide, 7),
        ([1, 33, 21], DType::I64, &wide, 3),
        ([24, 1, 40], DType::U64, &wide, 2),
        ([31, 30, 12], DType::U8, &many, 1),
    ];
    for (n, (shape, dtype, values, long)) in cases.into_iter().enumerate() {
        let values = labels(shape, values, long, n as u32);
        let voxels: Vec<f64> = (0..values.len()).map(|i| f64::from(noise(i / 3, 50))).collect();
        let plain = ORDERS[0];
        let label = lying(&values, dtype, shape, plain, 0, 0);
        let image = lying(&voxels, DType::F32, shape, plain, 0, 0);
        let folder = dir.path().join(n.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let on_disk = files(&folder, &image, &label);
        for (r, rule) in rules().into_iter().enumerate() {
            let mut rule = rule;
            rule["shape"] = json!([3, 4, 3]);
            rule["count"] = json!(4);
            let steps = nodes(&[json!({ "random_crop_by_label": rule })]);
            let pipeline = Pipeline::new(steps).with_seed(3);
            let indexed = pipeline.clone().with_records(&Records::in_memory());
            let epoch = r as u64;
            let want = cut(&indexed, &on_disk, epoch);
            assert_eq!(cut(&pipeline, &on_disk, epoch), want, "{rule} from files, {shape:?} {dtype}");
            for (o, order) in ORDERS.into_iter().enumerate() {
                for (gap, odd) in [(0, 0), (3, 0), (0, 1)] {
                    let label = lying(&values, dtype, shape, order, gap, odd);
                    // The image lies as the label does, or not.
                    let order = if o % 3 == 0 { plain } else { order };
                    let image = LazyVolume::from_volume(lying(&voxels, DType::F32, shape, order, 0, 0));
                    let s = sample(image, LazyVolume::from_volume_as(label, Role::Label).unwrap());
                    assert_eq!(
                        cut(&pipeline, &s, epoch),
                        want,
                        "{rule}, {shape:?} {dtype} in {order:?}, {gap} {odd}"
                    );
                }
            }
        }
    }
}

#[test]
fn where_no_patch_wants_a_label_it_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let shape = [40, 30, 20];
    let values = labels(shape, &[0.0, 1.0], 5, 1);
    let image = lying(&values, DType::F32, shape, ORDERS[0], 0, 0);
    let label = lying(&values, DType::U8, shape, ORDERS[0], 0, 0);
    for (forced, whole) in [(0.0, false), (1.0, true)] {
        let s = files(dir.path(), &image, &label);
        let rule = json!({"shape": 4, "forced": forced, "forced_by": "place"});
        let pipeline = Pipeline::new(nodes(&[json!({ "random_crop_by_label": rule })])).with_seed(3);
        let made = pipeline.apply(&s, "s", 0).unwrap();
        let read = s.volume("seg").unwrap().file().unwrap().bytes_read();
        assert_eq!(read >= 40 * 30 * 20, whole, "{read} bytes");
        assert_eq!(made.len(), 1);
    }
}

#[test]
fn an_interpolation_before_the_cut_is_joined_with_none_after_it() {
    // Whether the label is looked at or not.
    let shape = [20, 18, 16];
    let values = labels(shape, &[0.0, 1.0], 9, 1);
    let volume = || LazyVolume::from_volume(lying(&values, DType::F32, shape, ORDERS[0], 0, 0));
    let label = || {
        let label = lying(&values, DType::U8, shape, ORDERS[0], 0, 0);
        LazyVolume::from_volume_as(label, Role::Label).unwrap()
    };
    let stages = |forced: f64| {
        let turn = json!({"affine": {"rotate": [0, 0, 20]}});
        let crop = json!({"random_crop_by_label": {"shape": 12, "forced": forced}});
        let pipeline = Pipeline::new(nodes(&[turn.clone(), crop, turn])).with_seed(3);
        let made = pipeline.apply(&sample(volume(), label()), "s", 0).unwrap();
        made[0].volume("seg").unwrap().explain().unwrap().matches("interpolate").count()
    };
    assert_eq!((stages(0.0), stages(1.0)), (2, 2));
}
