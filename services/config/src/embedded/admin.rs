//! The administrators' socket: whoever may open the file is one. Its folder is closed to everybody else.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use mesh::client::{Channel, Endpoint};
use tokio::net::UnixListener;

use super::Directory;

/// Listens; the caller owns the directory, so that a file which is there is a leftover.
pub fn listen(directory: &Directory) -> Result<UnixListener> {
    let path = directory.admin_socket();
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context("admin socket"),
        _ => {}
    }
    let (_held, short) = short_path(directory)?;
    let listener = UnixListener::bind(short).context("cannot make the admin socket")?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Calls of an administrator to the server that runs on the directory. The path of a socket ends at 108 bytes, that of
/// a directory does not: the socket is reached through the directory's descriptor, which is to be held meanwhile.
pub fn connect(directory: &Directory) -> Result<(File, Channel)> {
    let (held, short) = short_path(directory)?;
    Ok((held, Channel::new(Endpoint::unix(short))))
}

fn short_path(directory: &Directory) -> io::Result<(File, PathBuf)> {
    let folder = File::open(directory.path())?;
    let socket = directory.admin_socket();
    let name = socket.file_name().unwrap_or_default();
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
    Ok((folder, short))
}
