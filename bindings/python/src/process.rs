//! What concerns the whole process: instruction set, threads, memory.

use std::sync::atomic::{AtomicBool, Ordering};

use medio::checkpoints;
use medkernels::level::{self, Level};
use medkernels::{buffer, threads};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors;

/// Environment variables that cannot be used are an error when the package is imported.
pub(crate) fn check_environment(py: Python<'_>) -> PyResult<()> {
    if let Err(e) = level::from_environment() {
        return Err(errors::param(
            py,
            "environment",
            level::VARIABLE,
            e,
            "plain, avx2, avx512 or neon, as the processor has",
        ));
    }
    if let Err(e) = threads::threads_from_environment() {
        return Err(errors::param(
            py,
            "environment",
            threads::VARIABLE,
            e.found,
            "a whole number from 1 to 1024",
        ));
    }
    Ok(())
}

/// What this process uses: instruction sets, threads, pooled memory, indexes of gzip streams.
#[pyfunction]
pub(crate) fn features(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let pool = buffer::pool_stats();
    let held = PyDict::new(py);
    held.set_item("held_bytes", pool.held_bytes)?;
    held.set_item("limit", pool.limit)?;
    held.set_item("hits", pool.hits)?;
    held.set_item("misses", pool.misses)?;
    let out = PyDict::new(py);
    out.set_item("level", level::level().name())?;
    out.set_item("detected", level::detected().name())?;
    out.set_item("available", level::available().into_iter().map(Level::name).collect::<Vec<_>>())?;
    out.set_item("threads", threads::threads())?;
    out.set_item("pool", held)?;
    let index = PyDict::new(py);
    index.set_item("bytes", checkpoints::bytes())?;
    index.set_item("limit", checkpoints::limit())?;
    out.set_item("index", index)?;
    Ok(out)
}

/// Whether somebody chose the number of threads by `set_threads`.
static CHOSEN: AtomicBool = AtomicBool::new(false);

/// Sets the number of threads of this process; None returns to MEDOXIDE_THREADS or the machine's.
#[pyfunction]
#[pyo3(signature = (count))]
pub(crate) fn set_threads(py: Python<'_>, count: Option<i64>) -> PyResult<()> {
    let wanted = match count {
        None => None,
        Some(n) => match usize::try_from(n) {
            Ok(n) if (1..=threads::MAX_THREADS).contains(&n) => Some(n),
            _ => {
                return Err(errors::param(
                    py,
                    "set_threads",
                    "count",
                    n,
                    "None, or a whole number from 1 to 1024",
                ));
            }
        },
    };
    threads::set_threads(wanted);
    CHOSEN.store(wanted.is_some(), Ordering::Relaxed);
    Ok(())
}

/// Whether the number of threads was chosen, by `set_threads` or MEDOXIDE_THREADS.
#[pyfunction]
#[pyo3(name = "_threads_given")]
pub(crate) fn threads_given() -> bool {
    CHOSEN.load(Ordering::Relaxed) || std::env::var_os(threads::VARIABLE).is_some_and(|text| !text.is_empty())
}

/// Forces an instruction set for this process (plain, avx2, avx512, neon); None returns to MEDOXIDE_LEVEL or the fastest.
#[pyfunction]
#[pyo3(signature = (name))]
pub(crate) fn set_level(py: Python<'_>, name: Option<&str>) -> PyResult<()> {
    let wrong =
        |e: level::LevelError| errors::param(py, "set_level", "name", e, "a level that the processor has");
    let level = name.map(str::parse::<Level>).transpose().map_err(wrong)?;
    level::force(level).map_err(wrong)
}

/// Gives memory that waits for reuse back to the system.
#[pyfunction]
pub(crate) fn release_memory(py: Python<'_>) {
    py.detach(buffer::release_memory);
}

/// Panics in Rust with the message; for the test that a panic becomes an exception.
#[pyfunction]
#[pyo3(name = "_panic")]
pub(crate) fn panic(py: Python<'_>, message: String) -> PyResult<()> {
    crate::run::run(py, || panic!("{message}"))
}
