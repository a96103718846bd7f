//! What can go wrong between a file and a volume, by who must act.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused: no such file, no permission, disk full.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The file's content contradicts its format, or itself.
    #[error("{}: {field} is {found}; expected {expected}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The header field or the part of the file.
        field: String,
        /// What it holds.
        found: String,
        /// What it would hold in a sound file.
        expected: String,
    },
    /// The file is sound, or the request sensible, but this library does not do it.
    #[error("{}: {what} is not supported; {hint}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What was found or asked for.
        what: String,
        /// What to do instead.
        hint: String,
    },
    /// A box, a channel or a buffer does not belong to this file.
    #[error("{}: {what}: found {found}, expected {expected}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What was compared.
        what: String,
        /// What was given.
        found: String,
        /// What would have been right.
        expected: String,
    },
    /// An option has a value that cannot be used.
    #[error("{name} is {found}; expected {wanted}")]
    Param {
        /// The option's name.
        name: String,
        /// The value given.
        found: String,
        /// The values that would be right.
        wanted: String,
    },
    /// The file asks for more memory than is allowed or available.
    #[error("{}: {what} needs {asked} bytes; {allowed} are allowed", path.display())]
    Limit {
        /// The file.
        path: PathBuf,
        /// What needs the memory.
        what: String,
        /// Bytes asked for.
        asked: u64,
        /// Bytes allowed.
        allowed: u64,
    },
    /// The file is not the one that was opened: somebody replaced or wrote it in between.
    #[error("{}: changed since it was opened: {found}, was {expected}; open it again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// Its size and time now.
        found: String,
        /// Its size and time when it was opened.
        expected: String,
    },
}

impl Error {
    /// A failure of the system, at a path.
    pub(crate) fn io(path: &Path, source: io::Error) -> Error {
        Error::Io { path: path.into(), source }
    }

    /// A contradiction in the file.
    pub(crate) fn format(path: &Path, field: &str, found: impl Display, expected: impl Display) -> Error {
        Error::Format {
            path: path.into(),
            field: field.into(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    /// Something this library does not do.
    pub(crate) fn unsupported(path: &Path, what: impl Display, hint: impl Display) -> Error {
        Error::Unsupported { path: path.into(), what: what.to_string(), hint: hint.to_string() }
    }

    /// A request that does not fit the file.
    pub(crate) fn shape(path: &Path, what: &str, found: impl Display, expected: impl Display) -> Error {
        Error::Shape {
            path: path.into(),
            what: what.into(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    /// An unusable option.
    pub(crate) fn param(name: &str, found: impl Display, wanted: impl Display) -> Error {
        Error::Param { name: name.into(), found: found.to_string(), wanted: wanted.to_string() }
    }

    /// A lack of memory.
    pub(crate) fn limit(path: &Path, what: impl Display, asked: u64, allowed: u64) -> Error {
        Error::Limit { path: path.into(), what: what.to_string(), asked, allowed }
    }

    /// The file that the error is about, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Error::Io { path, .. }
            | Error::Format { path, .. }
            | Error::Unsupported { path, .. }
            | Error::Shape { path, .. }
            | Error::Limit { path, .. }
            | Error::Changed { path, .. } => Some(path),
            Error::Param { .. } => None,
        }
    }
}

impl From<Error> for medcore::Error {
    /// Wrapped, so that a plan's run can report it; the original is its source.
    fn from(e: Error) -> medcore::Error {
        medcore::Error::Source(std::sync::Arc::new(e))
    }
}
