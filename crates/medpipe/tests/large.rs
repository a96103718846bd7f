//! Output that is too large for the caches is stored past them, in small pieces: the voxels are those of any box of it.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::sync::Arc;

use medcore::{Affine, DType, Grid, Volume};
use medkernels::streamed::STREAMED_BYTES;
use medpipe::{LazyVolume, Node};
use serde_json::{Value, json};

/// No row or plane ends where a cache line does.
const SHAPE: [usize; 3] = [181, 217, 113];

fn source() -> LazyVolume {
    let n = SHAPE.iter().product::<usize>();
    let voxels: Vec<f32> = (0..n).map(|i| ((i * 7919) % 65_521) as f32 * 0.37 - 900.0).collect();
    LazyVolume::from_volume(Volume::from_f32(Grid::new(SHAPE, Affine::IDENTITY), &voxels).unwrap())
}

fn label() -> LazyVolume {
    let n = SHAPE.map(|n| 2 * n).iter().product::<usize>();
    let voxels: Vec<u8> = (0..n).map(|i| ((i / 3) % 7) as u8).collect();
    let grid = Grid::new(SHAPE.map(|n| 2 * n), Affine::IDENTITY);
    let v = Volume::packed(Arc::new(voxels), DType::U8, grid, vec![], Arc::default()).unwrap();
    LazyVolume::from_volume_as(v, medcore::Role::Label).unwrap()
}

fn chained(start: &LazyVolume, steps: &[(&str, Value)]) -> LazyVolume {
    steps.iter().fold(start.clone(), |v, (name, value)| {
        v.then(Node::new(name, value.clone()).unwrap(), Some(1)).unwrap()
    })
}

#[test]
fn a_large_output_is_made_of_its_boxes() {
    let (image, label) = (source(), label());
    let chains: [(&LazyVolume, Vec<(&str, Value)>); 11] = [
        (&image, vec![("clamp", json!({"min": -100, "max": 9000}))]),
        (&image, vec![("log", json!(901)), ("scale_intensity", json!(3)), ("gamma", json!(0.7))]),
        (
            &image,
            vec![("clamp", json!({"min": -100, "max": 9000})), ("rescale", json!({"in_range": [0, 5000]}))],
        ),
        (&image, vec![("log", json!(901)), ("clamp", json!({"min": 1, "max": 9}))]),
        (
            &image,
            vec![
                ("crop", json!({"start": [1, 2, 0], "shape": [179, 215, 113]})),
                ("flip", json!("z")),
                ("scale_intensity", json!(1.7)),
            ],
        ),
        (&image, vec![("gaussian_noise", json!({"std": 5}))]),
        (&image, vec![("flip", json!("xz"))]),
        (
            &image,
            vec![("pad", json!({"amount": [3, 0, 5], "mode": "reflect"})), ("shift_intensity", json!(1))],
        ),
        (
            &image,
            vec![("crop", json!({"start": [1, 2, 0], "shape": [179, 215, 113]})), ("cast", json!("int32"))],
        ),
        (&image, vec![("rot90", json!({"axes": "xy"})), ("clamp", json!({"min": 0}))]),
        (&label, vec![("remap_labels", json!({"table": {"1": 2, "5": 0}})), ("flip", json!("y"))]),
    ];
    for (start, steps) in chains {
        let made = chained(start, &steps);
        let whole = made.compute().unwrap();
        let bytes = whole.storage().bytes();
        assert!(bytes.len() >= STREAMED_BYTES, "{steps:?}: {} bytes", bytes.len());
        let (shape, size) = (whole.grid().shape, whole.stored_dtype().bytes());
        let depth = 7;
        for z in [0, 1, shape[2] / 2, shape[2] - depth] {
            let part = json!({"start": [0, 0, z], "shape": [shape[0], shape[1], depth]});
            // Begun with the voxels again, not with the result.
            let part = chained(&chained(start, &steps), &[("crop", part)]).compute().unwrap();
            let plane = shape[0] * shape[1] * size;
            assert!(part.storage().bytes() == &bytes[z * plane..][..depth * plane], "{steps:?} from {z}");
        }
    }
}
