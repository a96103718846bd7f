//! The float environment: rounding to nearest, subnormal numbers kept.

use std::marker::PhantomData;

use crate::intrinsics;

/// Holds the processor's float environment at the IEEE default, and restores what was found when dropped.
///
/// torch, for one, can set flush-to-zero in its threads, which changes the bits of results. Entry points take
/// a guard for the time of a call; [`crate::threads`] takes one in each of its threads. It belongs to one
/// thread. Where the processor has no such state (WebAssembly) it does nothing.
///
/// ```
/// let _env = medkernels::float_env::FloatEnv::enter();
/// assert!(f32::MIN_POSITIVE / 2.0 > 0.0);
/// ```
#[derive(Debug)]
pub struct FloatEnv {
    found: u64,
    /// Not `Send`: the state is a register of this thread's processor.
    thread: PhantomData<*const ()>,
}

impl FloatEnv {
    /// Saves the environment and sets the default: round to nearest, no flush-to-zero, no denormals-are-zero.
    #[must_use = "the environment is restored when this is dropped"]
    pub fn enter() -> Self {
        let found = intrinsics::float_control();
        if found != intrinsics::float_default(found) {
            intrinsics::set_float_control(intrinsics::float_default(found));
        }
        FloatEnv { found, thread: PhantomData }
    }
}

impl Drop for FloatEnv {
    fn drop(&mut self) {
        if self.found != intrinsics::float_default(self.found) {
            intrinsics::set_float_control(self.found);
        }
    }
}
