//! The measured service: its stubs, and its descriptors for everybody who needs a file of them.

use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut compiler = protox::Compiler::new(["proto", "../../proto"])?;
    compiler.include_imports(true).open_files(["bench/v1/depot.proto"])?;
    // protox's own encoding: prost-types would drop google.api.http
    let encoded = compiler.encode_file_descriptor_set();
    fs::write(out.join("depot.bin"), &encoded)?;
    let set = prost_types::FileDescriptorSet::decode(encoded.as_slice())?;
    tonic_prost_build::configure().build_transport(false).build_client(false).compile_fds(set)?;
    Ok(())
}
