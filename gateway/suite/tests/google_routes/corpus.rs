//! The protos, compiled by protoc once and kept, and their rules as a reflection library of others reads them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::{Context as _, Result, ensure};
use gateway_suite::{npm_package, python};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, Value};

/// An encoded descriptor set.
pub(crate) struct Corpus {
    pub(crate) descriptors: Vec<u8>,
}

/// The same, read by `prost-reflect`.
pub(crate) struct Read {
    pool: DescriptorPool,
}

/// One HTTP rule.
pub(crate) struct Rule {
    pub(crate) number: u64,
    pub(crate) method: String,
    pub(crate) http_method: String,
    pub(crate) template: String,
    pub(crate) body: String,
    pub(crate) input: MessageDescriptor,
}

impl Rule {
    /// `/package.Service/Method`.
    pub(crate) fn grpc_path(&self) -> String {
        let (service, method) = self.method.rsplit_once('.').unwrap();
        format!("/{service}/{method}")
    }
}

impl Corpus {
    /// The descriptors of every file that has an HTTP rule, and of what these import.
    pub(crate) fn load() -> Result<Self> {
        let package = npm_package("google-proto-files")?;
        let about = fs::read(package.join("package.json"))?;
        let about: serde_json::Value = serde_json::from_slice(&about)?;
        let version = about["version"].as_str().context("the package has no version")?;
        let kept =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!(".tools/google-proto-files-{version}.bin"));
        if !kept.exists() {
            compile(&package, &kept)?;
        }
        Ok(Self { descriptors: fs::read(kept)? })
    }

    pub(crate) fn read(&self) -> Read {
        Read { pool: DescriptorPool::decode(self.descriptors.as_slice()).unwrap() }
    }
}

fn compile(package: &Path, to: &Path) -> Result<()> {
    let mut names = BTreeSet::new();
    for folder in ["google", "grafeas"] {
        find(package, &package.join(folder), &mut names)?;
    }
    ensure!(names.len() > 1000, "only {} files with rules in {}", names.len(), package.display());
    let folder = tempfile::tempdir_in(to.parent().context("a folder")?)?;
    let (list, set) = (folder.path().join("list"), folder.path().join("set"));
    fs::write(&list, names.into_iter().collect::<Vec<_>>().join("\n"))?;
    let output = Command::new(python("python")?)
        .args(["-m", "grpc_tools.protoc", "--include_imports"])
        .arg(format!("-I{}", package.display()))
        .arg(format!("--descriptor_set_out={}", set.display()))
        .arg(format!("@{}", list.display()))
        .output()?;
    ensure!(output.status.success(), "protoc: {}", String::from_utf8_lossy(&output.stderr));
    fs::rename(set, to).context("keeping the descriptor set")
}

/// Adds the names of the files below `folder` that have an HTTP rule.
fn find(root: &Path, folder: &Path, names: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            find(root, &path, names)?;
        } else if path.extension().is_some_and(|e| e == "proto")
            && memchr::memmem::find(&fs::read(&path)?, b"(google.api.http)").is_some()
        {
            names.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
    Ok(())
}

impl Read {
    pub(crate) fn methods(&self) -> usize {
        self.pool.services().map(|service| service.methods().len()).sum()
    }

    /// Every rule, additional ones too.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        let http = self.pool.get_extension_by_name("google.api.http").unwrap();
        for method in self.pool.services().flat_map(|s| s.methods().collect::<Vec<_>>()) {
            let options = method.options();
            if let Value::Message(rule) = options.get_extension(&http).as_ref()
                && options.has_extension(&http)
            {
                add(&method, rule, &mut rules);
            }
        }
        rules
    }
}

fn add(method: &MethodDescriptor, rule: &DynamicMessage, rules: &mut Vec<Rule>) {
    let text = |message: &DynamicMessage, name: &str| {
        message.get_field_by_name(name).unwrap().as_str().unwrap_or_default().to_owned()
    };
    let pattern = ["get", "put", "post", "delete", "patch"].into_iter().find(|p| rule.has_field_by_name(p));
    let (http_method, template) = if let Some(pattern) = pattern {
        (pattern.to_uppercase(), text(rule, pattern))
    } else {
        let custom = rule.get_field_by_name("custom").unwrap();
        let custom = custom.as_message().unwrap();
        (text(custom, "kind"), text(custom, "path"))
    };
    rules.push(Rule {
        number: rules.len() as u64,
        method: method.full_name().to_owned(),
        http_method,
        template,
        body: text(rule, "body"),
        input: method.input(),
    });
    for more in rule.get_field_by_name("additional_bindings").unwrap().as_list().unwrap() {
        add(method, more.as_message().unwrap(), rules);
    }
}
