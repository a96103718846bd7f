//! What a file says besides its voxels.

use std::sync::Arc;

use crate::Affine;

/// A unit of length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SpaceUnit {
    /// Not stated; taken as millimetres.
    #[default]
    Unknown,
    /// Metres.
    Meter,
    /// Millimetres.
    Millimeter,
    /// Micrometres.
    Micrometer,
}

/// A unit of the fourth axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TimeUnit {
    /// Not stated.
    #[default]
    Unknown,
    /// Seconds.
    Second,
    /// Milliseconds.
    Millisecond,
    /// Microseconds.
    Microsecond,
    /// Hertz.
    Hertz,
    /// Parts per million.
    PartsPerMillion,
    /// Radians per second.
    RadianPerSecond,
}

/// A placement that a file states, with the code that says into which space (NIfTI: 1 scanner, 2 aligned, 3 Talairach, 4 MNI 152, 5 template).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Xform {
    /// The NIfTI space code, above 0.
    pub code: i16,
    /// Voxel index to millimetres in that space.
    pub affine: Affine,
}

/// A header extension: a code (NIfTI registry: 2 DICOM, 4 AFNI, 6 comment, 32 CIFTI, ...) and its bytes, without padding rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The registered code.
    pub code: i32,
    /// The content, as stored (padding included).
    pub data: Vec<u8>,
}

/// What travels with a volume and is no voxel: the shared fields in one form for all formats, and the original header bytes, so that a format can
/// write back what it does not understand.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meta {
    /// Free text.
    pub description: String,
    /// Unit of the affine as stored in the file.
    pub space_unit: SpaceUnit,
    /// Unit of the fourth axis.
    pub time_unit: TimeUnit,
    /// Step along each axis after the third (repetition time first), in `time_unit` or the file's own.
    pub steps: Vec<f64>,
    /// NIfTI intent code, its three parameters and name.
    pub intent: (i32, [f64; 3], String),
    /// Display range (`cal_min`, `cal_max`); 0, 0 if not stated.
    pub display_range: [f64; 2],
    /// The file's qform, if it states one.
    pub qform: Option<Xform>,
    /// The file's sform, if it states one.
    pub sform: Option<Xform>,
    /// Header extensions in file order.
    pub extensions: Vec<Extension>,
    /// The format's name and the header's bytes as found in the file.
    pub original: Option<(&'static str, Arc<[u8]>)>,
    /// Things a reader tolerated and a person should know, such as a sform and qform that disagree.
    pub warnings: Vec<String>,
}
