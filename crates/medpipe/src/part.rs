//! Sources of which only a part is held.

use std::sync::Arc;

use medcore::{Boundary, Box3, Grid, Lattice, Volume};

use crate::Result;
use crate::chain::{Chain, Moved, Op, Stage};
use crate::evaluate::buffer;
use crate::source::Source;

impl Chain {
    /// The same chain on a part of its source, which takes the whole's place; nothing outside the part is asked for.
    pub(crate) fn on_part(mut self, part: Volume, b: &Box3, whole: &Grid) -> Chain {
        let lattice = Lattice { offset: b.start.map(|v| -(v as i64)), ..Lattice::IDENTITY };
        let moved = Moved { lattice, window: Box3::whole(b.shape), boundary: Boundary::Constant(0.0) };
        let (dtype, label) = (part.dtype(), "a part".into());
        self.stages.insert(0, Stage { op: Op::Lattice(moved), grid: *whole, dtype, label });
        self.source = Source::Memory(part);
        self
    }

    /// The same chain, with a compressed file replaced by the voxels of it that are needed, so that nothing is inflated twice.
    pub(crate) fn preloaded(mut self) -> Result<Chain> {
        let Source::File(file) = &self.source else { return Ok(self) };
        if !file.compressed() {
            return Ok(self);
        }
        let needed = self.source_box();
        let channels: Vec<usize> = (0..self.channels()).collect();
        // Of a stream, every channel may have to be inflated from its start again.
        let all = || self.source.inflates(&channels, &needed).map(|i| i.is_some_and(|(_, all)| all));
        if needed == Box3::whole(file.grid().shape) || all()? {
            self.source = Source::Memory(file.load()?);
            return Ok(self);
        }
        let size = file.stored_dtype().bytes();
        let mut part = buffer(needed.len() * size * channels.len())?;
        for (c, out) in part.as_bytes_mut().chunks_mut((needed.len() * size).max(1)).enumerate() {
            file.read_raw(c, &needed, out)?;
        }
        let (extra, meta) = (file.extra().to_vec(), file.meta().clone());
        let (whole, dtype, scale) = (*file.grid(), file.stored_dtype(), file.scale());
        let part =
            Volume::packed(Arc::new(part), dtype, inner(&whole, &needed), extra, meta)?.with_scale(scale);
        Ok(self.on_part(part, &needed, &whole))
    }
}

/// The grid of a box of a grid.
pub(crate) fn inner(whole: &Grid, b: &Box3) -> Grid {
    Lattice { offset: b.start.map(|v| v as i64), ..Lattice::IDENTITY }.grid(whole, b.shape)
}
