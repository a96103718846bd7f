//! Voxels of another dtype, or with other channels.

use std::sync::Arc;

use medcore::{Box3, Remake, RemakeBy, Volume};
use medkernels::buffer::Buffer;
use medkernels::channels;
use medkernels::float_env::FloatEnv;
use medkernels::threads;

use crate::Result;
use crate::evaluate::buffer;

/// Voxels that one thread makes at once.
const STRETCH: usize = 1 << 14;

/// The voxels that others are made of, in the order in which they lie.
enum From<'a> {
    /// Each channel by itself.
    Planes(Vec<&'a [u8]>),
    /// So many channels of each voxel side by side.
    Pixels(&'a [u8], usize),
}

/// What is made of a volume. Where voxel by voxel, it lies in memory in the volume's own order of axes.
pub(crate) fn remade(remake: &Remake, of: &Volume) -> Result<Volume> {
    let _env = FloatEnv::enter();
    let (n, size) = (of.grid().len(), of.stored_dtype().bytes());
    let by_voxels = !matches!(remake.by, RemakeBy::Channel(_));
    let mut strides = if by_voxels { as_it_lies(of, 1) } else { None };
    let whole = Box3::whole(of.grid().shape);
    // Bytes at an odd address are no numbers yet.
    let unit = of.stored_dtype().swap_unit();
    let aligned = |bytes: &&[u8]| bytes.as_ptr().align_offset(unit) == 0;
    let lying = |channel: usize, strides: Option<[isize; 3]>| {
        let first = of.channel_offset(channel) * size;
        let bytes = match strides {
            Some(_) => of.storage().bytes().get(first..first + n * size),
            None => of.packed_box(channel, &whole),
        };
        bytes.filter(aligned)
    };
    let mut copies: Vec<Buffer> = vec![];
    let pixels = beside(of).filter(|_| by_voxels && strides.is_none());
    let pixels = pixels.and_then(|(as_lying, bytes)| Some((as_lying, Some(bytes).filter(aligned)?)));
    let from = if let Some((as_lying, bytes)) = pixels {
        strides = Some(as_lying);
        From::Pixels(bytes, of.channels())
    } else {
        if (0..of.channels()).any(|channel| lying(channel, strides).is_none()) {
            strides = None;
            for channel in 0..of.channels() {
                let mut copy = buffer(n * size)?;
                of.copy_channel(channel, copy.as_bytes_mut())?;
                copies.push(copy);
            }
        }
        From::Planes(if copies.is_empty() {
            (0..of.channels()).filter_map(|channel| lying(channel, strides)).collect()
        } else {
            copies.iter().map(Buffer::as_bytes).collect()
        })
    };
    let channels: usize = remake.extra.iter().product();
    let to = remake.dtype.bytes();
    let mut out = buffer(n * to * channels)?;
    let places = out.as_bytes_mut().chunks_mut((n * to).max(1));
    if let RemakeBy::Channel(run) = &remake.by {
        for (channel, place) in places.enumerate() {
            if let From::Planes(planes) = &from {
                run(planes[channel], of.grid().shape, place)?;
            }
        }
    } else {
        let mut parts: Vec<(Vec<&mut [u8]>, Result<()>)> =
            (0..n.div_ceil(STRETCH)).map(|_| (Vec::with_capacity(channels), Ok(()))).collect();
        for place in places {
            for (part, stretch) in parts.iter_mut().zip(place.chunks_mut(STRETCH * to)) {
                part.0.push(stretch);
            }
        }
        threads::for_each_mut(&mut parts, |at, (out, done)| {
            let voxels = at * STRETCH..(at * STRETCH + STRETCH).min(n);
            *done = stretch(&remake.by, &from, size, voxels, out);
        });
        parts.into_iter().try_for_each(|(_, done)| done)?;
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

/// Makes a stretch of voxels of `size` bytes a channel.
fn stretch(
    by: &RemakeBy,
    from: &From<'_>,
    size: usize,
    voxels: std::ops::Range<usize>,
    out: &mut [&mut [u8]],
) -> Result<()> {
    let bytes = voxels.start * size..voxels.end * size;
    match (by, from) {
        (RemakeBy::Voxels(run) | RemakeBy::Pixels { planes: run, .. }, From::Planes(planes)) => {
            let rows: Vec<&[u8]> = planes.iter().map(|plane| &plane[bytes.clone()]).collect();
            Ok(run(&rows, out)?)
        }
        (RemakeBy::Pixels { pixels, .. }, From::Pixels(all, of)) => {
            Ok(pixels(&all[bytes.start * of..bytes.end * of], out[0])?)
        }
        (RemakeBy::Voxels(run), From::Pixels(all, of)) => {
            // Each channel by itself, in the cache.
            let mut rows = buffer(bytes.len() * of)?;
            let pixels = &all[bytes.start * of..bytes.end * of];
            for (channel, row) in rows.as_bytes_mut().chunks_mut(bytes.len().max(1)).enumerate() {
                match size {
                    1 => channels::plane(pixels, channel, *of, row),
                    2 => plane::<u16>(pixels, channel, *of, row),
                    4 => plane::<u32>(pixels, channel, *of, row),
                    _ => plane::<u64>(pixels, channel, *of, row),
                }
            }
            let rows: Vec<&[u8]> = rows.as_bytes().chunks(bytes.len().max(1)).collect();
            Ok(run(&rows, out)?)
        }
        (RemakeBy::Channel(_), _) => Ok(()),
    }
}

fn plane<T: medkernels::element::Element>(pixels: &[u8], channel: usize, of: usize, row: &mut [u8]) {
    channels::plane::<T>(bytemuck::cast_slice(pixels), channel, of, bytemuck::cast_slice_mut(row));
}

/// The strides of a volume of which each channel is one stretch of memory with so many numbers to a voxel, whatever the order of its axes.
fn as_it_lies(v: &Volume, each: usize) -> Option<[isize; 3]> {
    let (shape, mut strides) = (v.grid().shape, v.strides());
    let mut axes: Vec<usize> = (0..3).filter(|i| shape[*i] > 1).collect();
    axes.sort_by_key(|i| strides[*i]);
    let mut step = 1;
    for i in axes {
        if strides[i] != step * each as isize {
            return None;
        }
        strides[i] = step;
        step *= shape[i] as isize;
    }
    (0..3).filter(|i| shape[*i] <= 1).for_each(|i| strides[i] = 1);
    Some(strides)
}

/// The bytes of a volume whose channels lie side by side, of 1, 2, 4 or 8 bytes each, and the strides of its voxels.
fn beside(v: &Volume) -> Option<([isize; 3], &[u8])> {
    let (channels, size) = (v.channels(), v.stored_dtype().bytes());
    let first = v.channel_offset(0);
    if channels < 2 || !v.stored_dtype().is_real() || (1..channels).any(|c| v.channel_offset(c) != first + c)
    {
        return None;
    }
    let strides = as_it_lies(v, channels)?;
    let bytes = v.storage().bytes().get(first * size..(first + v.grid().len() * channels) * size)?;
    Some((strides, bytes))
}
