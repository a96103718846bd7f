//! Indices in square brackets.

use medcore::ItemFacts;
use medpipe::{AxisSlice, LazyVolume, Pick};
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyEllipsis, PySlice, PySliceMethods, PyTuple};

use crate::errors;

/// What is taken of each axis.
pub(crate) struct Wanted {
    space: [AxisSlice; 3],
    /// `None` where all of every frame axis is taken.
    frames: Option<Vec<Pick>>,
    whole: [usize; 3],
}

impl Wanted {
    /// The part of a volume.
    pub(crate) fn of(&self, v: &LazyVolume) -> medpipe::Result<LazyVolume> {
        let picked = match &self.frames {
            Some(picks) => v.frames(picks)?,
            None => v.clone(),
        };
        if (0..3).all(|i| self.space[i] == all(self.whole[i])) {
            return Ok(picked);
        }
        picked.slice(self.space)
    }
}

fn all(n: usize) -> AxisSlice {
    AxisSlice { start: 0, step: 1, count: n }
}

/// Reads an index: ints, slices and an ellipsis, for the axes that are shown.
pub(crate) fn parse(index: &Bound<'_, PyAny>, facts: &ItemFacts, space: usize) -> PyResult<Wanted> {
    let py = index.py();
    let items: Vec<Bound<'_, PyAny>> = match index.cast::<PyTuple>() {
        Ok(t) => t.iter().collect(),
        Err(_) => vec![index.clone()],
    };
    let sizes: Vec<usize> = facts.grid.shape[..space].iter().chain(&facts.extra).copied().collect();
    let dots = items.iter().filter(|i| i.is_instance_of::<PyEllipsis>()).count();
    let given = items.len() - dots;
    if dots > 1 || given > sizes.len() {
        let text = format!("{given} indices and {dots} ellipses for a volume of {} axes", sizes.len());
        return Err(PyIndexError::new_err(text));
    }
    let mut picks: Vec<Pick> = vec![];
    for item in &items {
        if item.is_instance_of::<PyEllipsis>() {
            for _ in 0..sizes.len() - given {
                picks.push(Pick::Some(all(sizes[picks.len()])));
            }
        } else {
            picks.push(pick(item, sizes[picks.len()], picks.len())?);
        }
    }
    while picks.len() < sizes.len() {
        picks.push(Pick::Some(all(sizes[picks.len()])));
    }
    for (axis, p) in picks.iter().enumerate() {
        if matches!(p, Pick::Some(a) if a.count == 0) {
            return Err(errors::shape(
                py,
                "slice",
                format!("no voxel along axis {axis}"),
                format!("indices inside {sizes:?}"),
            ));
        }
    }
    let mut wanted = Wanted { space: facts.grid.shape.map(all), frames: None, whole: facts.grid.shape };
    for (slot, p) in wanted.space.iter_mut().zip(&picks[..space]) {
        // An axis of space stays, with one voxel: a volume has a place in the world.
        *slot = match p {
            Pick::One(start) => AxisSlice { start: *start, step: 1, count: 1 },
            Pick::Some(a) => *a,
        };
    }
    let frames = &picks[space..];
    if frames.iter().zip(&facts.extra).any(|(p, &n)| *p != Pick::Some(all(n))) {
        wanted.frames = Some(frames.to_vec());
    }
    Ok(wanted)
}

fn pick(item: &Bound<'_, PyAny>, n: usize, axis: usize) -> PyResult<Pick> {
    if let Ok(slice) = item.cast::<PySlice>() {
        let s = slice.indices(n as isize)?;
        let (start, count) = (s.start.max(0) as usize, s.slicelength);
        return Ok(Pick::Some(AxisSlice { start, step: if count == 1 { 1 } else { s.step }, count }));
    }
    if item.is_instance_of::<pyo3::types::PyBool>()
        || !item.hasattr("__index__")?
        || item.hasattr("ndim")? && !item.getattr("ndim")?.eq(0)?
    {
        return Err(PyTypeError::new_err(
            "a volume is indexed by ints, slices and an ellipsis; for masks and lists use np.asarray(volume)[...]",
        ));
    }
    let at: isize = item.call_method0("__index__")?.extract()?;
    let start = if at < 0 { at + n as isize } else { at };
    match usize::try_from(start) {
        Ok(i) if i < n => Ok(Pick::One(i)),
        _ => {
            Err(PyIndexError::new_err(format!("index {at} is out of bounds for axis {axis} with {n} voxels")))
        }
    }
}
