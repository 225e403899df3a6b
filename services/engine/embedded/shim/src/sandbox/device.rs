//! A small `/dev`: what every program expects, and nothing of the machine's hardware.

use std::io;
use std::path::Path;

use super::Attempt as _;
use super::tree::{Access, Tree};

const NODES: [&str; 6] = ["full", "null", "random", "tty", "urandom", "zero"];

const LINKS: [(&str, &str); 5] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/ptmx", "pts/ptmx"),
];

pub(super) fn make(root: &Tree) -> io::Result<()> {
    let dev = Path::new("/dev");
    root.mount_in(dev, "tmpfs", &[("mode", "755"), ("size", "64k"), ("nr_inodes", "64")], Access::Device)?;
    for name in NODES {
        let path = dev.join(name);
        root.bind(&path, &path, Access::Device).attempt(name)?;
    }
    for (path, to) in LINKS {
        root.link(Path::new(to), Path::new(path)).attempt(path)?;
    }
    let terminals = [("newinstance", ""), ("ptmxmode", "0666"), ("mode", "0620")];
    root.mount_in(&dev.join("pts"), "devpts", &terminals, Access::Device).attempt("pts")?;
    // the size that pods have
    root.mount_in(&dev.join("shm"), "tmpfs", &[("mode", "1777"), ("size", "64m")], Access::Data)
        .attempt("shm")?;
    // where a user namespace made it, it belongs to the run's user
    root.seal(dev)
}
