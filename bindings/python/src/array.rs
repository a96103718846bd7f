//! Arrays in and out: borrowed views of NumPy's memory, and NumPy views of a volume's memory. Nothing else here is unsafe.
#![allow(unsafe_code, reason = "memory is shared with NumPy; the only such file of the bindings")]

use std::ffi::c_int;
use std::sync::Arc;

use medcore::{DType, Grid, Storage, Volume};
use numpy::npyffi::{NPY_ARRAY_WRITEABLE, NpyTypes, PY_ARRAY_API, PyArrayObject, get_type_object, npy_intp};
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::errors;

/// The bytes of a NumPy array, from its lowest to its highest address.
struct Borrowed {
    /// Keeps the memory alive.
    _array: Py<PyAny>,
    start: *const u8,
    len: usize,
}

// SAFETY: the memory belongs to the array that the value keeps alive; it is only read. That nobody writes to it at the same time
// is the caller's promise, as for every view of an array; any bytes are valid numbers.
unsafe impl Send for Borrowed {}
// SAFETY: as above.
unsafe impl Sync for Borrowed {}

impl Storage for Borrowed {
    fn bytes(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: `start` and `len` span the array's own elements, see `borrow`.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

/// The memory that a NumPy array views.
#[pyclass(frozen)]
struct Memory {
    _volume: Volume,
}

/// The dtype of a NumPy dtype, byte order aside.
pub(crate) fn dtype_of(descr: &Bound<'_, PyArrayDescr>) -> PyResult<DType> {
    let py = descr.py();
    // The most common ones at once: NumPy takes a microsecond to make a dtype's name.
    let plain = match (descr.kind(), descr.itemsize()) {
        (b'f', 4) => Some(DType::F32),
        (b'f', 8) => Some(DType::F64),
        (b'u', 1) => Some(DType::U8),
        (b'i', 2) => Some(DType::I16),
        _ => None,
    };
    if let Some(dtype) = plain {
        return Ok(dtype);
    }
    let name: String = descr.getattr("name")?.extract()?;
    if let Ok(d) = name.parse::<DType>() {
        return Ok(d);
    }
    if let Some(fields) = descr.names() {
        let bytes = fields.iter().all(|f| descr.get_field(f).is_ok_and(|(d, _)| d.itemsize() == 1));
        match (bytes, fields.len(), descr.itemsize()) {
            (true, 3, 3) => return Ok(DType::Rgb24),
            (true, 4, 4) => return Ok(DType::Rgba32),
            _ => {}
        }
    }
    Err(errors::unsupported(
        py,
        "a volume",
        format!("voxels of dtype {descr}"),
        "convert the array to a dtype of at most 16 bytes first, such as float64",
    ))
}

/// The NumPy dtype of a dtype; bfloat16, which NumPy lacks, as its bits.
pub(crate) fn descr_of(py: Python<'_>, dtype: DType) -> PyResult<Bound<'_, PyArrayDescr>> {
    let colour =
        |names: &[&str]| names.iter().map(|n| ((*n).to_owned(), "u1".to_owned())).collect::<Vec<_>>();
    match dtype {
        DType::Rgb24 => PyArrayDescr::new(py, colour(&["R", "G", "B"])),
        DType::Rgba32 => PyArrayDescr::new(py, colour(&["R", "G", "B", "A"])),
        DType::BF16 => PyArrayDescr::new(py, "uint16"),
        d => PyArrayDescr::new(py, d.name()),
    }
}

/// A volume that views an array, or `None` where its memory cannot be walked: odd strides, other byte order, unaligned.
///
/// `space` are the array's axes that become x, y, z (z may be missing), `extra` those that follow.
pub(crate) fn borrow(
    array: &Bound<'_, PyUntypedArray>,
    dtype: DType,
    affine: medcore::Affine,
    space: &[usize],
    extra: &[usize],
) -> PyResult<Option<Volume>> {
    let py = array.py();
    let size = dtype.bytes() as isize;
    let (shape, strides) = (array.shape(), array.strides());
    let native = array.dtype().is_native_byteorder() != Some(false);
    if !native || !array.is_aligned() || strides.iter().zip(shape).any(|(s, &n)| n > 1 && s % size != 0) {
        return Ok(None);
    }
    let empty = shape.contains(&0);
    let (mut low, mut high) = (0isize, size);
    if !empty {
        for (&n, &s) in shape.iter().zip(strides) {
            let reach = s * (n as isize - 1);
            low += reach.min(0);
            high += reach.max(0);
        }
    }
    // SAFETY: the pointer is to a live array object.
    let first = unsafe { (*array.as_array_ptr()).fields.data.cast_const().cast::<u8>() };
    let len = if empty { 0 } else { (high - low) as usize };
    // SAFETY: `low` is the offset of the lowest element of the array from its first, so inside the same allocation.
    let start = if empty { first } else { unsafe { first.offset(low) } };
    let storage = Arc::new(Borrowed { _array: array.clone().into_any().unbind(), start, len });
    let step = |axis: usize| if shape[axis] > 1 { strides[axis] / size } else { 0 };
    let at = |i: usize| space.get(i).copied();
    let grid = Grid::new([0, 1, 2].map(|i| at(i).map_or(1, |a| shape[a])), affine);
    let steps = [0, 1, 2].map(|i| at(i).map_or(0, step));
    let sizes = extra.iter().map(|&a| shape[a]).collect();
    let extra_steps = extra.iter().map(|&a| step(a)).collect();
    let offset = if empty { 0 } else { (-low / size) as usize };
    Volume::strided(storage, dtype, grid, offset, steps, sizes, extra_steps)
        .map(Some)
        .map_err(|e| errors::core_exception(py, e))
}

/// Which axes a NumPy view of a volume has, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// x, y, z, then the rest.
    SpaceFirst,
    /// One axis of channels and frames, then x, y, z.
    ChannelFirst,
    /// x, y, z of a volume of one channel.
    SpaceOnly,
    /// The extra axes, last one first, then x, y, z.
    Rows,
}

/// A NumPy array over a volume's stored voxels; it owns the volume. `space` of the three axes are shown.
///
/// A writable one is given only if nobody else holds the voxels.
pub(crate) fn view(
    py: Python<'_>,
    mut volume: Volume,
    space: usize,
    view: View,
    writable: bool,
) -> PyResult<Bound<'_, PyAny>> {
    let dtype = volume.stored_dtype();
    let size = dtype.bytes() as isize;
    let mut dims: Vec<usize> = volume.grid().shape[..space].to_vec();
    let mut steps: Vec<isize> = volume.strides()[..space].to_vec();
    match view {
        View::SpaceFirst => {
            dims.extend_from_slice(volume.extra());
            steps.extend_from_slice(volume.extra_strides());
        }
        View::ChannelFirst => {
            let step = volume.extra_strides().first().copied().unwrap_or(volume.grid().len() as isize);
            dims.insert(0, volume.channels());
            steps.insert(0, step);
        }
        View::SpaceOnly => {}
        View::Rows => {
            for (n, step) in volume.extra().iter().zip(volume.extra_strides()) {
                dims.insert(0, *n);
                steps.insert(0, *step);
            }
        }
    }
    let offset = volume.channel_offset(0) * dtype.bytes();
    let start = if writable {
        let Some(bytes) = volume.bytes_mut() else {
            return Err(errors::internal(py, "a writable array was asked of shared voxels"));
        };
        bytes.as_mut_ptr()
    } else {
        volume.storage().bytes().as_ptr().cast_mut()
    };
    let mut dims: Vec<npy_intp> = dims.into_iter().map(|n| n as npy_intp).collect();
    let mut steps: Vec<npy_intp> = steps.into_iter().map(|s| (s * size) as npy_intp).collect();
    let descr = descr_of(py, dtype)?;
    let owner = Bound::new(py, Memory { _volume: volume })?.into_any();
    let flags = if writable { NPY_ARRAY_WRITEABLE } else { 0 };
    // SAFETY: `Volume::strided` checked that every index of the shape lies inside the storage, which `owner` keeps alive and in place
    // (an `Arc`'s content does not move). The descriptor's reference is handed over.
    unsafe {
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            get_type_object(py, NpyTypes::PyArray_Type),
            descr.into_dtype_ptr(),
            dims.len() as c_int,
            dims.as_mut_ptr(),
            steps.as_mut_ptr(),
            start.add(offset).cast(),
            flags,
            std::ptr::null_mut(),
        );
        let array = Bound::from_owned_ptr_or_err(py, array)?;
        // The array takes the owner's reference, whether it succeeds or not.
        if PY_ARRAY_API.PyArray_SetBaseObject(py, array.as_ptr().cast::<PyArrayObject>(), owner.into_ptr())
            < 0
        {
            return Err(PyErr::fetch(py));
        }
        Ok(array)
    }
}
