//! The allow-list for runs that use the host's own programs.

use std::path::{Path, PathBuf};

use crate::spec::Bind;

/// Directories and links of the host's programs.
const PROGRAMS: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// Files of `/etc` that programs need and that tell nothing about the host's users or services. `passwd`, `group`
/// and `hosts` are made for each run.
const ETC: [&str; 30] = [
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "debian_version",
    "fonts",
    "gai.conf",
    "host.conf",
    "inputrc",
    "java-11-openjdk",
    "java-17-openjdk",
    "java-21-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "locale.alias",
    "locale.conf",
    "lsb-release",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "php",
    "profile",
    "protocols",
    "python3",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
];

/// Everything that a run with the image `host` sees of this machine, read-only: programs and libraries, and named
/// files of `/etc`. A caller may append.
pub fn host_binds() -> Vec<Bind> {
    let etc = ETC.iter().map(|name| Path::new("/etc").join(name));
    let mut binds: Vec<Bind> = PROGRAMS
        .iter()
        .map(PathBuf::from)
        .chain(etc)
        .map(|path| Bind { source: path.clone(), target: path, read_only: true, optional: true })
        .collect();
    // often a link into /run, which is not there inside
    let resolver = PathBuf::from("/etc/resolv.conf");
    let source = resolver.canonicalize().unwrap_or_else(|_| resolver.clone());
    binds.push(Bind { source, target: resolver, read_only: true, optional: true });
    binds
}
