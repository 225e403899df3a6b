//! What a run can see and do: file systems, devices, accounts, privileges, system calls.
//!
//! [`enter`] is called by the first process of a run in its new namespaces and never undone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount};
use rustix::process::pivot_root;

use crate::record::names;
use crate::spec::{Bind, Sandbox, Spec, Tier};

mod accounts;
mod device;
mod filter;
mod host;
mod pseudo;
mod tree;

pub(crate) use filter::install as install_filter;
pub use host::host_binds;

use tree::{Access, Tree};

/// Says what was tried when it fails.
pub(crate) trait Attempt<T> {
    /// `what` in the words of an operator.
    fn attempt(self, what: &str) -> io::Result<T>;
}

impl<T, E: Into<io::Error>> Attempt<T> for Result<T, E> {
    fn attempt(self, what: &str) -> io::Result<T> {
        self.map_err(Into::into).map_err(|error| io::Error::new(error.kind(), format!("{what}: {error}")))
    }
}

/// Names below the scratch directory.
const ROOT: &str = "root";
const TMP: [(&str, &str); 2] = [("tmp", "/tmp"), ("var-tmp", "/var/tmp")];
const UPPER: &str = "upper";
const WORK: &str = "work";

/// Makes the directories that the sandbox needs, before its namespaces: writable space is on disk, as it is in a pod.
pub(crate) fn prepare(run: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let scratch = run.join(names::SCRATCH);
    for name in [ROOT, TMP[0].0, TMP[1].0, UPPER, WORK] {
        fs::create_dir_all(scratch.join(name))?;
    }
    for (name, _) in TMP {
        fs::set_permissions(scratch.join(name), fs::Permissions::from_mode(0o1777))?;
    }
    // the upper layer is the root directory that runs see
    fs::set_permissions(scratch.join(UPPER), fs::Permissions::from_mode(0o755))
}

/// Replaces the file systems of this process's mount namespace. `run` is the instance's directory.
pub(crate) fn enter(spec: &Spec, run: &Path) -> io::Result<()> {
    let sandbox = &spec.sandbox;
    let everything = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", everything).attempt("cut off from the host's mounts")?;
    let scratch = run.join(names::SCRATCH);
    let root = root(sandbox, &scratch).attempt("make the root")?;
    accounts::write(&root, spec).attempt("write the accounts")?;
    for bind in &sandbox.root {
        place(&root, bind)?;
    }
    device::make(&root).attempt("make /dev")?;
    pseudo::proc(&root).attempt("make /proc")?;
    for (name, target) in TMP {
        root.bind(&scratch.join(name), Path::new(target), Access::Write)
            .attempt(&format!("make {target}"))?;
    }
    for target in ["/run", "/var/lib", "/var/cache", "/var/log"] {
        root.directory(Path::new(target)).attempt(&format!("make {target}"))?;
    }
    if let Some(home) = &sandbox.home {
        let what = format!("bind the home {} on {}", home.source.display(), home.target.display());
        root.bind(&home.source, &home.target, Access::Write).attempt(&what)?;
    }
    if let Some(hosts) = &sandbox.hosts {
        root.bind(hosts, Path::new("/etc/hosts"), Access::Read).attempt("bind /etc/hosts")?;
    }
    pivot(&root).attempt("change the root")?;
    if sandbox.rootfs.is_none() {
        root.seal(Path::new("/")).attempt("protect the root")?;
    }
    Ok(())
}

/// A new root: a small file system in memory, or the image below a layer that is thrown away.
fn root(sandbox: &Sandbox, scratch: &Path) -> io::Result<Tree> {
    let target = scratch.join(ROOT);
    match &sandbox.rootfs {
        None => Tree::mount(&target, "tmpfs", &[("mode", "755"), ("size", "4m"), ("nr_inodes", "4096")]),
        Some(image) => {
            let lower = escape(image)?;
            let (upper, work) = (escape(&scratch.join(UPPER))?, escape(&scratch.join(WORK))?);
            let mut options =
                vec![("lowerdir", lower.as_str()), ("upperdir", upper.as_str()), ("workdir", work.as_str())];
            if sandbox.tier < Tier::Full {
                // the usual attributes of layers are for root alone
                options.push(("userxattr", ""));
            }
            Tree::mount(&target, "overlay", &options)
        }
    }
}

/// A path as an option of an overlay file system.
fn escape(path: &Path) -> io::Result<String> {
    let path = path.to_str().ok_or_else(|| io::Error::other("the path is not UTF-8"))?;
    Ok(path.replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,"))
}

fn place(root: &Tree, bind: &Bind) -> io::Result<()> {
    let what = || format!("bind {} on {}", bind.source.display(), bind.target.display());
    let kind = match fs::symlink_metadata(&bind.source) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if bind.optional && error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).attempt(&what()),
    };
    if kind.is_symlink() {
        let link: PathBuf = fs::read_link(&bind.source).attempt(&what())?;
        return root.link(&link, &bind.target).attempt(&what());
    }
    let access = if bind.read_only { Access::Read } else { Access::Write };
    root.bind(&bind.source, &bind.target, access).attempt(&what())
}

/// Makes `root` the root and lets go of the old one.
fn pivot(root: &Tree) -> io::Result<()> {
    rustix::process::fchdir(root)?;
    pivot_root(".", ".")?;
    // the old root lies over the new one until it is gone
    unmount(".", UnmountFlags::DETACH)?;
    rustix::process::chdir("/")?;
    Ok(())
}
