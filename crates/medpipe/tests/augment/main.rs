//! Random changes of values and labels, against their formulas in float64.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

mod artefact;
mod channel;
mod contrast;
mod cut;
mod field;
mod filter;
mod given;
mod image;
mod label;
mod noise;
mod pyramid;
mod remade;
mod value;
