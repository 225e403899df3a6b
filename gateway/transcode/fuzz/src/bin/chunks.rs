//! Streamed bodies, cut anywhere.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| transcode_fuzz::targets::chunks(data));
