//! Which instruction set the kernels use, found at run time or forced.
//!
//! The bits a kernel gives do not depend on the level: forcing one serves tests, benchmarks and doubt.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};

use thiserror::Error;

/// The environment variable that forces a level: `plain`, `avx2`, `avx512` or `neon`.
pub const VARIABLE: &str = "MEDOXIDE_LEVEL";

/// An instruction set for which every kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The target's base: SSE2 on x86-64, NEON on aarch64 (where it equals [`Level::Neon`]), scalar elsewhere.
    Plain,
    /// x86-64 with AVX2, FMA (never used to fuse roundings), F16C, BMI and POPCNT: Haswell or Zen and later.
    Avx2,
    /// x86-64 with AVX-512 as of Ice Lake or Zen 4 (older AVX-512 parts take AVX2, which serves them better).
    Avx512,
    /// aarch64 with NEON, which every such processor has.
    Neon,
}

impl Level {
    const ALL: [Level; 4] = [Level::Plain, Level::Avx2, Level::Avx512, Level::Neon];

    /// The name used in `MEDOXIDE_LEVEL` and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Plain => "plain",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
            Level::Neon => "neon",
        }
    }

    /// Whether this processor can run kernels of this level.
    pub fn is_available(self) -> bool {
        match self {
            Level::Plain => true,
            Level::Avx2 => has_avx2(),
            Level::Avx512 => has_avx2() && has_avx512(),
            Level::Neon => cfg!(target_arch = "aarch64"),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = LevelError;

    /// Reads a level's name in any letter case, spaces around it ignored.
    fn from_str(text: &str) -> Result<Self, LevelError> {
        let wanted = text.trim();
        Level::ALL
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(wanted))
            .ok_or_else(|| LevelError::Unknown { found: text.to_owned() })
    }
}

/// A level that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LevelError {
    /// The name is none of the four.
    #[error("unknown instruction set level {found:?}; expected plain, avx2, avx512 or neon")]
    Unknown {
        /// The text that was given.
        found: String,
    },
    /// This processor lacks it.
    #[error("instruction set level {wanted} is not available; this processor has {}", list(.available))]
    Unavailable {
        /// The level that was asked for.
        wanted: Level,
        /// The levels that this processor can run, slowest first.
        available: Vec<Level>,
    },
}

fn list(levels: &[Level]) -> String {
    levels.iter().map(|level| level.name()).collect::<Vec<_>>().join(", ")
}

/// The fastest level of this processor.
pub fn detected() -> Level {
    [Level::Avx512, Level::Avx2, Level::Neon].into_iter().find(|l| l.is_available()).unwrap_or(Level::Plain)
}

/// Every level that this processor can run, slowest first. `Plain` is always among them.
pub fn available() -> Vec<Level> {
    Level::ALL.into_iter().filter(|level| level.is_available()).collect()
}

/// Zero is "not decided yet"; else one more than the level's place in [`Level::ALL`].
static CURRENT: AtomicU8 = AtomicU8::new(0);

/// The level in use: the forced one, else that of `MEDOXIDE_LEVEL`, else the detected one.
///
/// The variable is read once, at the first call. A value that cannot be used is reported by
/// [`from_environment`], which programs call at their start; here it falls back to the detected level.
#[inline]
pub fn level() -> Level {
    match CURRENT.load(Ordering::Relaxed) {
        1 => Level::Plain,
        2 => Level::Avx2,
        3 => Level::Avx512,
        4 => Level::Neon,
        _ => decide(),
    }
}

#[cold]
fn decide() -> Level {
    let level = from_environment().unwrap_or_else(|_| detected());
    store(level);
    level
}

fn store(level: Level) {
    let code = match level {
        Level::Plain => 1,
        Level::Avx2 => 2,
        Level::Avx512 => 3,
        Level::Neon => 4,
    };
    CURRENT.store(code, Ordering::Relaxed);
}

/// The level that `MEDOXIDE_LEVEL` asks for; the detected one if it is not set or empty.
///
/// # Errors
/// [`LevelError::Unknown`] for a value that is no level's name, [`LevelError::Unavailable`] for one that this
/// processor lacks.
pub fn from_environment() -> Result<Level, LevelError> {
    match std::env::var_os(VARIABLE) {
        None => Ok(detected()),
        Some(text) if text.is_empty() => Ok(detected()),
        Some(text) => check(text.to_string_lossy().parse()?),
    }
}

/// Forces a level for the whole process; `None` returns to the environment's or the detected one.
///
/// # Errors
/// [`LevelError::Unavailable`] if this processor lacks the level; what was in use stays in use.
pub fn force(level: Option<Level>) -> Result<(), LevelError> {
    let level = match level {
        Some(level) => check(level)?,
        None => from_environment()?,
    };
    store(level);
    Ok(())
}

fn check(wanted: Level) -> Result<Level, LevelError> {
    if wanted.is_available() {
        Ok(wanted)
    } else {
        Err(LevelError::Unavailable { wanted, available: available() })
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
}

/// The same list as multiversion's: it asks for Ice Lake's extensions with any AVX-512 target.
#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512cd")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bitalg")
        && is_x86_feature_detected!("avx512ifma")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vbmi2")
        && is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("avx512vpopcntdq")
        && is_x86_feature_detected!("gfni")
        && is_x86_feature_detected!("vaes")
        && is_x86_feature_detected!("vpclmulqdq")
}

#[cfg(not(target_arch = "x86_64"))]
const fn has_avx2() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
const fn has_avx512() -> bool {
    false
}
