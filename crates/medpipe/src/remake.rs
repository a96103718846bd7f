//! Voxels of another dtype, or with other channels.

use std::sync::Arc;

use medcore::{Box3, Remake, RemakeBy, Volume};
use medkernels::buffer::Buffer;
use medkernels::float_env::FloatEnv;
use medkernels::threads;

use crate::Result;
use crate::evaluate::buffer;

/// Voxels that one thread makes at once.
const STRETCH: usize = 1 << 14;

/// What is made of a volume. Where voxel by voxel, it lies in memory in the volume's own order of axes.
pub(crate) fn remade(remake: &Remake, of: &Volume) -> Result<Volume> {
    let _env = FloatEnv::enter();
    let (n, size) = (of.grid().len(), of.stored_dtype().bytes());
    let mut strides = match remake.by {
        RemakeBy::Voxels(_) => as_it_lies(of),
        RemakeBy::Channel(_) => None,
    };
    let whole = Box3::whole(of.grid().shape);
    let lying = |channel: usize, strides: Option<[isize; 3]>| {
        let first = of.channel_offset(channel) * size;
        let bytes = match strides {
            Some(_) => of.storage().bytes().get(first..first + n * size),
            None => of.packed_box(channel, &whole),
        };
        // Bytes at an odd address are no numbers yet.
        bytes.filter(|bytes| bytes.as_ptr().align_offset(size) == 0)
    };
    let mut copies: Vec<Buffer> = vec![];
    if (0..of.channels()).any(|channel| lying(channel, strides).is_none()) {
        strides = None;
        for channel in 0..of.channels() {
            let mut copy = buffer(n * size)?;
            of.copy_channel(channel, copy.as_bytes_mut())?;
            copies.push(copy);
        }
    }
    let from: Vec<&[u8]> = if copies.is_empty() {
        (0..of.channels()).filter_map(|channel| lying(channel, strides)).collect()
    } else {
        copies.iter().map(Buffer::as_bytes).collect()
    };
    let channels: usize = remake.extra.iter().product();
    let to = remake.dtype.bytes();
    let mut out = buffer(n * to * channels)?;
    let places = out.as_bytes_mut().chunks_mut((n * to).max(1));
    match &remake.by {
        RemakeBy::Voxels(run) => {
            let mut parts: Vec<(Vec<&mut [u8]>, medcore::Result<()>)> =
                (0..n.div_ceil(STRETCH)).map(|_| (Vec::with_capacity(channels), Ok(()))).collect();
            for place in places {
                for (part, stretch) in parts.iter_mut().zip(place.chunks_mut(STRETCH * to)) {
                    part.0.push(stretch);
                }
            }
            threads::for_each_mut(&mut parts, |at, (out, done)| {
                let voxels = at * STRETCH * size..(at * STRETCH + STRETCH).min(n) * size;
                let rows: Vec<&[u8]> = from.iter().map(|channel| &channel[voxels.clone()]).collect();
                *done = run(&rows, out);
            });
            parts.into_iter().try_for_each(|(_, done)| done)?;
        }
        RemakeBy::Channel(run) => {
            for (place, voxels) in places.zip(&from) {
                run(voxels, of.grid().shape, place)?;
            }
        }
    }
    let (out, grid, extra) = (Arc::new(out), *of.grid(), remake.extra.clone());
    let Some(strides) = strides else {
        return Ok(Volume::packed(out, remake.dtype, grid, extra, of.meta().clone())?);
    };
    let mut step = n as isize;
    let each = extra.iter().map(|size| {
        let mine = step;
        step *= *size as isize;
        mine
    });
    let each = each.collect();
    Ok(Volume::strided(out, remake.dtype, grid, 0, strides, extra, each)?.with_meta(of.meta().clone()))
}

/// The strides of a volume of which each channel is one stretch of memory, whatever the order of its axes.
fn as_it_lies(v: &Volume) -> Option<[isize; 3]> {
    let (shape, mut strides) = (v.grid().shape, v.strides());
    let mut axes: Vec<usize> = (0..3).filter(|i| shape[*i] > 1).collect();
    axes.sort_by_key(|i| strides[*i]);
    let mut step = 1;
    for i in axes {
        if strides[i] != step {
            return None;
        }
        step *= shape[i] as isize;
    }
    (0..3).filter(|i| shape[*i] <= 1).for_each(|i| strides[i] = 1);
    Some(strides)
}
