//! The accounts that a run can see: its own, root and nobody. Nothing of the host's users.

use std::io;
use std::path::Path;

use super::tree::Tree;
use crate::spec::Spec;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

pub(super) fn write(root: &Tree, spec: &Spec) -> io::Result<()> {
    let home = spec.sandbox.home.as_ref().map_or(Path::new("/"), |home| home.target.as_path());
    let Spec { user, uid, gid, .. } = spec;
    let own = format!("{user}:x:{uid}:{gid}:{user}:{}:/bin/sh\n", home.display());
    let (passwd, group) = match spec.sandbox.rootfs {
        // an image has accounts that its programs know
        Some(_) => (root.read(Path::new(PASSWD))?, root.read(Path::new(GROUP))?),
        None => (
            "root:x:0:0:root:/root:/usr/sbin/nologin\n\
             nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
                .to_owned(),
            "root:x:0:\nnogroup:x:65534:\n".to_owned(),
        ),
    };
    root.write(Path::new(PASSWD), &with(&passwd, &own, *uid))?;
    root.write(Path::new(GROUP), &with(&group, &format!("{user}:x:{gid}:\n"), *gid))?;
    root.write(Path::new("/etc/hostname"), &format!("{}\n", spec.sandbox.hostname))
}

/// The table with our line first, unless the number has a line already.
fn with(table: &str, line: &str, number: u32) -> String {
    let number = number.to_string();
    if table.lines().any(|line| line.split(':').nth(2) == Some(number.as_str())) {
        table.to_owned()
    } else {
        format!("{line}{table}")
    }
}
