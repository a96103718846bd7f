//! Work without the interpreter lock.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::prelude::*;

use crate::{cache, errors};

/// Runs `work` with the interpreter lock released. Errors become exceptions, a panic too.
pub(crate) fn run<T: Send>(py: Python<'_>, work: impl FnOnce() -> medpipe::Result<T> + Send) -> PyResult<T> {
    match py.detach(|| catch_unwind(AssertUnwindSafe(work)).map_err(Panic::of)) {
        Ok(done) => {
            let done = done.map_err(|e| errors::exception(py, &e))?;
            cache::tell(py)?;
            Ok(done)
        }
        Err(panic) => Err(errors::internal(py, &panic.0)),
    }
}

/// What a panic said.
struct Panic(String);

impl Panic {
    fn of(payload: Box<dyn Any + Send>) -> Panic {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Panic(text.unwrap_or_else(|| "a panic without a message".into()))
    }
}
