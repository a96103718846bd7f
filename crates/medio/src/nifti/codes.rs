//! Codes of dtypes, units and spaces.

use medcore::{DType, SpaceUnit, TimeUnit};

/// Dtypes and their NIfTI codes; 16384 and 16385 are private ones, as medrs writes them.
const DATATYPES: [(i16, DType); 16] = [
    (2, DType::U8),
    (4, DType::I16),
    (8, DType::I32),
    (16, DType::F32),
    (32, DType::C64),
    (64, DType::F64),
    (128, DType::Rgb24),
    (256, DType::I8),
    (512, DType::U16),
    (768, DType::U32),
    (1024, DType::I64),
    (1280, DType::U64),
    (1792, DType::C128),
    (2304, DType::Rgba32),
    (16384, DType::F16),
    (16385, DType::BF16),
];

/// The dtype of a NIfTI code, or `None` for float128, complex256, bits and unknown codes.
pub fn dtype_of_code(code: i16) -> Option<DType> {
    DATATYPES.iter().find(|(c, _)| *c == code).map(|&(_, d)| d)
}

/// The NIfTI code of a dtype (private ones for float16 and bfloat16).
pub fn datatype_code(dtype: DType) -> Option<i16> {
    DATATYPES.iter().find(|(_, d)| *d == dtype).map(|&(c, _)| c)
}

/// The name of a code that the standard defines and this library refuses.
pub(super) fn refused_name(code: i16) -> Option<&'static str> {
    match code {
        1 => Some("single bits"),
        1536 => Some("float128"),
        2048 => Some("complex256"),
        _ => None,
    }
}

const SPACE_UNITS: [(i32, SpaceUnit); 4] =
    [(0, SpaceUnit::Unknown), (1, SpaceUnit::Meter), (2, SpaceUnit::Millimeter), (3, SpaceUnit::Micrometer)];

const TIME_UNITS: [(i32, TimeUnit); 7] = [
    (0, TimeUnit::Unknown),
    (8, TimeUnit::Second),
    (16, TimeUnit::Millisecond),
    (24, TimeUnit::Microsecond),
    (32, TimeUnit::Hertz),
    (40, TimeUnit::PartsPerMillion),
    (48, TimeUnit::RadianPerSecond),
];

/// The units in `xyzt_units`; unknown codes are unknown units.
pub(super) fn units(xyzt: i32) -> (SpaceUnit, TimeUnit) {
    let space = SPACE_UNITS.iter().find(|(c, _)| *c == xyzt & 0x07).map_or(SpaceUnit::Unknown, |u| u.1);
    let time = TIME_UNITS.iter().find(|(c, _)| *c == xyzt & 0x38).map_or(TimeUnit::Unknown, |u| u.1);
    (space, time)
}

/// The `xyzt_units` of units.
pub(super) fn units_code(space: SpaceUnit, time: TimeUnit) -> i32 {
    let space = SPACE_UNITS.iter().find(|(_, u)| *u == space).map_or(0, |u| u.0);
    let time = TIME_UNITS.iter().find(|(_, u)| *u == time).map_or(0, |u| u.0);
    space | time
}
