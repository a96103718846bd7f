//! What becomes of the classes of a voxel.

use medcore::{DType, Error, Grid};
use medkernels::buffer::Buffer;
use medkernels::overlap::take_greater;
use serde::{Deserialize, Serialize};

use crate::Result;

/// What becomes of the classes of a voxel.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Reduce {
    /// The number of the class with the largest mean, the first of equal ones: uint8, uint16 above 256 classes.
    #[default]
    Argmax,
    /// For each class whether its mean is above this value, as uint8 channels 0 and 1: for classes that overlap.
    Threshold(f64),
    /// The means themselves, as float32 channels: classes × volume of memory.
    Mean,
}

/// The result in the making: for each channel a packed volume.
pub(super) enum Made {
    Classes(Buffer),
    ManyClasses(Buffer),
    Above(Buffer, f64, usize),
    Means(Buffer, usize),
}

/// The part of a result that belongs to one slice: a piece for each channel.
pub(super) enum Slice<'a> {
    Classes(&'a mut [u8]),
    ManyClasses(&'a mut [u16]),
    Above(Vec<&'a mut [u8]>, f64),
    Means(Vec<&'a mut [f32]>),
}

/// What a thread needs besides.
#[derive(Default)]
pub(super) struct Scratch {
    best: Vec<f32>,
    of_best: Vec<u32>,
}

impl Made {
    pub(super) fn new(reduce: Reduce, classes: usize, grid: &Grid) -> Result<Made> {
        let room = |channels: usize, bytes: usize| {
            let asked = grid.len().checked_mul(channels).and_then(|n| n.checked_mul(bytes));
            let asked = asked.unwrap_or(usize::MAX);
            Buffer::zeroed(asked).map_err(|_| Error::Limit {
                what: "the result of sliding windows".into(),
                asked: asked as u64,
                allowed: 0,
            })
        };
        Ok(match reduce {
            Reduce::Argmax if classes <= 256 => Made::Classes(room(1, 1)?),
            Reduce::Argmax => Made::ManyClasses(room(1, 2)?),
            Reduce::Threshold(above) => Made::Above(room(classes, 1)?, above, classes),
            Reduce::Mean => Made::Means(room(classes, 4)?, classes),
        })
    }

    /// The `count` slices, each with `plane` voxels.
    pub(super) fn slices(&mut self, plane: usize, count: usize) -> Vec<Slice<'_>> {
        fn across<T>(all: &mut [T], plane: usize, count: usize) -> Vec<Vec<&mut [T]>> {
            let mut out: Vec<Vec<&mut [T]>> = (0..count).map(|_| vec![]).collect();
            for (i, piece) in all.chunks_mut(plane).enumerate() {
                out[i % count].push(piece);
            }
            out
        }
        match self {
            Made::Classes(b) => b.as_mut_slice().chunks_mut(plane).map(Slice::Classes).collect(),
            Made::ManyClasses(b) => b.as_mut_slice().chunks_mut(plane).map(Slice::ManyClasses).collect(),
            Made::Above(b, above, _) => {
                let slices = across(b.as_mut_slice(), plane, count).into_iter();
                slices.map(|s| Slice::Above(s, *above)).collect()
            }
            Made::Means(b, _) => {
                across(b.as_mut_slice(), plane, count).into_iter().map(Slice::Means).collect()
            }
        }
    }

    /// The buffer, what is in it, and how many channels, if they are an axis.
    pub(super) fn into_parts(self) -> (Buffer, DType, Option<usize>) {
        match self {
            Made::Classes(b) => (b, DType::U8, None),
            Made::ManyClasses(b) => (b, DType::U16, None),
            Made::Above(b, _, classes) => (b, DType::U8, Some(classes)),
            Made::Means(b, classes) => (b, DType::F32, Some(classes)),
        }
    }
}

impl Slice<'_> {
    /// Reduces a run of voxels: `rows` has their values, class after class; they go to `at` and following.
    pub(super) fn put(&mut self, at: usize, count: usize, rows: &[f32], scratch: &mut Scratch) {
        let run = at..at + count;
        match self {
            Slice::Classes(out) => {
                let classes = scratch.argmax(rows, count);
                out[run].iter_mut().zip(classes).for_each(|(o, c)| *o = *c as u8);
            }
            Slice::ManyClasses(out) => {
                let classes = scratch.argmax(rows, count);
                out[run].iter_mut().zip(classes).for_each(|(o, c)| *o = *c as u16);
            }
            Slice::Above(channels, above) => {
                for (out, row) in channels.iter_mut().zip(rows.chunks(count)) {
                    let is_above = |v: &f32| u8::from(f64::from(*v) > *above);
                    out[run.clone()].iter_mut().zip(row).for_each(|(o, v)| *o = is_above(v));
                }
            }
            Slice::Means(channels) => {
                for (out, row) in channels.iter_mut().zip(rows.chunks(count)) {
                    out[run.clone()].copy_from_slice(row);
                }
            }
        }
    }
}

impl Scratch {
    fn argmax(&mut self, rows: &[f32], count: usize) -> &[u32] {
        let (first, rest) = rows.split_at(count);
        self.best.clear();
        self.best.extend_from_slice(first);
        self.of_best.clear();
        self.of_best.resize(count, 0);
        for (n, row) in rest.chunks(count).enumerate() {
            take_greater(row, n as u32 + 1, &mut self.best, &mut self.of_best);
        }
        &self.of_best
    }
}
