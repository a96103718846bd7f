//! What can go wrong between a pipeline file and a batch.

use std::path::PathBuf;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a pipeline could not be read, planned or run.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A transform's parameters, or the volumes, do not fit.
    #[error(transparent)]
    Core(#[from] medcore::Error),
    /// A file could not be read or written.
    #[error(transparent)]
    File(std::sync::Arc<medio::Error>),
    /// A pipeline description is wrong: change the file.
    #[error("{}{place}: found {found}; expected {expected}", file.as_ref().map(|f| format!("{}: ", f.display())).unwrap_or_default())]
    Spec {
        /// The pipeline file, if it came from one.
        file: Option<PathBuf>,
        /// Where in the description.
        place: String,
        /// What stands there.
        found: String,
        /// What should.
        expected: String,
    },
    /// An item of a case could not be opened or computed.
    #[error("case {id:?}, item {item:?}: {cause}")]
    Case {
        /// The name of the case.
        id: String,
        /// The name of the item.
        item: String,
        /// The failure.
        #[source]
        cause: Box<Error>,
    },
    /// A patch of a case could not be planned or made.
    #[error("patch {patch} of {}{cause}", of_case(id, cause))]
    Patch {
        /// The name of the case.
        id: String,
        /// The patch of the visit, from 0.
        patch: usize,
        /// The failure.
        #[source]
        cause: Box<Error>,
    },
    /// A function panicked: one of the caller's, or a defect of this library.
    #[error("a panic: {message}")]
    Panic {
        /// What it said.
        message: String,
    },
}

/// The case that a cause does not name itself.
fn of_case(id: &str, cause: &Error) -> String {
    if let Error::Case { .. } = cause { String::new() } else { format!("case {id:?}: ") }
}

impl From<medio::Error> for Error {
    fn from(e: medio::Error) -> Error {
        Error::File(std::sync::Arc::new(e))
    }
}

impl Error {
    pub(crate) fn spec(place: impl Into<String>, found: impl ToString, expected: impl ToString) -> Error {
        Error::Spec {
            file: None,
            place: place.into(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    /// The file's error that this one is about, if it is.
    pub(crate) fn of_file(&self) -> Option<&medio::Error> {
        fn of_core(e: &medcore::Error) -> Option<&medio::Error> {
            match e {
                medcore::Error::Source(e) => e.downcast_ref(),
                medcore::Error::At { cause, .. } => of_core(cause),
                _ => None,
            }
        }
        match self {
            Error::File(e) => Some(e),
            Error::Core(e) => of_core(e),
            Error::Case { cause, .. } | Error::Patch { cause, .. } => cause.of_file(),
            Error::Spec { .. } | Error::Panic { .. } => None,
        }
    }

    /// The same error, with the item of the case that it is about.
    pub(crate) fn of_item(self, id: &str, item: &str) -> Error {
        Error::Case { id: id.into(), item: item.into(), cause: Box::new(self) }
    }

    /// The same error, with the place of the step in its pipeline.
    pub(crate) fn at(self, position: usize, name: &str) -> Error {
        match self {
            Error::Core(e) => Error::Core(e.at(position, name)),
            e => e,
        }
    }
}
