//! Several volumes as one block of memory.

use std::sync::{Mutex, PoisonError};

use medcore::{DType, Error};
use medkernels::threads;

use crate::{LazyVolume, Result};

/// Writes volumes of one shape behind each other: row after row as [`LazyVolume::compute_into`] writes one, so that `out` is (N, C, X, Y, Z), C-contiguous.
///
/// Each row is made by one thread, on as many threads as there are or as `count` says; of fewer volumes than threads, and with no `count` given,
/// one after the other is made by all threads. The bits do not depend on it.
///
/// # Errors
/// [`Error::Shape`] that names the first volume of another shape, or if `out` has not exactly the bytes; of the first volume that cannot be computed, its
/// error.
pub fn compute_rows(
    volumes: &[LazyVolume],
    dtype: DType,
    out: &mut [u8],
    count: Option<usize>,
) -> Result<()> {
    let Some(first) = volumes.first() else { return Ok(()) };
    let shape_of = |v: &LazyVolume| v.facts().map(|f| (f.channels(), f.grid.shape));
    let expected = shape_of(first)?;
    for (n, volume) in volumes.iter().enumerate() {
        let (channels, shape) = shape_of(volume)?;
        if (channels, shape) != expected {
            let found = format!("sample {n} with {channels} channels of {shape:?}");
            let (channels, shape) = expected;
            let wanted = format!("{channels} channels of {shape:?} as of sample 0; CropOrPad makes them so");
            return Err(Error::shape("batch", found, wanted).into());
        }
    }
    let each = first.bytes_as(dtype)?;
    if out.len() != each * volumes.len() {
        let wanted = format!("{} bytes", each * volumes.len());
        return Err(Error::shape("batch", format!("{} bytes", out.len()), wanted).into());
    }
    let mut rows = volumes.iter().zip(out.chunks_mut(each.max(1)));
    if count.is_none() && volumes.len() < threads::threads() {
        return rows.try_for_each(|(volume, row)| volume.compute_into(dtype, row));
    }
    let tasks = count.unwrap_or_else(threads::threads).clamp(1, volumes.len());
    let (queue, failed) = (Mutex::new(rows.enumerate()), Mutex::new(None));
    threads::for_each(tasks, |_| {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((n, (volume, row))) = next else { break };
            if let Err(e) = threads::inline(|| volume.compute_into(dtype, row)) {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if failed.as_ref().is_none_or(|(before, _)| n < *before) {
                    *failed = Some((n, e));
                }
            }
        }
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some((_, e)) => Err(e),
        None => Ok(()),
    }
}
