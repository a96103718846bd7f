//! What can go wrong between the nouns, by who must act.

use crate::DType;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a volume could not be built, or a transform could not be planned or run.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two things that must agree in shape or grid do not: the caller passed arrays that do not belong together.
    #[error("{what}: found {found}, expected {expected}")]
    Shape {
        /// What was compared.
        what: String,
        /// What was given.
        found: String,
        /// What would have been right.
        expected: String,
    },
    /// A parameter has a value that its transform cannot use: change the parameter.
    #[error("{transform}: {name} is {found}; expected {wanted}")]
    Param {
        /// The transform's name in pipeline files, or the function's.
        transform: String,
        /// The parameter's name.
        name: String,
        /// The value given.
        found: String,
        /// The values that would be right.
        wanted: String,
    },
    /// The data's kind cannot be handled by what was asked: choose another operation or convert first.
    #[error("{what} does not work on {found}; {hint}")]
    Unsupported {
        /// The operation.
        what: String,
        /// The kind of data found.
        found: String,
        /// What to do instead.
        hint: String,
    },
    /// More memory was asked for than is allowed or available.
    #[error("{what} needs {asked} bytes; {} can be had", if *allowed == 0 { "not so many".into() } else { allowed.to_string() })]
    Limit {
        /// What needs the memory.
        what: String,
        /// Bytes asked for.
        asked: u64,
        /// Bytes allowed; 0 if the system would not give them.
        allowed: u64,
    },
    /// The voxels themselves forbid the operation, such as labels that are not whole numbers or an empty mask.
    #[error("{what}: {found}; {hint}")]
    Data {
        /// The operation.
        what: String,
        /// What the voxels held.
        found: String,
        /// What to do about it.
        hint: String,
    },
    /// A reader of files failed while a plan was being run.
    #[error("{0}")]
    Source(std::sync::Arc<dyn std::error::Error + Send + Sync>),
    /// A step of a pipeline failed.
    #[error("step {position} ({name}): {cause}")]
    At {
        /// The step's place in the pipeline, from 1.
        position: usize,
        /// The transform's name.
        name: String,
        /// The failure.
        #[source]
        cause: Box<Error>,
    },
}

impl Error {
    /// A parameter error.
    pub fn param(
        transform: &str,
        name: &str,
        found: impl std::fmt::Display,
        wanted: impl std::fmt::Display,
    ) -> Error {
        Error::Param {
            transform: transform.into(),
            name: name.into(),
            found: found.to_string(),
            wanted: wanted.to_string(),
        }
    }

    /// A shape error.
    pub fn shape(what: &str, found: impl std::fmt::Display, expected: impl std::fmt::Display) -> Error {
        Error::Shape { what: what.into(), found: found.to_string(), expected: expected.to_string() }
    }

    /// An operation that needs real numbers met a dtype that holds none.
    pub fn not_numeric(what: &str, found: DType) -> Error {
        Error::Unsupported {
            what: what.into(),
            found: format!("{found} voxels"),
            hint: "only crops, pads, flips and reorientations keep such voxels; take a real component first"
                .into(),
        }
    }

    /// The same error, with the place of the step in its pipeline.
    pub fn at(self, position: usize, name: &str) -> Error {
        match self {
            Error::At { .. } | Error::Source(_) => self,
            cause => Error::At { position, name: name.into(), cause: Box::new(cause) },
        }
    }
}

impl From<medkernels::buffer::AllocError> for Error {
    fn from(e: medkernels::buffer::AllocError) -> Error {
        Error::Limit { what: "a voxel buffer".into(), asked: e.bytes as u64, allowed: 0 }
    }
}
