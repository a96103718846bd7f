//! What becomes of the classes of a voxel.

use std::path::Path;
use std::sync::Arc;

use bytemuck::Pod;
use medcore::{DType, Error, Grid, Storage};
use medio::Scratch;
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
pub(super) struct Made {
    room: Room,
    dtype: DType,
    reduce: Reduce,
    classes: usize,
}

/// Where it is put.
enum Room {
    Memory(Buffer),
    Disk(Scratch),
}

/// The part of a result that belongs to one slice: a piece for each channel.
pub(super) enum Slice<'a> {
    Classes(&'a mut [u8]),
    ManyClasses(&'a mut [u16]),
    Above(Vec<&'a mut [u8]>, f64),
    Means(Vec<&'a mut [f32]>),
}

/// The largest class so far of each voxel of a run.
#[derive(Default)]
pub(super) struct Leading {
    best: Vec<f32>,
    of_best: Vec<u32>,
}

impl Made {
    /// For so many classes on a grid, in memory or in a folder.
    pub(super) fn new(reduce: Reduce, classes: usize, grid: &Grid, folder: Option<&Path>) -> Result<Made> {
        let (dtype, channels) = match reduce {
            Reduce::Argmax if classes <= 256 => (DType::U8, 1),
            Reduce::Argmax => (DType::U16, 1),
            Reduce::Threshold(_) => (DType::U8, classes),
            Reduce::Mean => (DType::F32, classes),
        };
        let asked = grid.len().checked_mul(channels).and_then(|n| n.checked_mul(dtype.bytes()));
        let asked = asked.unwrap_or(usize::MAX);
        let room = match folder {
            Some(folder) => Room::Disk(Scratch::new(folder, asked)?),
            None => Room::Memory(Buffer::zeroed(asked).map_err(|_| Error::Limit {
                what: "the result of sliding windows".into(),
                asked: asked as u64,
                allowed: 0,
            })?),
        };
        Ok(Made { room, dtype, reduce, classes })
    }

    /// The `count` slices, each with `plane` voxels.
    pub(super) fn slices(&mut self, plane: usize, count: usize) -> Vec<Slice<'_>> {
        fn across<T: Pod>(all: &mut [u8], plane: usize, count: usize) -> Vec<Vec<&mut [T]>> {
            let mut out: Vec<Vec<&mut [T]>> = (0..count).map(|_| vec![]).collect();
            for (i, piece) in bytemuck::cast_slice_mut(all).chunks_mut(plane).enumerate() {
                out[i % count].push(piece);
            }
            out
        }
        let all = match &mut self.room {
            Room::Memory(buffer) => buffer.as_bytes_mut(),
            Room::Disk(scratch) => scratch.bytes_mut().unwrap_or_default(),
        };
        match self.reduce {
            Reduce::Argmax if self.dtype == DType::U8 => all.chunks_mut(plane).map(Slice::Classes).collect(),
            Reduce::Argmax => {
                bytemuck::cast_slice_mut(all).chunks_mut(plane).map(Slice::ManyClasses).collect()
            }
            Reduce::Threshold(above) => {
                across(all, plane, count).into_iter().map(|s| Slice::Above(s, above)).collect()
            }
            Reduce::Mean => across(all, plane, count).into_iter().map(Slice::Means).collect(),
        }
    }

    /// What is on a disk needs no memory for now.
    pub(super) fn settle(&mut self) {
        if let Room::Disk(scratch) = &mut self.room {
            scratch.settle();
        }
    }

    /// The voxels, what they are, and how many channels, if they are an axis.
    pub(super) fn into_parts(self) -> (Arc<dyn Storage>, DType, Option<usize>) {
        let voxels: Arc<dyn Storage> = match self.room {
            Room::Memory(buffer) => Arc::new(buffer),
            Room::Disk(scratch) => Arc::new(scratch),
        };
        (voxels, self.dtype, (self.reduce != Reduce::Argmax).then_some(self.classes))
    }
}

impl Slice<'_> {
    /// Reduces a run of voxels: `rows` has their values, class after class; they go to `at` and following.
    pub(super) fn put(&mut self, at: usize, count: usize, rows: &[f32], leading: &mut Leading) {
        let run = at..at + count;
        match self {
            Slice::Classes(out) => {
                let classes = leading.argmax(rows, count);
                out[run].iter_mut().zip(classes).for_each(|(o, c)| *o = *c as u8);
            }
            Slice::ManyClasses(out) => {
                let classes = leading.argmax(rows, count);
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

impl Leading {
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
