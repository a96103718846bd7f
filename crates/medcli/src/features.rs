//! `medoxide features`: what the machine offers and what is used of it.

use std::fmt::Write;

use medkernels::{buffer, level, threads};

use crate::failure::{Failure, Outcome};
use crate::terminal::{bytes, emit};

/// Show the processor's features, the instruction set in use, threads and memory pool
///
/// MEDOXIDE_LEVEL=plain|avx2|avx512|neon forces the instruction set, MEDOXIDE_THREADS=n the number of threads. Results do not depend on either.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Refuses environment variables that cannot be followed.
pub(crate) fn check_environment() -> Outcome {
    level::from_environment().map_err(|e| Failure::Usage(format!("{}: {e}", level::VARIABLE)))?;
    threads::threads_from_environment().map_err(|e| Failure::Usage(e.to_string()))?;
    Ok(())
}

pub(crate) fn run() -> Outcome {
    let forced = |variable: &str| std::env::var_os(variable).is_some_and(|v| !v.is_empty());
    let levels: Vec<_> = level::available().iter().map(|l| l.name()).collect();
    let mut out = format!("medoxide {}\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "  {name:<12}{value}");
    };
    line("processor", format!("{}, with {}", std::env::consts::ARCH, processor().join(" ")));
    line("levels", levels.join(", "));
    let why = if forced(level::VARIABLE) {
        format!("forced by {}; {} was found", level::VARIABLE, level::detected())
    } else {
        "the best of this processor".into()
    };
    line("in use", format!("{} ({why})", level::level()));
    let why = if forced(threads::VARIABLE) {
        format!("forced by {}", threads::VARIABLE)
    } else {
        "the processors that this process may use".into()
    };
    line("threads", format!("{} ({why})", threads::threads()));
    line("pool", format!("keeps up to {} of freed buffers", bytes(buffer::pool_stats().limit as u64)));
    let inflate =
        if cfg!(feature = "libdeflate") { "libdeflate, zlib-rs where it does not fit" } else { "zlib-rs" };
    line("gzip", inflate.into());
    emit(&out)
}

/// The features that the kernels could use, of those that the processor has.
#[cfg(target_arch = "x86_64")]
fn processor() -> Vec<&'static str> {
    macro_rules! found {
        ($($name:tt)*) => { [$(($name, is_x86_feature_detected!($name))),*] };
    }
    let all = found!("sse2" "sse4.2" "avx" "avx2" "fma" "f16c" "bmi2" "popcnt" "avx512f" "avx512bw" "avx512dq" "avx512vl" "avx512vbmi2" "avx512vnni");
    all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

/// The features that the kernels could use, of those that the processor has.
#[cfg(not(target_arch = "x86_64"))]
fn processor() -> Vec<&'static str> {
    if cfg!(target_arch = "aarch64") { vec!["neon"] } else { vec!["no vectors"] }
}
