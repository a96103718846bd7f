//! What belongs together, patient by patient: lists of named files, of numbers and texts.

mod case;

pub use case::{Case, CaseItem};
