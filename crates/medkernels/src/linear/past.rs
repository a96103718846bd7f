//! Linear maps on their way past the caches.

use super::{Linear, Map, Place, many, run, together};
use crate::ahead::{self, STRETCH};
use crate::intrinsics;
use crate::kernel::kernel;
use crate::points::Row;

/// [`run`] past the caches, of maps that are taken [`together`]; the stores are ordered by whoever asks for them.
///
/// # Panics
/// If the rows differ in length, or there are more maps.
pub(crate) fn past(dst: &mut [f32], src: &[f32], maps: &[Linear]) {
    assert_eq!(src.len(), dst.len(), "the rows differ in length");
    assert_eq!(together(maps), maps.len(), "more maps than go through a row together");
    // From the first cache line of the output on, whole lines.
    let head = dst.as_ptr().align_offset(64).min(dst.len());
    let (dst_head, dst) = dst.split_at_mut(head);
    let (src_head, src) = src.split_at(head);
    run(Row::From { src: src_head, dst: dst_head }, maps);
    let (lines, tail) = dst.as_chunks_mut();
    let (groups, rest) = src.as_chunks();
    many(Lines { dst: lines, src: groups }, maps);
    run(Row::From { src: rest, dst: tail }, maps);
}

/// Cache lines past the caches.
struct Lines<'a> {
    dst: &'a mut [[f32; 16]],
    src: &'a [[f32; 16]],
}

impl Place for Lines<'_> {
    type Done = ();

    fn through<M: Map>(self, map: M) {
        lines(self.dst, self.src, map);
    }
}

kernel! {
    fn lines[M: Map](dst: &mut [[f32; 16]], src: &[[f32; 16]], map: M) {
        const LINES: usize = STRETCH / 16;
        let (stretches, last) = dst.as_chunks_mut::<LINES>();
        let (from, rest) = src.as_chunks::<LINES>();
        for (lines, from) in stretches.iter_mut().zip(from) {
            ahead::read(from.as_flattened());
            let mut voxels = [0.0; STRETCH];
            for (voxel, from) in voxels.iter_mut().zip(from.as_flattened()) {
                *voxel = map.of(*from);
            }
            for (line, voxels) in lines.iter_mut().zip(voxels.as_chunks::<16>().0) {
                intrinsics::stream_line(bytemuck::cast_mut(line), bytemuck::cast_ref(voxels));
            }
        }
        for (voxel, from) in last.as_flattened_mut().iter_mut().zip(rest.as_flattened()) {
            *voxel = map.of(*from);
        }
    }
}
