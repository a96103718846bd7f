//! Transforms and pipelines for Python.

use std::path::PathBuf;
use std::sync::Arc;

use medcore::{Place, Points, Role};
use medpipe::{LazyItem, LazySample, LazyVolume, Mismatch, Pipeline};
use numpy::PyArray2;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::Value;

use crate::cache::Cache;
use crate::function;
use crate::records::Records;
use crate::run::run;
use crate::volume::{VolumeCore, wrap};
use crate::{errors, json};

/// A transform with its parameters, checked; of a function of Python, with its Python side.
#[pyclass(frozen, module = "medoxide._medoxide")]
pub(crate) struct Node(medpipe::Node);

/// The header of a node: probability, items, name, key, patch.
type HeaderParts = (f64, Option<Vec<String>>, Option<String>, Option<String>, Option<Vec<u64>>);

#[pymethods]
impl Node {
    #[new]
    fn new(py: Python<'_>, name: &str, parameters: &Bound<'_, PyDict>) -> PyResult<Node> {
        let value = json::from_python(name, "parameters", parameters)?;
        Ok(Node(run(py, || medpipe::Node::new(name, value))?))
    }

    /// A group over other nodes, with its parameters.
    #[staticmethod]
    fn group(
        py: Python<'_>,
        name: &str,
        nodes: Vec<PyRef<'_, Node>>,
        parameters: &Bound<'_, PyDict>,
    ) -> PyResult<Node> {
        let value = json::from_python(name, "parameters", parameters)?;
        let nodes = nodes.iter().map(|n| n.0.clone()).collect();
        Ok(Node(run(py, || medpipe::Node::grouped(name, nodes, value))?))
    }

    /// A function of Python, called by way of its bridge.
    #[staticmethod]
    fn function(
        py: Python<'_>,
        bridge: Py<PyAny>,
        label: &str,
        whole_sample: bool,
        random: bool,
        header: HeaderParts,
    ) -> PyResult<Node> {
        let (p, keys, id, key, patch) = header;
        if !(0.0..=1.0).contains(&p) {
            return Err(errors::param(py, "function", "p", p, "a probability from 0 to 1"));
        }
        let read =
            |k: String| k.parse().map_err(|e| errors::param(py, "function", "key", format!("{k:?}"), e));
        let key = key.map(read).transpose()?;
        let bridge = Arc::new(bridge);
        let function = function::of_bridge(&bridge, label, whole_sample);
        let mut node = medpipe::Node::function(label, function, random).with_origin(bridge);
        node.header = medpipe::Header { p, keys, id, key, patch, ..node.header };
        Ok(Node(node))
    }

    /// The Python side of a function; None for other transforms.
    #[getter]
    fn bridge(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.origin()?.downcast_ref::<Py<PyAny>>().map(|b| b.clone_ref(py))
    }

    /// The transforms inside, of a group; None for other nodes.
    #[getter]
    fn inside(&self) -> Option<Vec<Node>> {
        let inside = self.0.inside();
        (!inside.is_empty()).then(|| inside.iter().cloned().map(Node).collect())
    }

    /// Probability, items and name for random draws; the key and the patch of a drawn plan.
    #[getter]
    fn header(&self) -> HeaderParts {
        let h = self.0.header.clone();
        (h.p, h.keys, h.id, h.key.map(|k| k.to_string()), h.patch)
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

/// Name and meaning of every preset.
#[pyfunction]
pub(crate) fn presets() -> Vec<(&'static str, &'static str)> {
    medpipe::presets().iter().map(|p| (p.name, p.about())).collect()
}

/// A preset as a pipeline file, with parameters written into it.
#[pyfunction]
pub(crate) fn preset_file(py: Python<'_>, name: &str, parameters: &Bound<'_, PyDict>) -> PyResult<String> {
    let given = json::from_python("preset", "parameters", parameters)?;
    run(py, || medpipe::preset(name)?.file(given.as_object().unwrap_or(&serde_json::Map::new())))
}

/// The native part of `medoxide.Pipeline`.
#[pyclass(frozen, module = "medoxide._medoxide")]
pub(crate) struct PipelineCore {
    pub(crate) pipeline: Pipeline,
}

/// What an item of a sample is given as.
#[derive(FromPyObject)]
pub(crate) enum Given<'py> {
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

impl From<Pipeline> for PipelineCore {
    fn from(pipeline: Pipeline) -> PipelineCore {
        PipelineCore { pipeline }
    }
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
            None if self.pipeline.is_random() => content(),
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
        let pipeline = if let Some(seed) = seed { made.with_seed(seed) } else { made };
        Ok(pipeline.into())
    }

    /// From a YAML or JSON file.
    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<PipelineCore> {
        run(py, || Pipeline::from_file(&path)).map(PipelineCore::from)
    }

    /// From YAML or JSON text.
    #[staticmethod]
    fn from_yaml(py: Python<'_>, text: &str) -> PyResult<PipelineCore> {
        run(py, || Pipeline::from_yaml(text)).map(PipelineCore::from)
    }

    /// From a dict as `to_dict` gives it.
    #[staticmethod]
    fn from_dict(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<PipelineCore> {
        let value = json::from_python("pipeline", "dict", value)?;
        run(py, || Pipeline::from_value(&value)).map(PipelineCore::from)
    }

    /// The pipeline file.
    fn to_yaml(&self) -> String {
        self.pipeline.to_yaml()
    }

    /// The pipeline file as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, &self.pipeline.to_value())
    }

    /// The same with its seed written out, whether it was given or drawn.
    fn to_state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, &self.pipeline.clone().with_seed(self.pipeline.seed()).to_value())
    }

    /// The transforms.
    #[getter]
    fn nodes(&self) -> Vec<Node> {
        self.pipeline.nodes().iter().cloned().map(Node).collect()
    }

    /// The seed in use.
    #[getter]
    fn seed(&self) -> u64 {
        self.pipeline.seed()
    }

    /// Whether stages are fused.
    #[getter]
    fn fuse(&self) -> bool {
        self.pipeline.fuses()
    }

    /// Whether it draws anything at random.
    #[getter]
    fn is_random(&self) -> bool {
        self.pipeline.is_random()
    }

    /// How many samples one becomes; None if that depends on the sample.
    #[getter]
    fn patches(&self) -> Option<usize> {
        self.pipeline.patches()
    }

    /// The same, with what comes before the first random transform kept in a cache.
    fn with_cache(&self, cache: PyRef<'_, Cache>) -> PipelineCore {
        self.pipeline.clone().with_cache(&cache.0).into()
    }

    /// The same, with what it measures of whole volumes kept.
    fn with_records(&self, records: PyRef<'_, Records>) -> PipelineCore {
        self.pipeline.clone().with_records(&records.0).into()
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
            self.pipeline.apply_to_each(&lazy, &id, epoch)
        })?;
        let out = PyList::empty(py);
        for lazy in made {
            out.append(wrap(py, lazy, axes, given)?)?;
        }
        Ok(out)
    }

    /// Plans the pipeline on named items: a list of samples, each a list of names and items. `places` are the rows of the patches in their batch, and its
    /// size.
    #[pyo3(signature = (items, id=None, epoch=0, places=None))]
    fn apply<'py>(
        &self,
        py: Python<'py>,
        items: Vec<(String, Given<'py>)>,
        id: Option<&str>,
        epoch: u64,
        places: Option<Vec<(usize, usize)>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let (sample, axes) = sample_of(&items);
        let places: Option<Vec<Place>> =
            places.map(|all| all.into_iter().map(|(row, of)| Place { row, of }).collect());
        let made = run(py, || {
            let id = self.id(id, || sample.content_id());
            match &places {
                Some(places) => self.pipeline.apply_at(&sample, &id, epoch, places),
                None => self.pipeline.apply(&sample, &id, epoch),
            }
        })?;
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

    /// What the pipeline does to named items at a visit, with nothing left to chance.
    #[pyo3(signature = (items, id=None, epoch=0))]
    fn drawn(
        &self,
        py: Python<'_>,
        items: Vec<(String, Given<'_>)>,
        id: Option<&str>,
        epoch: u64,
    ) -> PyResult<PipelineCore> {
        let (sample, _) = sample_of(&items);
        let made = run(py, || {
            let id = self.id(id, || sample.content_id());
            self.pipeline.drawn(&sample, &id, epoch)
        })?;
        Ok(made.into())
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
        run(py, || self.pipeline.explain(&sample, &self.id(id, || sample.content_id()), measure))
    }

    /// The role that a key name stands for.
    #[staticmethod]
    fn infer_role(py: Python<'_>, name: &str) -> PyResult<String> {
        Role::infer(name).map(|r| r.to_string()).map_err(|e| errors::core_exception(py, e))
    }
}

/// An (N, 3) array.
pub(crate) fn points<'py>(py: Python<'py>, p: &Points) -> PyResult<Bound<'py, PyAny>> {
    let rows: Vec<Vec<f64>> = p.world.iter().map(|v| v.to_vec()).collect();
    if rows.is_empty() {
        return Ok(PyArray2::<f64>::zeros(py, [0, 3], false).into_any());
    }
    Ok(PyArray2::from_vec2(py, &rows)?.into_any())
}
