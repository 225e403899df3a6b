//! Giving up privileges, for good, before anything of the tool is executed.

use std::fs;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::process::{DumpableBehavior, Resource, Rlimit, geteuid, set_dumpable_behavior, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, LinkNameSpaceType, clear_ambient_capability_set,
    move_into_link_name_space, set_capabilities, set_no_new_privs, set_thread_groups,
};

use crate::record::{Enforced, Enforcement};
use crate::sandbox::{Attempt as _, install_filter};
use crate::spec::{Spec, Tier};
use crate::sys;

/// Open files of a process, where the specification says nothing.
const NOFILE: u64 = 65_536;

/// Maps the run's user and group to those of the shim, and nothing else (`user_namespaces(7)`).
pub(super) fn map_user(spec: &Spec, (uid, gid): (u32, u32)) -> io::Result<()> {
    // the maps belong to root while the process cannot be dumped
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{} {uid} 1", spec.uid))?;
    fs::write("/proc/self/gid_map", format!("{} {gid} 1", spec.gid))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

pub(super) fn join_network(namespace: BorrowedFd<'_>) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))?)
}

/// Hides where the run's group is: it becomes the root of what the run can see.
pub(super) fn own_control_groups() -> io::Result<()> {
    sys::unshare(libc::CLONE_NEWCGROUP)
}

/// Process limits: always those on files and core dumps, and those that stand in for a control group.
pub(super) fn limit(spec: &Spec, enforced: Enforced) -> io::Result<()> {
    let set = |resource, value| {
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) }).map_err(io::Error::from)
    };
    set(Resource::Core, 0)?;
    let files = spec.limits.nofile.unwrap_or(NOFILE);
    match set(Resource::Nofile, files) {
        // more than this user may have: stay with what there is
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        other => other?,
    }
    if let (Some(bytes), true) = (spec.limits.memory_bytes, enforced.memory != Enforcement::Enforced) {
        set(Resource::Data, bytes)?;
    }
    if let (Some(pids), true) = (spec.limits.pids, enforced.pids != Enforcement::Enforced) {
        set(Resource::Nproc, pids)?;
    }
    Ok(())
}

/// Becomes the run's user, without capabilities, without a way to new ones, behind the system call filter.
pub(super) fn drop_all(spec: &Spec) -> io::Result<()> {
    let tier = spec.sandbox.tier;
    let root = geteuid().is_root();
    if root || tier == Tier::UserNamespaces {
        sys::drop_bounding_set().attempt("drop capabilities")?;
    }
    if root && tier != Tier::UserNamespaces {
        set_thread_groups(&[]).attempt("drop groups")?;
        sys::become_user(spec.uid, spec.gid).attempt("change the user")?;
    }
    clear_ambient_capability_set().attempt("drop ambient capabilities")?;
    let nothing = CapabilitySet::empty();
    let sets = CapabilitySets { effective: nothing, permitted: nothing, inheritable: nothing };
    set_capabilities(None, sets).attempt("drop capabilities")?;
    set_no_new_privs(true).attempt("forbid new privileges")?;
    install_filter(tier).attempt("filter system calls")?;
    // not even processes of the same user may look into this one
    set_dumpable_behavior(DumpableBehavior::NotDumpable).attempt("forbid tracing")
}
