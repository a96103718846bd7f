//! Every kernel against a naive f64 oracle, at every level against the plain build, and against fixed digests.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests may")]
#![allow(clippy::needless_range_loop, reason = "an oracle reads best by index")]

mod clahe;
mod convert;
mod copy;
mod counts;
mod digest;
mod environment;
mod filter;
#[cfg(all(unix, not(miri)))]
mod fork;
mod grey;
mod interpolate;
mod levels;
mod linear;
mod median;
mod memory;
mod oblique;
mod oracle;
mod points;
mod random;
mod rename;
mod rows;
mod runs;
mod select;
mod stats;
mod threads;
mod weighted;
