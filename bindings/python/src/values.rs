//! A volume's values for NumPy and torch.

use std::sync::Arc;

use medcore::{DType, ItemFacts, Volume};
use medkernels::buffer::Buffer;
use medpipe::Layout;
use pyo3::prelude::*;

use crate::array::{self, View};
use crate::open::warn;
use crate::run::run;
use crate::volume::VolumeCore;

/// The dtype of NumPy arrays: the values' own, float32 for bfloat16.
pub(crate) fn numpy_dtype(facts: &ItemFacts) -> DType {
    if facts.dtype == DType::BF16 { DType::F32 } else { facts.dtype }
}

impl VolumeCore {
    /// What the volume will be, before its values are given. Warns where nobody asked for float32 and the stored numbers do not fit it.
    pub(crate) fn facts_for(&self, py: Python<'_>, asked: Option<DType>) -> PyResult<ItemFacts> {
        let facts = self.facts(py)?;
        let stored = self.lazy.source().stored_dtype();
        let cast = self.lazy.transforms().iter().any(|n| n == "cast");
        if facts.dtype != DType::F32 || stored.fits_f32() || !stored.is_real() || cast || asked.is_some() {
            return Ok(facts);
        }
        let why = if self.lazy.is_untouched() {
            "scaled; dtype=\"float64\" keeps them"
        } else {
            "computed in float32"
        };
        let text =
            format!("values of {stored} voxels are given as float32, which does not hold all of them: {why}");
        warn(py, "PrecisionWarning", &text, 2)?;
        Ok(facts)
    }

    /// Values for NumPy: a fresh, writable array nobody else sees, or a read-only view of the kept result.
    pub(crate) fn values<'py>(
        &self,
        py: Python<'py>,
        dtype: DType,
        layout: Layout,
        shown: View,
        own: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let facts = self.facts(py)?;
        let space = self.space(&facts);
        let kept = !own && layout == Layout::XFastest && dtype == facts.dtype;
        let volume = run(py, || {
            if kept {
                return self.lazy.compute();
            }
            let mut v = self.lazy.compute_as(Some(dtype), layout)?;
            // Shared with an array, a map, or the kept result?
            if own && v.bytes_mut().is_none() { copied(&v) } else { Ok(v) }
        })?;
        array::view(py, volume, space, shown, own)
    }
}

/// A copy of a volume's stored voxels, x fastest, in memory of its own.
pub(crate) fn copied(v: &Volume) -> medpipe::Result<Volume> {
    let n = v.grid().len() * v.stored_dtype().bytes();
    let mut out = Buffer::for_overwrite(n * v.channels()).map_err(medcore::Error::from)?;
    for (channel, part) in out.as_bytes_mut().chunks_mut(n.max(1)).enumerate() {
        v.copy_channel(channel, part)?;
    }
    let whole =
        Volume::packed(Arc::new(out), v.stored_dtype(), *v.grid(), v.extra().to_vec(), v.meta().clone())?;
    Ok(whole.with_scale(v.scale()))
}
