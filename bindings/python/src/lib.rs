//! Python bindings of medoxide: parse, release the interpreter lock, call, wrap.
//!
//! The package's Python part is in `python/medoxide`; what is here is its native module `medoxide._medoxide`.

mod array;
mod bvecs;
mod cache;
mod datalist;
mod errors;
mod function;
mod given;
mod header;
mod json;
mod landmarks;
mod loader;
mod mixing;
mod open;
mod pickle;
mod pipeline;
mod process;
mod records;
mod rows;
mod run;
mod save;
mod slicing;
mod sliding;
mod values;
mod volume;

use pyo3::prelude::*;

/// The native part of medoxide. Use `import medoxide`.
#[pymodule(gil_used = false)]
mod _medoxide {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::bvecs::rotated_bvecs;
    #[pymodule_export]
    use crate::cache::{Cache, cache, cache_from_state};
    #[pymodule_export]
    use crate::datalist::{_datalist, _split_indices};
    #[pymodule_export]
    use crate::landmarks::landmarks;
    #[pymodule_export]
    use crate::loader::{BatchesCore, HostCore, LoaderCore, bytes};
    #[pymodule_export]
    use crate::mixing::mix_draws;
    #[pymodule_export]
    use crate::open::{index, load, stack};
    #[pymodule_export]
    use crate::pickle::volume_from_state;
    #[pymodule_export]
    use crate::pipeline::{Node, PipelineCore, preset_file, presets, transforms};
    #[pymodule_export]
    use crate::process::{features, panic, release_memory, set_level, set_threads, threads_given};
    #[pymodule_export]
    use crate::records::{Records, records, records_from_state};
    #[pymodule_export]
    use crate::rows::compute_rows;
    #[pymodule_export]
    use crate::save::SaveReport;
    #[pymodule_export]
    use crate::sliding::SlidingCore;
    #[pymodule_export]
    use crate::volume::VolumeCore;

    #[pymodule_init]
    fn init(m: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::process::check_environment(m.py())?;
        m.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
