//! The loader's stream: the same for any number of threads, from anywhere, whatever goes wrong.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

#[cfg(unix)]
mod fork;
mod given;
mod hangs;
mod kept;
mod rows;
mod stream;
mod trouble;
