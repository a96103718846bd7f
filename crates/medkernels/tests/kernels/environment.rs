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
