//! Path templates, and paths against them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| transcode_fuzz::targets::template(data));
