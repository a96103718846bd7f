//! The training loader for Python: batches as arrays over the loader's own memory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use medcore::{Affine, DType, Grid, Points, Role, Volume};
use medpipe::{
    Batch, BatchItem, Batches, Case, CaseItem, Counters, Failure, HostCalls, Loader, Next, OnError,
    PatchMeta, Served, Settings,
};
use numpy::PyArray1;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::{Map, Value};

use crate::array::{self, View};
use crate::function::note;
use crate::given::index_of;
use crate::pipeline::{PipelineCore, points};
use crate::run::run;
use crate::volume::VolumeCore;
use crate::{cache, errors};

/// How long a call stays away from the interpreter before it looks for signals.
const SLICE: Duration = Duration::from_millis(50);

/// Where the batches' patches come from: what names a case in the list of Python.
const NUMBER: &str = "number";

/// Calls of functions, which one thread of Python serves.
#[pyclass(frozen, module = "medoxide._medoxide")]
pub(crate) struct HostCore(Arc<HostCalls>);

#[pymethods]
impl HostCore {
    #[new]
    fn new() -> HostCore {
        HostCore(HostCalls::new())
    }

    /// Runs calls until it is closed.
    fn serve(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || {
            while self.0.serve(Duration::from_secs(3600)) != Served::Closed {}
            Ok(())
        })
    }

    /// Ends the serving.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }
}

/// An item of a case as Python gives it.
#[derive(FromPyObject)]
enum ItemGiven<'py> {
    Volume(PyRef<'py, VolumeCore>),
    Files(String, Vec<PathBuf>),
    Points(Vec<[f64; 3]>),
}

/// What a loader is told.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Given<'py> {
    batch_size: usize,
    shuffle: bool,
    seed: Option<u64>,
    mix: usize,
    drop_last: bool,
    rank: usize,
    world_size: usize,
    workers: Option<usize>,
    prefetch: Option<usize>,
    memory: Option<u64>,
    on_error: String,
    dtypes: BTreeMap<String, String>,
    index: Bound<'py, PyAny>,
}

impl Given<'_> {
    fn settings(self, py: Python<'_>, host: Option<Arc<HostCalls>>) -> PyResult<Settings> {
        let rules = "\"raise\", \"skip\" or \"collect\"";
        let on_error: OnError = serde_json::from_value(Value::from(&*self.on_error))
            .map_err(|_| errors::param(py, "loader", "on_error", format!("{:?}", self.on_error), rules))?;
        let dtype = |(key, name): (String, String)| {
            let wrong =
                |e: String| errors::param(py, "loader", &format!("dtypes[{key:?}]"), format!("{name:?}"), &e);
            let dtype = name.parse::<DType>().map_err(wrong)?;
            PyResult::Ok((key, dtype))
        };
        Ok(Settings {
            batch_size: self.batch_size,
            shuffle: self.shuffle,
            seed: self.seed,
            mix: self.mix,
            drop_last: self.drop_last,
            rank: self.rank,
            world: self.world_size,
            workers: self.workers,
            prefetch: self.prefetch,
            memory: self.memory,
            on_error,
            dtypes: self.dtypes.into_iter().map(dtype).collect::<PyResult<_>>()?,
            checkpoints: index_of(py, Some(&self.index))?,
            host,
        })
    }
}

/// The native part of `medoxide.Loader`.
#[pyclass(frozen, module = "medoxide._medoxide")]
pub(crate) struct LoaderCore(Loader);

#[pymethods]
impl LoaderCore {
    #[new]
    fn new(
        py: Python<'_>,
        cases: Vec<(String, Vec<(String, ItemGiven<'_>)>)>,
        pipeline: &PipelineCore,
        settings: Given<'_>,
        host: Option<&HostCore>,
    ) -> PyResult<LoaderCore> {
        let settings = settings.settings(py, host.map(|h| Arc::clone(&h.0)))?;
        let mut all = Vec::with_capacity(cases.len());
        for (number, (id, items)) in cases.into_iter().enumerate() {
            let mut case = Case::new(id);
            for (name, item) in items {
                let item = match item {
                    ItemGiven::Volume(v) => CaseItem::Volume(v.lazy.clone()),
                    ItemGiven::Points(world) => CaseItem::Points(Points { world }),
                    ItemGiven::Files(role, paths) => CaseItem::Files {
                        paths,
                        role: role.parse::<Role>().map_err(|e| errors::core_exception(py, e))?,
                    },
                };
                case = case.with(&name, item);
            }
            case.passed = Map::from_iter([(NUMBER.to_owned(), number.into())]);
            all.push(case);
        }
        let pipeline = pipeline.pipeline.clone();
        run(py, || Loader::new(all, pipeline, settings)).map(LoaderCore)
    }

    /// Batches of an epoch.
    fn len(&self, py: Python<'_>, epoch: u64) -> PyResult<usize> {
        run(py, || self.0.len(epoch))
    }

    /// The seed that names the order.
    #[getter]
    fn seed(&self) -> u64 {
        self.0.seed()
    }

    /// The batches of an epoch from a batch on.
    fn batches(&self, py: Python<'_>, epoch: u64, from_batch: usize) -> PyResult<BatchesCore> {
        let batches = run(py, || self.0.batches(epoch, from_batch))?;
        let len = batches.len();
        Ok(BatchesCore {
            loader: self.0.clone(),
            process: std::process::id(),
            len,
            batches: Mutex::new(Some(batches)),
        })
    }
}

/// An iteration over the batches of an epoch.
#[pyclass(frozen, module = "medoxide._medoxide")]
pub(crate) struct BatchesCore {
    loader: Loader,
    process: u32,
    len: usize,
    /// None when it was closed.
    batches: Mutex<Option<Batches>>,
}

/// What [`BatchesCore::next`] gives: volumes with whether their uint16 are bfloat16, landmarks, where each patch comes from.
type Parts<'py> =
    (Vec<(String, Bound<'py, PyAny>, bool)>, Vec<(String, Bound<'py, PyList>)>, Bound<'py, PyList>);

impl BatchesCore {
    /// Looks at the batches, unless another thread does; it is waited for a little.
    fn look<T: Send>(
        &self,
        py: Python<'_>,
        look: impl FnOnce(&mut Option<Batches>) -> T + Send,
    ) -> PyResult<T> {
        let mut look = Some(look);
        loop {
            py.check_signals()?;
            let seen = py.detach(|| {
                let mut held = match self.batches.try_lock() {
                    Ok(held) => held,
                    Err(TryLockError::Poisoned(held)) => PoisonError::into_inner(held),
                    Err(TryLockError::WouldBlock) => {
                        std::thread::sleep(Duration::from_millis(1));
                        return None;
                    }
                };
                look.take().map(|look| look(&mut held))
            });
            if let Some(seen) = seen {
                return Ok(seen);
            }
            if self.process != std::process::id() {
                let text = "the process was forked while another thread took a batch; begin the epoch again";
                return Err(PyRuntimeError::new_err(text));
            }
        }
    }

    /// An error, with the files of the case that it is about.
    fn exception(&self, py: Python<'_>, e: &medpipe::Error) -> PyErr {
        let raised = errors::exception(py, e);
        if let medpipe::Error::Patch { id, patch, .. } = e {
            let case = self.loader.cases().iter().find(|c| c.id == *id);
            let paths = case.map(|c| c.paths().map(|p| p.display().to_string()).collect::<Vec<_>>());
            let paths = paths.filter(|p| !p.is_empty()).map(|p| format!(" ({})", p.join(", ")));
            note(py, &raised, &format!("patch {patch} of case {id:?}{}", paths.unwrap_or_default()));
        }
        raised
    }

    fn failure<'py>(&self, py: Python<'py>, f: &Failure) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        out.set_item("id", &f.id)?;
        out.set_item("paths", f.paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>())?;
        out.set_item("patch", f.patch)?;
        out.set_item("epoch", f.epoch)?;
        out.set_item("batch", f.batch)?;
        out.set_item("error", self.exception(py, &f.error))?;
        Ok(out)
    }
}

#[pymethods]
impl BatchesCore {
    /// The next batch; None at the end.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Parts<'py>>> {
        loop {
            let next = self.look(py, |batches| match batches {
                Some(batches) => batches.next_within(Some(SLICE)),
                None => Next::End,
            })?;
            match next {
                Next::NotYet => {}
                Next::End => return Ok(None),
                Next::Batch(Ok(batch)) => {
                    cache::tell(py)?;
                    return parts(py, batch).map(Some);
                }
                Next::Batch(Err(e)) => return Err(self.exception(py, &e)),
            }
        }
    }

    /// Batches of the whole epoch.
    #[getter]
    fn len(&self) -> usize {
        self.len
    }

    /// The batch that comes next.
    fn position(&self, py: Python<'_>) -> PyResult<usize> {
        let len = self.len;
        self.look(py, move |batches| batches.as_ref().map_or(len, Batches::position))
    }

    /// Ends its threads.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.look(py, |batches| drop(batches.take()))
    }

    /// What was done so far and is under way.
    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let counted = self.look(py, |batches| batches.as_ref().map(Batches::counters))?;
        counted.map(|c| counters(py, &c)).transpose()
    }

    /// The patches that could not be made, as far as they are collected.
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Option<Vec<Bound<'py, PyDict>>>> {
        let found = self.look(py, |batches| batches.as_ref().map(|b| b.errors().to_vec()))?;
        found.map(|found| found.iter().map(|f| self.failure(py, f)).collect()).transpose()
    }
}

/// Bytes, from a number or a text such as "4 GB".
#[pyfunction]
#[pyo3(name = "_bytes")]
pub(crate) fn bytes(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    cache::bytes_of(py, "loader", "memory", value)
}

fn parts(py: Python<'_>, batch: Batch) -> PyResult<Parts<'_>> {
    let mut volumes = vec![];
    for item in batch.items {
        let (name, bfloat16) = (item.name.clone(), item.dtype == DType::BF16);
        volumes.push((name, array_of(py, item)?, bfloat16));
    }
    let mut landmarks = vec![];
    for item in &batch.points {
        let rows = item.rows.iter().map(|p| points(py, p)).collect::<PyResult<Vec<_>>>()?;
        landmarks.push((item.name.clone(), PyList::new(py, rows)?));
    }
    let meta = PyList::empty(py);
    for m in &batch.meta {
        meta.append(told(py, m)?)?;
    }
    Ok((volumes, landmarks, meta))
}

/// A batch's memory as an array (B, C, X, Y, Z), which gives it back to the pool when it goes.
fn array_of(py: Python<'_>, item: BatchItem) -> PyResult<Bound<'_, PyAny>> {
    let [b, c, x, y, z] = item.shape;
    let strides = [y * z, z, 1].map(|n| n as isize);
    let extra = vec![(x * y * z) as isize, (c * x * y * z) as isize];
    let grid = Grid::new([x, y, z], Affine::IDENTITY);
    let volume = Volume::strided(item.data, item.dtype, grid, 0, strides, vec![c, b], extra)
        .map_err(|e| errors::core_exception(py, e))?;
    array::view(py, volume, 3, View::Rows, true)
}

/// Where a patch comes from.
fn told<'py>(py: Python<'py>, m: &PatchMeta) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("id", &m.id)?;
    let paths: Vec<_> = m.paths.iter().map(|(name, paths)| (name, paths)).collect();
    // Which of them is shown, Python decides.
    out.set_item("path", paths)?;
    out.set_item("epoch", m.epoch)?;
    out.set_item("patch", m.patch)?;
    out.set_item("start", PyArray1::from_slice(py, &m.start))?;
    out.set_item("stop", PyArray1::from_slice(py, &m.stop))?;
    let rows: Vec<Vec<f64>> = m.affine.to_4x4().iter().map(|r| r.to_vec()).collect();
    out.set_item("affine", numpy::PyArray2::from_vec2(py, &rows)?)?;
    out.set_item(NUMBER, m.passed.get(NUMBER).and_then(Value::as_u64))?;
    Ok(out)
}

fn counters<'py>(py: Python<'py>, c: &Counters) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    for (name, n) in [
        ("batches", c.batches),
        ("patches", c.patches),
        ("visits", c.visits),
        ("failed", c.failed),
        ("bytes_read", c.bytes_read),
        ("bytes_inflated", c.bytes_inflated),
        ("voxels_resampled", c.voxels_resampled),
        ("ready", c.ready as u64),
        ("under_way", c.under_way as u64),
        ("memory", c.memory),
    ] {
        out.set_item(name, n)?;
    }
    for (name, time) in [
        ("planning_seconds", c.planning),
        ("computing_seconds", c.computing),
        ("python_seconds", c.host),
        ("waiting_seconds", c.waiting),
    ] {
        out.set_item(name, time.as_secs_f64())?;
    }
    Ok(out)
}
