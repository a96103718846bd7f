//! The native part of `medoxide.Volume`.

use std::path::PathBuf;

use medcore::{DType, ItemFacts};
use medio::nifti::Header;
use medpipe::{Layout, LazyVolume};
use numpy::{PyArrayDescr, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};

use crate::array::{self, View};
use crate::cache::Cache;
use crate::given::{affine_of, dtype_asked, exactly, role_of};
use crate::run::run;
use crate::values::{copied, numpy_dtype};
use crate::{errors, header, json, pickle, save, slicing};

/// The native part of a volume; `medoxide.Volume` is what to use.
#[pyclass(frozen, subclass, module = "medoxide._medoxide")]
pub(crate) struct VolumeCore {
    pub(crate) lazy: LazyVolume,
    /// Axes of space that it came with; a missing one is not shown while it has one voxel.
    pub(crate) axes: usize,
    /// Whether its role was given.
    pub(crate) role_given: bool,
}

/// A volume on its way from Rust into its Python class.
#[pyclass(frozen)]
struct Handle(LazyVolume, usize, bool);

/// A `medoxide.Volume`.
pub(crate) fn wrap(
    py: Python<'_>,
    lazy: LazyVolume,
    axes: usize,
    role_given: bool,
) -> PyResult<Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "medoxide.volume", "Volume")?;
    py.get_type::<VolumeCore>().call_method1("__new__", (class, Handle(lazy, axes, role_given)))
}

impl VolumeCore {
    pub(crate) fn facts(&self, py: Python<'_>) -> PyResult<ItemFacts> {
        run(py, || self.lazy.facts())
    }

    /// Axes of space that are shown.
    pub(crate) fn space(&self, facts: &ItemFacts) -> usize {
        let flat = facts.extra.is_empty() && facts.grid.shape[self.axes..].iter().all(|&n| n == 1);
        if flat { self.axes } else { 3 }
    }

    /// Another volume that comes from this one.
    pub(crate) fn derived<'py>(&self, py: Python<'py>, lazy: LazyVolume) -> PyResult<Bound<'py, PyAny>> {
        wrap(py, lazy, self.axes, self.role_given)
    }
}

#[pymethods]
impl VolumeCore {
    #[new]
    #[pyo3(signature = (source, affine=None, channel_axis=None, role=None))]
    fn new(
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        affine: Option<Vec<Vec<f64>>>,
        channel_axis: Option<Vec<isize>>,
        role: Option<&str>,
    ) -> PyResult<VolumeCore> {
        if let Ok(h) = source.cast::<Handle>() {
            let h = h.get();
            return Ok(VolumeCore { lazy: h.0.clone(), axes: h.1, role_given: h.2 });
        }
        let array = source.cast::<PyUntypedArray>()?;
        let dtype = array::dtype_of(&array.dtype())?;
        let affine = affine_of(py, affine)?;
        let n = array.ndim();
        let mut extra = vec![];
        for axis in channel_axis.unwrap_or_default() {
            let at = if axis < 0 { axis + n as isize } else { axis };
            let wrong = || {
                errors::param(
                    py,
                    "volume",
                    "channel_axis",
                    axis,
                    &format!("axes of an array of {n}, each once"),
                )
            };
            let at = usize::try_from(at).ok().filter(|&a| a < n && !extra.contains(&a)).ok_or_else(wrong)?;
            extra.push(at);
        }
        let space: Vec<usize> = (0..n).filter(|a| !extra.contains(a)).collect();
        if !(2..=3).contains(&space.len()) {
            let found = format!("an array of shape {:?} with {} axes of space", array.shape(), space.len());
            return Err(errors::shape(
                py,
                "volume",
                found,
                "2 or 3 axes of space; say which are not with channel_axis=",
            ));
        }
        let borrowed = array::borrow(array, dtype, affine, &space, &extra)?;
        let volume = if let Some(v) = borrowed {
            v
        } else {
            // Native byte order, packed: a copy that can be walked.
            let kwargs = PyDict::new(py);
            kwargs.set_item("order", "K")?;
            let native = array.dtype().call_method1("newbyteorder", ("=",))?;
            let copy = array.call_method("astype", (native,), Some(&kwargs))?;
            let again = array::borrow(copy.cast::<PyUntypedArray>()?, dtype, affine, &space, &extra)?;
            again.ok_or_else(|| errors::internal(py, "a copied array cannot be walked"))?
        };
        let given = role_of(py, role)?;
        let lazy = run(py, || LazyVolume::from_volume_as(volume, given.unwrap_or_default()))?;
        Ok(VolumeCore { lazy, axes: space.len(), role_given: given.is_some() })
    }

    /// Lengths of the axes (X, Y, Z, then frames and channels), as in nibabel.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let facts = self.facts(py)?;
        let space = self.space(&facts);
        let sizes: Vec<usize> = facts.grid.shape[..space].iter().chain(&facts.extra).copied().collect();
        PyTuple::new(py, sizes)
    }

    /// Number of axes.
    #[getter]
    fn ndim(&self, py: Python<'_>) -> PyResult<usize> {
        let facts = self.facts(py)?;
        Ok(self.space(&facts) + facts.extra.len())
    }

    /// Size of a voxel along x, y, z, in millimetres.
    #[getter]
    fn spacing(&self, py: Python<'_>) -> PyResult<(f64, f64, f64)> {
        let [x, y, z] = self.facts(py)?.grid.spacing();
        Ok((x, y, z))
    }

    /// Rows of the affine.
    fn _affine_rows(&self, py: Python<'_>) -> PyResult<[[f64; 4]; 4]> {
        Ok(self.facts(py)?.grid.affine.to_4x4())
    }

    /// Directions that the axes x, y, z increase towards, such as "RAS".
    #[getter]
    fn orientation(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.facts(py)?.grid.orientation().to_string())
    }

    /// Extent along x, y, z in millimetres, counting whole voxels.
    #[getter]
    fn field_of_view(&self, py: Python<'_>) -> PyResult<(f64, f64, f64)> {
        let [x, y, z] = self.facts(py)?.grid.field_of_view();
        Ok((x, y, z))
    }

    /// NumPy dtype of the values, scaling applied.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArrayDescr>> {
        array::descr_of(py, numpy_dtype(&self.facts(py)?))
    }

    /// What the voxels are: "image", "label" or "map".
    #[getter]
    fn role(&self) -> String {
        self.lazy.role().to_string()
    }

    /// Whether the role was given, and not assumed.
    #[getter]
    fn _role_given(&self) -> bool {
        self.role_given
    }

    /// The file that the volume came from, or None.
    #[getter]
    fn path(&self) -> Option<PathBuf> {
        self.lazy.file().map(|f| f.path().to_path_buf())
    }

    /// Names of the transforms applied so far.
    #[getter]
    fn transforms(&self) -> Vec<String> {
        self.lazy.transforms()
    }

    /// Transform and seed of each random step so far.
    #[getter]
    fn seeds(&self) -> Vec<(String, u64)> {
        self.lazy.seeds()
    }

    /// Whether the values are in memory.
    #[getter]
    fn is_computed(&self) -> bool {
        self.lazy.is_computed()
            || (self.lazy.is_untouched() && matches!(self.lazy.source(), medpipe::Source::Memory(_)))
    }

    /// Whether the shape is known; otherwise asking for it measures voxels.
    #[getter]
    fn _is_planned(&self) -> bool {
        self.lazy.is_planned()
    }

    /// The name of the sample for random draws: the file's path, or a digest of the voxels.
    fn _content_id(&self, py: Python<'_>) -> String {
        py.detach(|| self.lazy.content_id())
    }

    /// Bytes read so far from the file, or files, that the volume came from.
    #[getter]
    fn bytes_read(&self) -> u64 {
        self.lazy.files().into_iter().map(medio::VolumeFile::bytes_read).sum()
    }

    /// Bytes of content that were inflated so far of the file, or files, that the volume came from; headers count.
    #[getter]
    fn bytes_inflated(&self) -> u64 {
        self.lazy.files().into_iter().map(medio::VolumeFile::bytes_inflated).sum()
    }

    fn _header<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        header::describe(py, &self.lazy)
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let asked = dtype_asked(dtype)?;
        let facts = self.facts_for(py, asked)?;
        let want = asked.unwrap_or_else(|| numpy_dtype(&facts));
        if copy == Some(false) && want != facts.dtype {
            let text = format!("{want} values of a {} volume cannot be had without a copy", facts.dtype);
            return Err(pyo3::exceptions::PyValueError::new_err(text));
        }
        exactly(self.values(py, want, Layout::XFastest, View::SpaceFirst, copy == Some(true))?, dtype)
    }

    /// The values as an array (X, Y, Z, then frames and channels): of one's own and writable, or with copy=False a read-only
    /// view of the kept result where dtype and order allow.
    #[pyo3(signature = (dtype=None, order="F", copy=true))]
    fn numpy<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        order: &str,
        copy: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let asked = dtype_asked(dtype)?;
        let facts = self.facts_for(py, asked)?;
        let want = asked.unwrap_or_else(|| numpy_dtype(&facts));
        if want == DType::BF16 {
            return Err(errors::unsupported(
                py,
                "numpy",
                "bfloat16, which NumPy lacks",
                "use .torch(dtype=\"bfloat16\"), or float32",
            ));
        }
        let array = match order {
            "F" => self.values(py, want, Layout::XFastest, View::SpaceFirst, copy)?,
            "C" if facts.extra.is_empty() => {
                self.values(py, want, Layout::ZFastest, View::SpaceFirst, copy)?
            }
            "C" => {
                // Channels last: their axis is the fastest, which no executor makes; NumPy reorders.
                let array = self.values(py, want, Layout::XFastest, View::SpaceFirst, copy)?;
                let kwargs = PyDict::new(py);
                kwargs.set_item("order", "C")?;
                array.call_method("copy", (), Some(&kwargs))?
            }
            other => {
                let wanted = "\"F\" (x fastest) or \"C\" (last axis fastest)";
                return Err(errors::param(py, "numpy", "order", format!("{other:?}"), wanted));
            }
        };
        exactly(array, dtype)
    }

    /// A writable C-contiguous array (C, X, Y, Z), or (X, Y, Z) of a single channel, and whether its uint16 are bfloat16.
    fn _channel_first<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<&str>,
        channel: bool,
    ) -> PyResult<(Bound<'py, PyAny>, bool)> {
        let asked = dtype.map(str::parse::<DType>).transpose();
        let asked = asked.map_err(|e| {
            errors::param(py, "torch", "dtype", format!("{:?}", dtype.unwrap_or_default()), &e)
        })?;
        let facts = self.facts_for(py, asked)?;
        let channels = facts.channels();
        if !channel && channels != 1 {
            return Err(errors::shape(
                py,
                "torch(channel=False)",
                format!("{channels} channels"),
                "one channel",
            ));
        }
        let shown = if channel { View::ChannelFirst } else { View::SpaceOnly };
        let want = asked.unwrap_or(facts.dtype);
        let out = self.values(py, want, Layout::ZFastest, shown, true)?;
        Ok((out, want == DType::BF16))
    }

    fn _compute(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || self.lazy.compute().map(drop))
    }

    /// Forgets the kept result; it is computed again when values are asked for.
    fn release(&self) {
        self.lazy.release();
    }

    fn _invert<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, VolumeCore>,
        label_interpolation: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let sampler = match label_interpolation {
            "nearest" => medcore::Sampler::Nearest,
            "linear" => medcore::Sampler::Linear,
            _ => {
                let found = format!("{label_interpolation:?}");
                return Err(errors::param(py, "invert", "label_interpolation", found, "nearest or linear"));
            }
        };
        let other = other.get();
        let lazy = run(py, || self.lazy.inverse()?.apply(&other.lazy, sampler))?;
        other.derived(py, lazy)
    }

    fn _explain(&self, py: Python<'_>) -> PyResult<String> {
        run(py, || self.lazy.explain())
    }

    #[pyo3(signature = (name, parameters, seed=None))]
    fn _apply<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        parameters: &Bound<'py, PyDict>,
        seed: Option<u64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let value = json::from_python(name, "parameters", parameters)?;
        let lazy = run(py, || self.lazy.then(medpipe::Node::new(name, value)?, seed))?;
        self.derived(py, lazy)
    }

    /// The same volume, kept as it is here: what was chained before is made once, what is chained after reads its own region of the entry.
    ///
    /// Of a file without steps, the stored numbers are kept with their scale, else the voxels in the dtype they have here. The entry belongs to the file (path, size,
    /// time of writing, end of its content), to the steps before, and to medoxide's version. Values are those of `compute()` at this place: no
    /// interpolation before is joined with one after. Arrays and what comes after random steps cannot be kept.
    fn cached<'py>(&self, py: Python<'py>, cache: PyRef<'py, Cache>) -> PyResult<Bound<'py, PyAny>> {
        let cache = &cache.0;
        let lazy = run(py, || self.lazy.cached(cache))?;
        self.derived(py, lazy)
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let facts = self.facts(py)?;
        let wanted = slicing::parse(index, &facts, self.space(&facts))?;
        let lazy = run(py, || wanted.of(&self.lazy))?;
        self.derived(py, lazy)
    }

    /// The same voxels in another role.
    fn _as_role<'py>(&self, py: Python<'py>, role: &str) -> PyResult<Bound<'py, PyAny>> {
        let role = role_of(py, Some(role))?.unwrap_or_default();
        let lazy = run(py, || self.lazy.as_role(role))?;
        wrap(py, lazy, self.axes, true)
    }

    /// The same voxels with another affine, description, display range or header extensions, or all metadata of a NIfTI header's
    /// bytes. The voxels are read.
    #[pyo3(signature = (affine=None, description=None, display_range=None, extensions=None, header=None))]
    fn _replace<'py>(
        &self,
        py: Python<'py>,
        affine: Option<Vec<Vec<f64>>>,
        description: Option<String>,
        display_range: Option<[f64; 2]>,
        extensions: Option<Vec<(i32, Vec<u8>)>>,
        header: Option<Vec<u8>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let affine = affine.map(|a| affine_of(py, Some(a))).transpose()?;
        let role = self.lazy.role();
        let lazy = run(py, || {
            let volume = self.lazy.to_save()?;
            let mut meta = match header.and_then(|bytes| Header::parse(&bytes)) {
                Some(h) => h.meta()?,
                None => (**volume.meta()).clone(),
            };
            meta.description = description.unwrap_or(meta.description);
            meta.display_range = display_range.unwrap_or(meta.display_range);
            if let Some(list) = extensions {
                meta.extensions =
                    list.into_iter().map(|(code, data)| medcore::Extension { code, data }).collect();
            }
            let mut grid = *volume.grid();
            grid.affine = affine.unwrap_or(grid.affine);
            LazyVolume::from_volume_as(volume.with_meta(meta.into()).with_grid(grid)?, role)
        })?;
        self.derived(py, lazy)
    }

    /// Writes the volume; see `Volume.save`.
    #[pyo3(signature = (path, like=None, level=None, gzip="blocks", threads=None, storage=None, dtype=None, sync=true))]
    #[allow(clippy::too_many_arguments, reason = "the options of saving, by keyword in Python")]
    fn _save(
        &self,
        py: Python<'_>,
        path: PathBuf,
        like: Option<&Bound<'_, PyAny>>,
        level: Option<&Bound<'_, PyAny>>,
        gzip: &str,
        threads: Option<usize>,
        storage: Option<&str>,
        dtype: Option<&Bound<'_, PyAny>>,
        sync: bool,
    ) -> PyResult<save::SaveReport> {
        let options = save::options(py, like, level, gzip, threads, storage, dtype_asked(dtype)?, sync)?;
        save::save(py, &self.lazy, &path, options)
    }

    /// A PNG of the three central planes.
    #[pyo3(signature = (caption, width=640))]
    fn _preview<'py>(&self, py: Python<'py>, caption: &str, width: usize) -> PyResult<Bound<'py, PyBytes>> {
        let png = run(py, || medpipe::preview_png(&[(caption, &self.lazy)], width))?;
        Ok(PyBytes::new(py, &png))
    }

    fn _state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        pickle::state(py, self)
    }

    /// The same volume in memory of its own, if it views memory.
    fn _own<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let role = self.lazy.role();
        let lazy = run(py, || {
            if self.lazy.source().shares_memory() {
                return LazyVolume::from_volume_as(copied(&self.lazy.to_save()?)?, role);
            }
            Ok(self.lazy.clone())
        })?;
        self.derived(py, lazy)
    }
}
