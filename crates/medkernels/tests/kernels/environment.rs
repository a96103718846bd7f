//! Levels, and the float environment.

use medkernels::float_env::FloatEnv;
use medkernels::level::{self, Level, LevelError};

use super::levels::lock;

#[test]
fn levels_have_names() {
    for level in [Level::Plain, Level::Avx2, Level::Avx512, Level::Neon] {
        assert_eq!(level.to_string().parse(), Ok(level));
        assert_eq!(format!(" {level} ").to_uppercase().parse(), Ok(level));
    }
    assert_eq!("sse9".parse::<Level>(), Err(LevelError::Unknown { found: "sse9".into() }));
}

#[test]
fn forcing_a_level_works_or_says_what_is_there() {
    let _lock = lock();
    let available = level::available();
    assert!(available.contains(&level::detected()));
    for wanted in [Level::Plain, Level::Avx2, Level::Avx512, Level::Neon] {
        let before = level::level();
        match level::force(Some(wanted)) {
            Ok(()) => assert_eq!(level::level(), wanted),
            Err(error) => {
                assert!(!available.contains(&wanted));
                assert_eq!(level::level(), before);
                let text = error.to_string();
                assert!(text.contains(wanted.name()) && text.contains("plain"), "{text}");
            }
        }
        assert_eq!(wanted.is_available(), available.contains(&wanted));
    }
    level::force(None).unwrap();
    assert_eq!(Ok(level::level()), level::from_environment());
}

#[test]
fn subnormal_numbers_count() {
    let _env = FloatEnv::enter();
    let tiny = std::hint::black_box(f32::MIN_POSITIVE);
    assert!(tiny / 2.0 > 0.0);
    medkernels::threads::for_each(8, |_| assert!(std::hint::black_box(tiny) / 4.0 > 0.0));
}

/// Flush-to-zero as torch sets it: MXCSR's bits 15 and 6.
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod flushed {
    #![allow(unsafe_code, reason = "the register can only be set by assembly")]

    use std::arch::asm;
    use std::hint::black_box;

    use medkernels::float_env::FloatEnv;

    fn control() -> u32 {
        let mut control = 0u32;
        // SAFETY: stores four bytes into `control`.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut control) };
        control
    }

    fn set_control(control: u32) {
        // SAFETY: only bits that name float modes are changed, and put back before the test ends.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const control) };
    }

    #[test]
    fn a_callers_flush_to_zero_is_set_aside_and_put_back() {
        let usual = control();
        // Flush-to-zero, denormals-are-zero, and rounding down.
        set_control(usual | 0x8040 | 0x2000);
        let halved = |x: f32| black_box(black_box(x) * 0.5);
        let outside = halved(f32::MIN_POSITIVE);
        let inside = {
            let _env = FloatEnv::enter();
            halved(f32::MIN_POSITIVE)
        };
        let after = halved(f32::MIN_POSITIVE);
        let found = control();
        set_control(usual);
        assert_eq!((outside, after), (0.0, 0.0));
        assert!(inside > 0.0);
        assert_eq!(found & 0xe040, 0x8040 | 0x2000);
    }

    #[test]
    fn tasks_run_in_the_default_environment() {
        let usual = control();
        set_control(usual | 0x8040);
        let flags = std::sync::Mutex::new(Vec::new());
        medkernels::threads::for_each(50, |_| flags.lock().unwrap().push(control() & 0xe040));
        set_control(usual);
        assert_eq!(flags.into_inner().unwrap(), [0; 50]);
    }
}
