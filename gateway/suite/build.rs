//! The protos of the test services to a descriptor set and to Rust; nothing else.

use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=../../proto/google");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut compiler = protox::Compiler::new(["proto", "../../proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files([
        "library/v1/library.proto",
        "library/v1/shapes.proto",
        "google/rpc/status.proto",
        "google/rpc/error_details.proto",
    ])?;
    // protox's own encoding: prost-types would drop every option that it does not know, `google.api.http` first
    let encoded = compiler.encode_file_descriptor_set();
    fs::write(out.join("library.bin"), &encoded)?;
    let set = prost_types::FileDescriptorSet::decode(encoded.as_slice())?;
    tonic_prost_build::configure().build_client(false).build_transport(false).compile_fds(set)?;
    Ok(())
}
