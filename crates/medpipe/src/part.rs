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

    /// The same chain, with compressed files replaced by the voxels of it that are needed, so that nothing is inflated twice.
    pub(crate) fn preloaded(mut self) -> Result<Chain> {
        let source = &self.source;
        if !source.compressed() {
            return Ok(self);
        }
        let needed = self.source_box();
        let channels: Vec<usize> = (0..self.channels()).collect();
        // Of a stream, every channel may have to be inflated from its start again.
        let all = || source.inflates(&channels, &needed).map(|i| i.is_some_and(|(_, all)| all));
        if needed == Box3::whole(source.grid().shape) || all()? {
            self.source = Source::Memory(source.load()?);
            return Ok(self);
        }
        let (whole, dtype, scale) = (*source.grid(), source.stored_dtype(), source.scale());
        let (extra, meta) = (source.extra().to_vec(), source.meta().clone());
        let mut part = buffer(needed.len() * dtype.bytes() * channels.len())?;
        source.copy_boxes(&needed, part.as_bytes_mut())?;
        let part =
            Volume::packed(Arc::new(part), dtype, inner(&whole, &needed), extra, meta)?.with_scale(scale);
        Ok(self.on_part(part, &needed, &whole))
    }
}

/// The grid of a box of a grid.
pub(crate) fn inner(whole: &Grid, b: &Box3) -> Grid {
    Lattice { offset: b.start.map(|v| v as i64), ..Lattice::IDENTITY }.grid(whole, b.shape)
}
