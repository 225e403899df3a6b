//! Compiles the benchmark's messages: a descriptor set for the dynamic contenders, types with serde for the typed ones.

use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_imports(true).open_files(["test/bench.proto"])?;
    let set = compiler.encode_file_descriptor_set();
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("bench.pb"), &set)?;
    let mut config = prost_build::Config::new();
    config.compile_well_known_types().extern_path(".google.protobuf", "::pbjson_types");
    config.compile_fds(compiler.file_descriptor_set())?;
    let mut serde = pbjson_build::Builder::new();
    serde.register_descriptors(&set)?.preserve_proto_field_names().build(&[".bench.v1"])?;
    Ok(())
}
