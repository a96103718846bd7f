//! The kinds of number a voxel can hold, and the one place where a dtype becomes a Rust type.

use std::fmt;
use std::str::FromStr;

/// A voxel's data type. Names are NumPy's; `bfloat16`, `rgb24` and `rgba32` are named as in ml_dtypes and NIfTI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DType {
    /// Unsigned 8-bit integer.
    U8,
    /// Signed 8-bit integer.
    I8,
    /// Unsigned 16-bit integer.
    U16,
    /// Signed 16-bit integer.
    I16,
    /// Unsigned 32-bit integer.
    U32,
    /// Signed 32-bit integer.
    I32,
    /// Unsigned 64-bit integer.
    U64,
    /// Signed 64-bit integer.
    I64,
    /// IEEE 754 half precision.
    F16,
    /// The upper half of a float32.
    BF16,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
    /// Two float32: real, imaginary.
    C64,
    /// Two float64: real, imaginary.
    C128,
    /// Red, green, blue, one byte each.
    Rgb24,
    /// Red, green, blue, alpha, one byte each.
    Rgba32,
}

#[allow(clippy::enum_glob_use, reason = "sixteen short names, in tables")]
impl DType {
    /// Every dtype.
    pub const ALL: [DType; 16] = {
        use DType::*;
        [U8, I8, U16, I16, U32, I32, U64, I64, F16, BF16, F32, F64, C64, C128, Rgb24, Rgba32]
    };

    /// Bytes of one voxel.
    pub const fn bytes(self) -> usize {
        match self {
            DType::U8 | DType::I8 => 1,
            DType::U16 | DType::I16 | DType::F16 | DType::BF16 => 2,
            DType::Rgb24 => 3,
            DType::U32 | DType::I32 | DType::F32 | DType::Rgba32 => 4,
            DType::U64 | DType::I64 | DType::F64 | DType::C64 => 8,
            DType::C128 => 16,
        }
    }

    /// Bytes of the unit that byte order applies to: a component of a complex number, a channel of a colour.
    pub const fn swap_unit(self) -> usize {
        match self {
            DType::C64 => 4,
            DType::C128 => 8,
            DType::Rgb24 | DType::Rgba32 => 1,
            d => d.bytes(),
        }
    }

    /// The name, as NumPy writes it.
    pub const fn name(self) -> &'static str {
        match self {
            DType::U8 => "uint8",
            DType::I8 => "int8",
            DType::U16 => "uint16",
            DType::I16 => "int16",
            DType::U32 => "uint32",
            DType::I32 => "int32",
            DType::U64 => "uint64",
            DType::I64 => "int64",
            DType::F16 => "float16",
            DType::BF16 => "bfloat16",
            DType::F32 => "float32",
            DType::F64 => "float64",
            DType::C64 => "complex64",
            DType::C128 => "complex128",
            DType::Rgb24 => "rgb24",
            DType::Rgba32 => "rgba32",
        }
    }

    /// Whether it is one of the eight integer types.
    pub const fn is_integer(self) -> bool {
        use DType::*;
        matches!(self, U8 | I8 | U16 | I16 | U32 | I32 | U64 | I64)
    }

    /// Whether it is one of the four floating-point types.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F16 | DType::BF16 | DType::F32 | DType::F64)
    }

    /// Whether a voxel is one real number, so that arithmetic makes sense.
    pub const fn is_real(self) -> bool {
        self.is_integer() || self.is_float()
    }

    /// Whether every value of the type is a float32 too.
    pub const fn fits_f32(self) -> bool {
        use DType::*;
        matches!(self, U8 | I8 | U16 | I16 | F16 | BF16 | F32)
    }

    /// The smallest integer type that holds every whole number from `min` to `max`, unsigned preferred.
    pub fn smallest_integer(min: f64, max: f64) -> Option<DType> {
        use DType::*;
        [(U8, 0.0, 255.0), (I8, -128.0, 127.0), (U16, 0.0, 65535.0), (I16, -32768.0, 32767.0)]
            .into_iter()
            .chain([
                (U32, 0.0, u32::MAX as f64),
                (I32, i32::MIN as f64, i32::MAX as f64),
                (I64, -9_007_199_254_740_992.0, 9_007_199_254_740_992.0),
            ])
            .find(|&(_, lo, hi)| min >= lo && max <= hi)
            .map(|(d, _, _)| d)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DType {
    type Err = String;

    /// Reads a NumPy name; `bool` is stored as `uint8`. The error is what was expected.
    fn from_str(s: &str) -> Result<DType, String> {
        if s == "bool" {
            return Ok(DType::U8);
        }
        DType::ALL
            .into_iter()
            .find(|d| d.name() == s)
            .ok_or_else(|| format!("one of {}", DType::ALL.map(DType::name).join(", ")))
    }
}

impl serde::Serialize for DType {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for DType {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<DType, D::Error> {
        std::borrow::Cow::<str>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for DType {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DType".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<_> = DType::ALL.into_iter().filter(|d| d.is_real()).map(DType::name).collect();
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}

/// Runs `$body` with `$T` bound to the Rust type of a real-valued dtype, or `$other` for complex and colour.
///
/// ```
/// use medcore::{DType, with_element};
/// let bytes = with_element!(DType::I16, T => size_of::<T>(), else => 0);
/// assert_eq!(bytes, 2);
/// ```
#[macro_export]
macro_rules! with_element {
    ($dtype:expr, $T:ident => $body:expr, else => $other:expr) => {
        match $dtype {
            $crate::DType::U8 => {
                type $T = u8;
                $body
            }
            $crate::DType::I8 => {
                type $T = i8;
                $body
            }
            $crate::DType::U16 => {
                type $T = u16;
                $body
            }
            $crate::DType::I16 => {
                type $T = i16;
                $body
            }
            $crate::DType::U32 => {
                type $T = u32;
                $body
            }
            $crate::DType::I32 => {
                type $T = i32;
                $body
            }
            $crate::DType::U64 => {
                type $T = u64;
                $body
            }
            $crate::DType::I64 => {
                type $T = i64;
                $body
            }
            $crate::DType::F16 => {
                type $T = $crate::half_types::f16;
                $body
            }
            $crate::DType::BF16 => {
                type $T = $crate::half_types::bf16;
                $body
            }
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
            _ => $other,
        }
    };
}
