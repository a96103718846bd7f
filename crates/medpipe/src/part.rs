//! Sources of which only a part is held.

use std::sync::Arc;

use medcore::{Boundary, Box3, Grid, Lattice, Volume};

use crate::Result;
use crate::chain::{Chain, Moved, Op, Stage};
use crate::evaluate::buffer;
use crate::source::Source;

impl Chain {
    /// The same chain on a part of its source, which takes the whole's place; nothing outside the part is asked for.
    pub(crate) fn on_part(mut self, part: Source, b: &Box3, whole: &Grid) -> Chain {
        let lattice = Lattice { offset: b.start.map(|v| -(v as i64)), ..Lattice::IDENTITY };
        let moved = Moved { lattice, window: Box3::whole(b.shape), boundary: Boundary::Constant(0.0) };
        let (dtype, label) = (part.dtype(), "a part".into());
        self.stages.insert(0, Stage { op: Op::Lattice(moved), grid: *whole, dtype, label, awaited: None });
        self.source = part;
        self
    }

    /// The same chain, with compressed files replaced by the voxels of it that are needed, so that nothing is inflated twice.
    pub(crate) fn preloaded(mut self) -> Result<Chain> {
        let source = &self.source;
        if !source.compressed() {
            return Ok(self);
        }
        let whole = *source.grid();
        let needed = source.worth_reading(&self.source_box())?.1;
        let part = source.part(&needed)?;
        if needed == Box3::whole(whole.shape) {
            self.source = Source::Memory(part);
            return Ok(self);
        }
        Ok(self.on_part(Source::Memory(part), &needed, &whole))
    }
}

impl Source {
    /// What it costs to read a box of all channels, in bytes that are read or inflated, and the box that is better read: all, where every channel of a stream
    /// would have to be inflated from its start again.
    pub(crate) fn worth_reading(&self, b: &Box3) -> Result<(u64, Box3)> {
        let channels: Vec<usize> = (0..self.extra().iter().product()).collect();
        Ok(match self.inflates(&channels, b)? {
            None => ((b.len() * self.voxel_bytes()) as u64, *b),
            Some((bytes, false)) => (bytes, *b),
            Some((bytes, true)) => (bytes, Box3::whole(self.grid().shape)),
        })
    }

    /// A box of all channels as it is stored.
    pub(crate) fn part(&self, b: &Box3) -> Result<Volume> {
        if let Source::File(f) = self {
            return Ok(f.load_box(b)?);
        }
        if *b == Box3::whole(self.grid().shape) {
            return self.load();
        }
        let (dtype, extra) = (self.stored_dtype(), self.extra().to_vec());
        let mut part = buffer(b.len() * dtype.bytes() * extra.iter().product::<usize>())?;
        self.copy_boxes(b, part.as_bytes_mut())?;
        let part = Volume::packed(Arc::new(part), dtype, inner(self.grid(), b), extra, self.meta().clone())?;
        Ok(part.with_scale(self.scale()))
    }
}

/// The grid of a box of a grid.
pub(crate) fn inner(whole: &Grid, b: &Box3) -> Grid {
    Lattice { offset: b.start.map(|v| v as i64), ..Lattice::IDENTITY }.grid(whole, b.shape)
}
