//! Protos to descriptor sets to Rust; nothing else.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use prost::Message as _;

/// A descriptor set for each service that is deployed by itself, and one of everything for the generated code.
/// A service's reflection lists only what it serves, so that a gateway never finds a method at two backends.
const SETS: &[(&str, &[&str])] =
    &[("jobs", &["toolforge/jobs/v1", "toolforge/logs/v1"]), ("config", &["toolforge/config/v1"])];

/// Files that no service imports and that clients need in order to print error details.
const DETAILS: &[&str] = &["google/rpc/status.proto", "google/rpc/error_details.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // tonic-prost-build prints no such line; without it, Cargo watches every file of the root package.
    println!("cargo::rerun-if-changed=proto");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);

    let mut everything: Vec<String> = DETAILS.iter().map(ToString::to_string).collect();
    for (name, folders) in SETS {
        let mut files: Vec<String> = DETAILS.iter().map(ToString::to_string).collect();
        for folder in *folders {
            files.extend(protos(Path::new("proto"), folder)?);
        }
        fs::write(out.join(format!("{name}.bin")), compile(&files)?)?;
        everything.extend(files);
    }
    everything.sort();
    everything.dedup();

    let encoded = compile(&everything)?;
    let set = prost_types::FileDescriptorSet::decode(encoded.as_slice())?;
    tonic_prost_build::configure().build_transport(false).compile_fds(set)?;
    Ok(())
}

/// The encoded descriptor set of some files and all they import. It is protox's own encoding: prost-types would drop
/// every option that it does not know, `google.api.http` first.
fn compile(files: &[String]) -> Result<Vec<u8>, protox::Error> {
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    Ok(compiler.encode_file_descriptor_set())
}

fn protos(root: &Path, folder: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|extension| extension == "proto") {
            names.push(format!("{folder}/{name}"));
        }
    }
    names.sort();
    Ok(names)
}
