//! Transforms and pipelines for Python.

use std::path::PathBuf;

use medcore::{Points, Role};
use medpipe::{LazyItem, LazySample, LazyVolume, Mismatch, Pipeline};
use numpy::PyArray2;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::Value;

use crate::cache::Cache;
use crate::records::Records;
use crate::run::run;
use crate::volume::{VolumeCore, wrap};
use crate::{errors, json};

/// A transform with its parameters, checked.
#[pyclass(frozen, module = "medoxide._medoxide")]
pub(crate) struct Node(medpipe::Node);

#[pymethods]
impl Node {
    #[new]
    fn new(py: Python<'_>, name: &str, parameters: &Bound<'_, PyDict>) -> PyResult<Node> {
        let value = json::from_python(name, "parameters", parameters)?;
        run(py, || medpipe::Node::new(name, value)).map(Node)
    }

    /// The transform's name in pipeline files.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it draws anything at random.
    #[getter]
    fn is_random(&self) -> bool {
        self.0.is_random()
    }

    /// `{name: {parameter: value}}`, every parameter written out.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, &self.0.to_value())
    }
}

/// Name, class and category of every transform.
#[pyfunction]
pub(crate) fn transforms() -> Vec<(String, String, String)> {
    let category =
        |c| serde_json::to_value(c).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    medpipe::catalog().iter().map(|e| (e.name.to_owned(), e.class.clone(), category(e.category))).collect()
}

/// The native part of `medoxide.Pipeline`.
#[pyclass(frozen, module = "medoxide._medoxide")]
pub(crate) struct PipelineCore(Pipeline);

/// What an item of a sample is given as.
#[derive(FromPyObject)]
enum Given<'py> {
    Volume(PyRef<'py, VolumeCore>),
    Points(Vec<[f64; 3]>),
}

/// A sample from names and items, and the axes of space that each volume came with.
fn sample_of(items: &[(String, Given<'_>)]) -> (LazySample, Vec<(String, usize, bool)>) {
    let mut sample = LazySample::default();
    let mut axes = vec![];
    for (name, item) in items {
        sample = match item {
            Given::Volume(v) => {
                axes.push((name.clone(), v.axes, v.role_given));
                sample.with(name, LazyItem::Volume(v.lazy.clone()))
            }
            Given::Points(p) => sample.with(name, LazyItem::Points(Points { world: p.clone() })),
        };
    }
    (sample, axes)
}

impl PipelineCore {
    fn mismatch(py: Python<'_>, rule: &str) -> PyResult<Mismatch> {
        serde_json::from_value(Value::from(rule)).map_err(|_| {
            errors::param(
                py,
                "pipeline",
                "on_mismatch",
                format!("{rule:?}"),
                "\"error\", \"resample\" or \"trust_shape\"",
            )
        })
    }

    /// The name of a sample for random draws: given, or the file's or content's; nothing is digested for nothing.
    fn id(&self, id: Option<&str>, content: impl FnOnce() -> String) -> String {
        match id {
            Some(id) => id.to_owned(),
            None if self.0.is_random() => content(),
            None => String::new(),
        }
    }
}

#[pymethods]
impl PipelineCore {
    #[new]
    #[pyo3(signature = (nodes, seed=None, fuse=true, on_mismatch="error"))]
    fn new(
        py: Python<'_>,
        nodes: Vec<PyRef<'_, Node>>,
        seed: Option<u64>,
        fuse: bool,
        on_mismatch: &str,
    ) -> PyResult<PipelineCore> {
        let rule = PipelineCore::mismatch(py, on_mismatch)?;
        let made =
            Pipeline::new(nodes.iter().map(|n| n.0.clone()).collect()).with_fuse(fuse).with_mismatch(rule);
        Ok(PipelineCore(if let Some(seed) = seed { made.with_seed(seed) } else { made }))
    }

    /// From a YAML or JSON file.
    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<PipelineCore> {
        run(py, || Pipeline::from_file(&path)).map(PipelineCore)
    }

    /// From YAML or JSON text.
    #[staticmethod]
    fn from_yaml(py: Python<'_>, text: &str) -> PyResult<PipelineCore> {
        run(py, || Pipeline::from_yaml(text)).map(PipelineCore)
    }

    /// From a dict as `to_dict` gives it.
    #[staticmethod]
    fn from_dict(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<PipelineCore> {
        let value = json::from_python("pipeline", "dict", value)?;
        run(py, || Pipeline::from_value(&value)).map(PipelineCore)
    }

    /// The pipeline file.
    fn to_yaml(&self) -> String {
        self.0.to_yaml()
    }

    /// The pipeline file as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, &self.0.to_value())
    }

    /// The same with its seed written out, whether it was given or drawn.
    fn to_state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, &self.0.clone().with_seed(self.0.seed()).to_value())
    }

    /// The transforms.
    #[getter]
    fn nodes(&self) -> Vec<Node> {
        self.0.nodes().iter().cloned().map(Node).collect()
    }

    /// The seed in use.
    #[getter]
    fn seed(&self) -> u64 {
        self.0.seed()
    }

    /// Whether stages are fused.
    #[getter]
    fn fuse(&self) -> bool {
        self.0.fuses()
    }

    /// Whether it draws anything at random.
    #[getter]
    fn is_random(&self) -> bool {
        self.0.is_random()
    }

    /// The same, with what comes before the first random transform kept in a cache.
    fn with_cache(&self, cache: PyRef<'_, Cache>) -> PipelineCore {
        PipelineCore(self.0.clone().with_cache(&cache.0))
    }

    /// The same, with what it measures of whole volumes kept.
    fn with_records(&self, records: PyRef<'_, Records>) -> PipelineCore {
        PipelineCore(self.0.clone().with_records(&records.0))
    }

    /// Plans the pipeline on one volume: one comes back, or several where it is cut into patches.
    #[pyo3(signature = (volume, id=None, epoch=0))]
    fn apply_to_volume<'py>(
        &self,
        py: Python<'py>,
        volume: PyRef<'py, VolumeCore>,
        id: Option<&str>,
        epoch: u64,
    ) -> PyResult<Bound<'py, PyList>> {
        let (lazy, axes, given) = (volume.lazy.clone(), volume.axes, volume.role_given);
        let made: Vec<LazyVolume> = run(py, || {
            let id = self.id(id, || lazy.content_id());
            self.0.apply_to_each(&lazy, &id, epoch)
        })?;
        let out = PyList::empty(py);
        for lazy in made {
            out.append(wrap(py, lazy, axes, given)?)?;
        }
        Ok(out)
    }

    /// Plans the pipeline on named items: a list of samples, each a list of names and items.
    #[pyo3(signature = (items, id=None, epoch=0))]
    fn apply<'py>(
        &self,
        py: Python<'py>,
        items: Vec<(String, Given<'py>)>,
        id: Option<&str>,
        epoch: u64,
    ) -> PyResult<Bound<'py, PyList>> {
        let (sample, axes) = sample_of(&items);
        let made = run(py, || self.0.apply(&sample, &self.id(id, || sample.content_id()), epoch))?;
        let out = PyList::empty(py);
        for s in made {
            let list = PyList::empty(py);
            for (name, item) in s.items {
                let value = match item {
                    LazyItem::Volume(v) => {
                        let came = axes.iter().find(|a| a.0 == name);
                        wrap(py, v, came.map_or(3, |a| a.1), came.is_none_or(|a| a.2))?
                    }
                    LazyItem::Points(p) => points(py, &p)?,
                    other => {
                        return Err(errors::unsupported(
                            py,
                            "a sample",
                            format!("{other:?}"),
                            "update the package",
                        ));
                    }
                };
                list.append((name, value))?;
            }
            out.append(list)?;
        }
        Ok(out)
    }

    /// What the pipeline will do to named items.
    #[pyo3(signature = (items, id=None, measure=false))]
    fn explain(
        &self,
        py: Python<'_>,
        items: Vec<(String, Given<'_>)>,
        id: Option<&str>,
        measure: bool,
    ) -> PyResult<String> {
        let (sample, _) = sample_of(&items);
        run(py, || self.0.explain(&sample, &self.id(id, || sample.content_id()), measure))
    }

    /// The role that a key name stands for.
    #[staticmethod]
    fn infer_role(py: Python<'_>, name: &str) -> PyResult<String> {
        Role::infer(name).map(|r| r.to_string()).map_err(|e| errors::core_exception(py, e))
    }
}

/// An (N, 3) array.
fn points<'py>(py: Python<'py>, p: &Points) -> PyResult<Bound<'py, PyAny>> {
    let rows: Vec<Vec<f64>> = p.world.iter().map(|v| v.to_vec()).collect();
    if rows.is_empty() {
        return Ok(PyArray2::<f64>::zeros(py, [0, 3], false).into_any());
    }
    Ok(PyArray2::from_vec2(py, &rows)?.into_any())
}
