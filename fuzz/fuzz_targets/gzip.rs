#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| medoxide_fuzz::gzip::run(data));
