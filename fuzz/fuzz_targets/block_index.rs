#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| medoxide_fuzz::block_index::run(data));
