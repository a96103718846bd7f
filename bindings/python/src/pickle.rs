//! Volumes as state for pickling: a lazy one is its files and steps, one in memory its bytes.

use std::sync::Arc;

use medcore::{Affine, DType, Extension, Meta, Scale, SpaceUnit, TimeUnit, Xform};
use medpipe::{Begin, LazyVolume, Recipe};
use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::array::{self, View};
use crate::given::{index_of, index_to, role_of};
use crate::run::run;
use crate::volume::{VolumeCore, wrap};
use crate::{errors, json};

const SPACE: [SpaceUnit; 4] =
    [SpaceUnit::Unknown, SpaceUnit::Meter, SpaceUnit::Millimeter, SpaceUnit::Micrometer];
const TIME: [TimeUnit; 7] = [
    TimeUnit::Unknown,
    TimeUnit::Second,
    TimeUnit::Millisecond,
    TimeUnit::Microsecond,
    TimeUnit::Hertz,
    TimeUnit::PartsPerMillion,
    TimeUnit::RadianPerSecond,
];

/// All that a volume is made again from.
pub(crate) fn state<'py>(py: Python<'py>, v: &VolumeCore) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("axes", v.axes)?;
    out.set_item("role", v.lazy.role().to_string())?;
    out.set_item("role_given", v.role_given)?;
    if let Some(recipe) = v.lazy.recipe() {
        write(py, &out, recipe)?;
        return Ok(out);
    }
    let volume = run(py, || v.lazy.to_save())?;
    out.set_item("dtype", volume.stored_dtype().name())?;
    out.set_item("scale", volume.scale().map(|s| (s.slope, s.intercept)))?;
    out.set_item("affine", volume.grid().affine.rows)?;
    out.set_item("meta", meta_state(py, volume.meta())?)?;
    out.set_item("voxels", array::view(py, volume, 3, View::SpaceFirst, false)?)?;
    Ok(out)
}

/// Files and steps into a state.
fn write<'py>(py: Python<'py>, out: &Bound<'py, PyDict>, recipe: Recipe) -> PyResult<()> {
    out.set_item("role", recipe.role.to_string())?;
    out.set_item("steps", json::to_python(py, &recipe.steps)?)?;
    match recipe.begin {
        Begin::File { path, mapped, checkpoints } => {
            out.set_item("path", path)?;
            out.set_item("mapped", mapped)?;
            out.set_item("index", index_to(py, &checkpoints)?)
        }
        Begin::Stack(parts) => {
            let list = PyList::empty(py);
            for part in parts {
                let state = PyDict::new(py);
                write(py, &state, part)?;
                list.append(state)?;
            }
            out.set_item("stack", list)
        }
    }
}

/// Files and steps from a state; none if it holds voxels.
fn read<'py>(py: Python<'py>, state: &Bound<'py, PyDict>) -> PyResult<Option<Recipe>> {
    let get = |name: &str| state.as_any().get_item(name);
    let begin = if let Some(parts) = state.get_item("stack")? {
        let parts = parts.cast_into::<PyList>()?;
        let parts = parts.iter().map(|p| read(py, p.cast::<PyDict>()?));
        Begin::Stack(parts.filter_map(PyResult::transpose).collect::<PyResult<_>>()?)
    } else if state.contains("path")? {
        let (path, mapped) = (get("path")?.extract()?, get("mapped")?.extract()?);
        Begin::File { path, mapped, checkpoints: index_of(py, Some(&get("index")?))? }
    } else {
        return Ok(None);
    };
    let role = role_of(py, Some(&get("role")?.extract::<String>()?))?.unwrap_or_default();
    let steps = json::from_python("pickle", "steps", &get("steps")?)?;
    Ok(Some(Recipe { begin, role, steps }))
}

/// A `medoxide.Volume` from its state.
#[pyfunction]
#[pyo3(name = "_volume_from_state")]
pub(crate) fn volume_from_state<'py>(
    py: Python<'py>,
    state: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let get = |name: &str| state.as_any().get_item(name);
    let role = role_of(py, Some(&get("role")?.extract::<String>()?))?.unwrap_or_default();
    let (axes, given): (usize, bool) = (get("axes")?.extract()?, get("role_given")?.extract()?);
    if let Some(recipe) = read(py, state)? {
        return wrap(py, run(py, || LazyVolume::replay(&recipe))?, axes, given);
    }
    let name: String = get("dtype")?.extract()?;
    let dtype: DType =
        name.parse().map_err(|e: String| errors::param(py, "pickle", "dtype", format!("{name:?}"), &e))?;
    let voxels = get("voxels")?;
    let voxels = voxels.cast::<PyUntypedArray>()?;
    let affine = Affine { rows: get("affine")?.extract()? };
    let extra: Vec<usize> = (3..numpy::PyUntypedArrayMethods::ndim(voxels)).collect();
    let volume = array::borrow(voxels, dtype, affine, &[0, 1, 2], &extra)?;
    let volume = volume.ok_or_else(|| errors::internal(py, "unpickled voxels cannot be walked"))?;
    let scale: Option<(f64, f64)> = get("scale")?.extract()?;
    let meta = meta_from(&get("meta")?)?;
    let volume = volume
        .with_scale(scale.map(|(slope, intercept)| Scale { slope, intercept }))
        .with_meta(Arc::new(meta));
    wrap(py, run(py, || LazyVolume::from_volume_as(volume, role))?, axes, given)
}

fn meta_state<'py>(py: Python<'py>, m: &Meta) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("description", &m.description)?;
    out.set_item("space_unit", SPACE.iter().position(|u| *u == m.space_unit))?;
    out.set_item("time_unit", TIME.iter().position(|u| *u == m.time_unit))?;
    out.set_item("steps", &m.steps)?;
    out.set_item("intent", (m.intent.0, m.intent.1, &m.intent.2))?;
    out.set_item("display_range", m.display_range)?;
    out.set_item("qform", m.qform.map(|x| (x.code, x.affine.rows)))?;
    out.set_item("sform", m.sform.map(|x| (x.code, x.affine.rows)))?;
    let extensions = PyList::empty(py);
    for e in &m.extensions {
        extensions.append((e.code, PyBytes::new(py, &e.data)))?;
    }
    out.set_item("extensions", extensions)?;
    out.set_item("original", m.original.as_ref().map(|(name, bytes)| (*name, PyBytes::new(py, bytes))))?;
    out.set_item("warnings", &m.warnings)?;
    Ok(out)
}

/// Metadata from its state.
pub(crate) fn meta_from(state: &Bound<'_, PyAny>) -> PyResult<Meta> {
    let get = |name: &str| state.get_item(name);
    let form = |name: &str| -> PyResult<Option<Xform>> {
        let have: Option<(i16, [[f64; 4]; 3])> = get(name)?.extract()?;
        Ok(have.map(|(code, rows)| Xform { code, affine: Affine { rows } }))
    };
    let original: Option<(String, Vec<u8>)> = get("original")?.extract()?;
    let extensions: Vec<(i32, Vec<u8>)> = get("extensions")?.extract()?;
    let unit = |name: &str| -> PyResult<usize> { Ok(get(name)?.extract::<Option<usize>>()?.unwrap_or(0)) };
    Ok(Meta {
        description: get("description")?.extract()?,
        space_unit: SPACE.get(unit("space_unit")?).copied().unwrap_or_default(),
        time_unit: TIME.get(unit("time_unit")?).copied().unwrap_or_default(),
        steps: get("steps")?.extract()?,
        intent: get("intent")?.extract()?,
        display_range: get("display_range")?.extract()?,
        qform: form("qform")?,
        sform: form("sform")?,
        extensions: extensions.into_iter().map(|(code, data)| Extension { code, data }).collect(),
        original: original
            .map(|(name, bytes)| (if name == "nifti2" { "nifti2" } else { "nifti1" }, bytes.into())),
        warnings: get("warnings")?.extract()?,
    })
}
