//! Writes the encoded descriptor set of proto files and what they import: `descriptors INCLUDE_DIR OUTPUT FILE…`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test tool that may stop at the first surprise")]

fn main() {
    let mut args = std::env::args().skip(1);
    let (include, output) = (args.next().unwrap(), args.next().unwrap());
    let mut compiler = protox::Compiler::new([include]).unwrap();
    compiler.include_imports(true).open_files(args).unwrap();
    std::fs::write(output, compiler.encode_file_descriptor_set()).unwrap();
}
