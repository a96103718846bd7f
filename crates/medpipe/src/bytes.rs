//! Measurements of bytes in memory by how often each of their 256 values occurs: nothing is made float32, and each voxel is looked at once.

use std::ops::Range;

use medcore::{Box3, DType, Keep, Measure, Measured, Of};
use medkernels::histogram::{Bins, of_bytes};

use crate::compute::Resolved;
use crate::source::Source;
use crate::tile::Want;

impl Resolved {
    /// The numbers of the output, or of one channel of it, if it is bytes in memory as they are and the counts tell them.
    pub(crate) fn of_bytes(&self, only: Option<usize>, m: &Measure) -> Option<Vec<Measured>> {
        let counted = matches!(m.of, Of::Extent | Of::Histogram { tiles: None, .. })
            && matches!(m.keep, Keep::All | Keep::Nonzero | Keep::Above(_));
        let Source::Memory(v) = &self.chain.source else { return None };
        let plain = self.chain.stages.is_empty() && v.scale().is_none() && v.stored_dtype() == DType::U8;
        if !counted || !plain {
            return None;
        }
        let channels = only.map_or(0..v.channels(), |c| c..c + 1);
        let each = if m.per_channel { 1 } else { channels.len().max(1) };
        let groups = channels.clone().step_by(each).map(|c| c..(c + each).min(channels.end));
        groups.map(|group| self.counted(group, m)).collect()
    }

    /// The numbers of some channels together; `None` if their rows do not lie packed.
    fn counted(&self, channels: Range<usize>, m: &Measure) -> Option<Measured> {
        let whole = Box3::whole(self.chain.grid().shape);
        let [nx, ny, nz] = whole.shape;
        let mut tiles = vec![];
        for c in channels {
            let tile = self.chain.lying(0, c, &whole, Want::Stored)?;
            if tile.strides[0] != 1 && nx > 1 {
                return None;
            }
            tiles.push(tile);
        }
        let mut blocks = vec![];
        for tile in &tiles {
            let packed = tile.strides[1] == nx as isize || ny == 1;
            let (rows, long) = if packed { (1, nx * ny) } else { (ny, nx) };
            let places = (0..nz).flat_map(|z| (0..rows).map(move |y| [y, z]));
            blocks.extend(places.map(|[y, z]| {
                let at = tile.offset as isize + y as isize * tile.strides[1] + z as isize * tile.strides[2];
                &tile.bytes()[at as usize..][..long]
            }));
        }
        let counts = of_bytes(&blocks);
        let kept = |v: usize| match m.keep {
            Keep::Nonzero => v != 0,
            Keep::Above(limit) => v as f32 > limit as f32,
            _ => true,
        };
        let values = || (0..256).filter(|v| kept(*v) && counts[*v] > 0);
        let mut out = Measured::default();
        if let Of::Histogram { bins, .. } = &m.of {
            out.counts = in_bins(bins, values().map(|v| (v as f32, counts[v]))).into();
        } else {
            let (low, high) = (values().next(), values().next_back());
            out.extent =
                [low.map_or(f64::INFINITY, |v| v as f64), high.map_or(f64::NEG_INFINITY, |v| v as f64)];
        }
        out.count = values().map(|v| counts[v]).sum();
        Some(out)
    }
}

/// Values, and how often each occurs, as counts in bins.
fn in_bins(bins: &Bins, values: impl Iterator<Item = (f32, u64)>) -> Vec<u32> {
    let mut out = vec![0u32; bins.count];
    for (value, n) in values {
        let mut place = [0];
        bins.of(&[value], &mut place);
        if let Some(count) = out.get_mut(place[0] as usize) {
            *count = count.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
        }
    }
    out
}
