//! A file's header for Python.

use medcore::Xform;
use medio::nifti::{ByteOrder, FieldValue, Header, Version};
use medpipe::LazyVolume;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

/// The header of the file that a volume came from, as a dict that `medoxide.Header` is made of.
pub(crate) fn describe<'py>(py: Python<'py>, lazy: &LazyVolume) -> PyResult<Option<Bound<'py, PyDict>>> {
    let meta = lazy.meta();
    let Some((_, bytes)) = &meta.original else { return Ok(None) };
    let Some(header) = Header::parse(bytes) else { return Ok(None) };
    let fields = PyDict::new(py);
    for (name, value) in header.fields() {
        match value {
            FieldValue::Int(v) => fields.set_item(name, v)?,
            FieldValue::Ints(v) => fields.set_item(name, v)?,
            FieldValue::Float(v) => fields.set_item(name, v)?,
            FieldValue::Floats(v) => fields.set_item(name, v)?,
            FieldValue::Text(v) => fields.set_item(name, v)?,
        }
    }
    let format = match (lazy.file(), header.version) {
        (Some(f), _) => f.format(),
        (None, Version::One) => "nifti1",
        (None, Version::Two) => "nifti2",
    };
    let extensions = PyList::empty(py);
    for e in &meta.extensions {
        extensions.append((e.code, PyBytes::new(py, &e.data)))?;
    }
    let form = |x: &Option<Xform>| x.map(|x| (x.code, x.affine.to_4x4()));
    let out = PyDict::new(py);
    out.set_item("fields", fields)?;
    out.set_item("format", format)?;
    out.set_item("byte_order", if header.order == ByteOrder::Big { "big" } else { "little" })?;
    out.set_item("sform", form(&meta.sform))?;
    out.set_item("qform", form(&meta.qform))?;
    out.set_item("extensions", extensions)?;
    out.set_item("warnings", meta.warnings.clone())?;
    out.set_item("raw", PyBytes::new(py, bytes))?;
    Ok(Some(out))
}
