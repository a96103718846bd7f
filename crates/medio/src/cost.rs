//! What regions of a gzip file cost, before they are read.

use medcore::Box3;

use crate::Result;
use crate::checkpoints;
use crate::file::{Packing, VolumeFile, reopen};
use crate::gzip::Index;
use crate::runs::Runs;

impl VolumeFile {
    /// Bytes of content that are inflated to read a box of each of these channels, in this order; 0 if the file is not gzipped. Checkpoints that are known are
    /// reckoned with, and those that will be gathered on the way at their usual distance. Where members or an index are not known yet, they are read.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if the box leaves the volume; [`crate::Error::Changed`] and [`crate::Error::Io`].
    pub fn inflates(&self, channels: &[usize], b: &Box3) -> Result<u64> {
        if b.is_empty() || self.inner().packing == Packing::Plain {
            return Ok(0);
        }
        let file = reopen(self)?;
        let index = checkpoints::key(self, &file).map(|key| checkpoints::known(self, &key));
        let (mut sum, mut reached) = (0, 0);
        for &channel in channels {
            let runs = self.runs(channel, b)?;
            let members = match self.inner().packing {
                Packing::Members => self.members(&file, runs.first, runs.end(), false)?,
                _ => None,
            };
            sum += match members {
                Some(members) => runs.inflated_of(&members),
                None => runs.inflated_from(index.as_ref(), checkpoints::spacing(self), &mut reached),
            };
        }
        Ok(sum)
    }

    /// Bytes of content of the whole file: what is inflated to read all of it.
    pub fn content_bytes(&self) -> u64 {
        let m = &self.inner().meaning;
        m.first_voxel + m.voxel_bytes
    }
}

impl Runs {
    /// Bytes that a stream gives, entered where that is known to be possible; `reached` is how far it has been followed.
    pub(crate) fn inflated_from(&self, index: Option<&Index>, spacing: u64, reached: &mut u64) -> u64 {
        let (mut sum, mut decoded, mut entered) = (0, 0, false);
        for slab in 0..self.slabs as u64 {
            let start = self.first + slab * self.slab_step;
            let entry = index.map_or(0, |index| entry(index, start, *reached, spacing));
            if entry > decoded || !entered {
                (decoded, entered) = (entry, true);
            }
            let end = start + self.span() as u64;
            sum += end.saturating_sub(decoded);
            decoded = decoded.max(end);
        }
        *reached = decoded.max(*reached);
        sum
    }
}

/// Where a stream is entered to read what begins at `start`.
fn entry(index: &Index, start: u64, reached: u64, spacing: u64) -> u64 {
    let known = index.before(start).map_or(0, |p| p.position);
    let last = index.points.last().map_or(0, |p| p.position);
    if index.complete || start <= last {
        return known;
    }
    // As late as the checkpoints that will have been gathered allow: half their distance on average.
    known.max(start.min(reached).saturating_sub(spacing / 2))
}
