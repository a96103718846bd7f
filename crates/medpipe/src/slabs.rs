//! A chain's output, slab by slab on all threads.

use std::sync::{Mutex, PoisonError};

use medcore::{Box3, Measure};
use medkernels::streamed::{STREAMED_BYTES, STREAMS, Streamed};
use medkernels::threads;

use crate::Result;
use crate::chain::{Chain, Op, Stage};
use crate::evaluate::scratch;
use crate::measure::{self, Slice};
use crate::passes::{pieces, run_points, stream_points};
use crate::source::Source;
use crate::tile::Want;
use crate::work;

/// Voxels of a slab: about 1 MiB of float32, the second cache level.
pub(crate) const SLAB: usize = 256 << 10;

/// Bytes of the smallest parts that a thread is given where there could be fewer.
const PART: usize = 256 << 10;

/// Bytes that are made in the first cache and stored past all of them.
const PIECE: usize = 32 << 10;

impl Chain {
    /// The output into a packed buffer, slab by slab, and what each slice contributes to a measurement; with `moved` the
    /// buffer holds the voxels already, and only points are to be run on them.
    pub(crate) fn fill_slabs(
        &self,
        want: Want,
        measure: Option<(&Measure, Option<&[u8]>)>,
        moved: bool,
        out: &mut [u8],
    ) -> Result<Vec<Slice>> {
        let (grid, channels) = (*self.grid(), self.channels());
        let dtype = want.dtype(self.dtype());
        let halo = [1, 2].map(|axis| self.stages.iter().map(|s| s.halo()[axis]).sum::<usize>());
        let [nx, ny, nz] = grid.shape;
        let plane = nx * ny;
        let mut thickness = (SLAB / plane.max(1)).max(1).max(4 * halo[1]);
        let mut rows = ny;
        if self.traffic(want) < threads::PARALLEL_BYTES && channels == 1 {
            thickness = nz.max(1);
        } else {
            // Enough parts for all threads, none too thin for its halo; of few planes, which are not measured, parts. Where they cost nothing there are more,
            // so that all threads are done at about the same time.
            let (least, most) = (2 * threads::threads(), 16 * threads::threads());
            let wanted = if self.keeps_rows() { (out.len() / PART).clamp(least, most) } else { least };
            thickness = thickness.min(nz.div_ceil(wanted).max(2 * halo[1])).max(1);
            if thickness == 1 && measure.is_none() && nz * channels < wanted {
                rows = ny.div_ceil(wanted.div_ceil(nz.max(1) * channels)).max(4 * halo[0]);
            }
        }
        struct Part<'a> {
            channel: usize,
            b: Box3,
            out: &'a mut [u8],
            slices: Vec<Slice>,
        }
        let mut parts = vec![];
        let channel_bytes = (grid.len() * dtype.bytes()).max(1);
        for (channel, bytes) in out.chunks_mut(channel_bytes).enumerate() {
            for (n, bytes) in bytes.chunks_mut((thickness * plane * dtype.bytes()).max(1)).enumerate() {
                let z = n * thickness;
                let depth = thickness.min(nz - z);
                for (n, out) in bytes.chunks_mut((nx * rows * depth * dtype.bytes()).max(1)).enumerate() {
                    let b = Box3 { start: [0, n * rows, z], shape: [nx, rows.min(ny - n * rows), depth] };
                    parts.push(Part { channel, b, out, slices: vec![] });
                }
            }
        }
        // From the end, as [`run_points`] does; files are read forwards.
        let backwards = matches!(self.source, Source::Memory(_));
        if backwards {
            parts.reverse();
        }
        let streams = measure.is_none() && !moved && self.streams(want);
        let failed = Mutex::new(None);
        work::begin(parts.len());
        threads::for_each_mut(&mut parts, |_, part| {
            let result = if moved {
                for s in &self.stages {
                    if let Op::Points(runs) = &s.op {
                        let voxels = bytemuck::cast_slice_mut(part.out);
                        run_points(runs, part.channel, &part.b, grid.shape, voxels, None);
                    }
                }
                Ok(())
            } else if streams {
                self.stream(part.channel, &part.b, want, part.out)
            } else {
                self.fill(self.stages.len(), part.channel, &part.b, want, part.out)
            };
            if let Err(e) = result {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
                work::finish();
                return;
            }
            if let Some((m, mask)) = measure {
                for (n, voxels) in bytemuck::cast_slice::<_, f32>(part.out).chunks(plane.max(1)).enumerate() {
                    let z = part.b.start[2] + n;
                    let mask = mask.map(|m| &m[z * plane..(z + 1) * plane]);
                    part.slices.push(measure::slice(m, voxels, nx, mask));
                }
            }
            work::finish();
        });
        if let Some(e) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(e);
        }
        if backwards {
            parts.reverse();
        }
        Ok(parts.into_iter().flat_map(|p| p.slices).collect())
    }

    /// The whole output of a chain of one channel, into its place in something larger that does not fit the caches.
    pub(crate) fn fill_past(&self, want: Want, out: &mut [u8]) -> Result<()> {
        if !STREAMS || !self.keeps_rows() {
            return self.fill_slabs(want, None, false, out).map(drop);
        }
        work::begin(1);
        let done = self.stream(0, &Box3::whole(self.grid().shape), want, out);
        work::finish();
        done
    }

    /// Whether the output is to be stored past the caches: it does not fit them, and may be made in small pieces.
    pub(crate) fn streams(&self, want: Want) -> bool {
        let bytes = self.grid().len() * self.channels() * want.dtype(self.dtype()).bytes();
        STREAMS && bytes >= STREAMED_BYTES && self.keeps_rows()
    }

    /// Whether each voxel comes of one that lies in memory along the same row: then pieces of any size are as much work as the whole.
    fn keeps_rows(&self) -> bool {
        let Source::Memory(v) = &self.source else { return false };
        let alone = |s: &Stage| match &s.op {
            Op::Points(_) | Op::Cast(_) | Op::Relabel(_) => true,
            Op::Filter(_, f) => f.halo == [0; 3],
            Op::Lattice(m) => m.lattice.axes[0] == 0,
            _ => false,
        };
        v.strides()[0] == 1 && self.stages.iter().all(alone)
    }

    /// A box of the output, past the caches.
    fn stream(&self, channel: usize, b: &Box3, want: Want, out: &mut [u8]) -> Result<()> {
        let size = want.dtype(self.dtype()).bytes();
        let mut to = Streamed::onto(out);
        if let Some((Stage { op: Op::Points(runs), .. }, before)) = self.stages.split_last()
            && let Some(tile) = self.lying(before.len(), channel, b, Want::F32)
            && (tile.strides[0] == 1 || b.shape[0] == 1)
            && stream_points(runs, channel, b, self.grid().shape, &tile, &mut to)
        {
            return Ok(());
        }
        let mut piece = scratch((PIECE / size).max(b.shape[0]) * size)?;
        for part in pieces(b, PIECE / size) {
            let made = &mut piece.as_bytes_mut()[..part.len() * size];
            self.fill(self.stages.len(), channel, &part, want, made)?;
            to.put(made);
        }
        Ok(())
    }
}
