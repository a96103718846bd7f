//! What is drawn: channels by themselves, groups, and drawn plans that give the same bits.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

#[path = "../given/mod.rs"]
mod given;

mod catalog;
mod channels;
mod drawn;
mod groups;

use std::sync::Arc;

use medcore::{Affine, DType, Grid, Key, Role, Volume};
use medpipe::{LazyItem, LazySample, LazyVolume, Node, Pipeline};
use serde_json::Value;

/// A volume of so many channels, each with other values from -1 to 3; one channel has no axis of its own.
fn image(shape: [usize; 3], channels: usize, seed: u64) -> Volume {
    let grid = Grid::new(shape, Affine::from_spacing([1.0, 1.5, 2.0]));
    let n = grid.len() * channels;
    let values: Vec<f32> =
        (0..n as u64).map(|i| (Key::new(seed).index(i).uniform() * 4.0 - 1.0) as f32).collect();
    let extra = if channels > 1 { vec![channels] } else { vec![] };
    let bytes = bytemuck::cast_slice(&values).to_vec();
    Volume::packed(Arc::new(bytes), DType::F32, grid, extra, Arc::default()).unwrap()
}

fn pipeline(nodes: &[Value], seed: u64) -> Pipeline {
    Pipeline::new(given::nodes(nodes)).with_seed(seed)
}

/// A sample with an image of two channels, another image, a label, weights, colours and landmarks.
fn sample(shape: [usize; 3]) -> LazySample {
    let lazy = |v: Volume, role| LazyItem::Volume(LazyVolume::from_volume_as(v, role).unwrap());
    let grid = *image(shape, 1, 0).grid();
    let labels: Vec<u8> = (0..grid.len()).map(|n| (n / 7 % 3) as u8).collect();
    let label = Volume::packed(Arc::new(labels), DType::U8, grid, vec![], Arc::default()).unwrap();
    let weight: Vec<f32> = image(shape, 1, 5).to_f32().unwrap().iter().map(|v| v.abs() + 0.1).collect();
    let points = medcore::Points { world: vec![grid.world([1.0, 2.0, 3.0]), grid.world([4.5, 0.0, 2.0])] };
    LazySample::default()
        .with("image", lazy(image(shape, 2, 1), Role::Image))
        .with("t2", lazy(image(shape, 1, 2), Role::Image))
        .with("label", lazy(label, Role::Label))
        .with("weight", lazy(Volume::from_f32(grid, &weight).unwrap(), Role::Map))
        .with("colours", lazy(image(shape, 3, 4), Role::Map))
        .with("points", LazyItem::Points(points))
}

/// All that a sample holds, bit for bit.
fn bits(sample: &LazySample) -> Vec<(String, Vec<u64>, Vec<u8>)> {
    let of = |(name, item): &(String, LazyItem)| match item {
        LazyItem::Volume(v) => {
            let v = v.compute().unwrap();
            let mut facts: Vec<u64> = v.grid().shape.iter().map(|n| *n as u64).collect();
            facts.extend(v.grid().affine.rows.iter().flatten().map(|x| x.to_bits()));
            let n = v.grid().len() * v.stored_dtype().bytes();
            let mut bytes = vec![0; n * v.channels()];
            for (c, out) in bytes.chunks_mut(n.max(1)).enumerate() {
                v.copy_channel(c, out).unwrap();
            }
            (name.clone(), facts, bytes)
        }
        LazyItem::Points(p) => {
            (name.clone(), p.world.iter().flatten().map(|x| x.to_bits()).collect(), vec![])
        }
        other => panic!("{other:?}"),
    };
    sample.items.iter().map(of).collect()
}

fn all_bits(samples: &[LazySample]) -> Vec<Vec<(String, Vec<u64>, Vec<u8>)>> {
    samples.iter().map(bits).collect()
}

/// Each channel's values after a pipeline.
fn channels_of(pipeline: &Pipeline, image: &Volume, epoch: u64) -> Vec<Vec<f32>> {
    let sample = LazySample::of_volume(LazyVolume::from_volume(image.clone()));
    let made = pipeline.apply(&sample, "case", epoch).unwrap().remove(0);
    let made = made.volume("image").unwrap().compute().unwrap();
    let n = made.grid().len();
    made.to_f32().unwrap().chunks(n).map(<[f32]>::to_vec).collect()
}

fn node(name: &str, value: Value) -> medpipe::Result<Node> {
    Node::new(name, value)
}
