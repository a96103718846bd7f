//! One plain body, compiled once for each instruction set: the `kernel!` macro.

/// Writes a kernel: a function whose one plain body is compiled for AVX-512, for AVX2 and for the target's
/// base (SSE2 on x86-64, NEON on aarch64, scalar on WebAssembly), and which picks the build by
/// [`crate::level::level`].
///
/// One optional type parameter goes in square brackets: `fn name[T: Bound](...)`. The arms that a build
/// cannot reach fall back to the plain build, so each kernel is compiled three times and not more. Dispatch
/// costs a few nanoseconds: call kernels on rows or tiles, never on single voxels.
macro_rules! kernel {
    (
        $(#[$meta:meta])*
        $vis:vis fn $name:ident $([$generic:ident: $bound:ident])? (
            $($arg:ident: $ty:ty),* $(,)?
        ) $(-> $ret:ty)? $body:block
    ) => {
        $(#[$meta])*
        $vis fn $name $(<$generic: $bound>)? ($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn body $(<$generic: $bound>)? ($($arg: $ty),*) $(-> $ret)? $body

            #[inline(never)]
            fn plain $(<$generic: $bound>)? ($($arg: $ty),*) $(-> $ret)? {
                body($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[multiversion::multiversion(targets(
                "x86_64+avx512f+avx512bw+avx512vl+avx512dq+avx512cd+avx2+fma+f16c+bmi1+bmi2+lzcnt+popcnt"
            ), dispatcher = "direct")]
            fn avx512 $(<$generic: $bound>)? ($($arg: $ty),*) $(-> $ret)? {
                multiversion::target::match_target! {
                    "x86_64+avx512f" => body($($arg),*),
                    _ => plain($($arg),*),
                }
            }

            #[cfg(target_arch = "x86_64")]
            #[multiversion::multiversion(targets(
                "x86_64+avx2+fma+f16c+bmi1+bmi2+lzcnt+popcnt"
            ), dispatcher = "direct")]
            fn avx2 $(<$generic: $bound>)? ($($arg: $ty),*) $(-> $ret)? {
                multiversion::target::match_target! {
                    "x86_64+avx2" => body($($arg),*),
                    _ => plain($($arg),*),
                }
            }

            match $crate::level::level() {
                #[cfg(target_arch = "x86_64")]
                $crate::level::Level::Avx512 => avx512($($arg),*),
                #[cfg(target_arch = "x86_64")]
                $crate::level::Level::Avx2 => avx2($($arg),*),
                _ => plain($($arg),*),
            }
        }
    };
}

pub(crate) use kernel;
