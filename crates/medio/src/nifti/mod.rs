//! NIfTI-1 and NIfTI-2: the header's layout, and what its fields mean.

mod codec;
mod codes;
mod extension;
mod fields;
mod header;
mod meaning;
mod quaternion;
mod update;

pub use codes::{datatype_code, dtype_of_code};
pub use fields::FieldValue;
pub use header::{ByteOrder, Header, Version};

pub(crate) use extension::{parse as parse_extensions, serialise as serialise_extensions};
pub(crate) use meaning::{Meaning, interpret};
pub(crate) use update::{Layout, header_for};
