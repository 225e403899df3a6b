//! The few system calls that have no safe wrapper in rustix.
#![allow(unsafe_code, reason = "fork, clone, exec and their like cannot be called otherwise")]

use std::ffi::{CStr, CString, c_char};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

use rustix::process::Pid;

/// Which side of a fork this is.
#[derive(Debug)]
pub(crate) enum Side {
    Parent(Pid),
    Child,
}

/// Forks. Shims have one thread, so the child may do whatever the parent may.
pub(crate) fn fork() -> io::Result<Side> {
    // SAFETY: the process has one thread, hence no lock can be held by another one
    side(i64::from(unsafe { libc::fork() }))
}

/// `CLONE_INTO_CGROUP` (clone(2)); the library's constant is too narrow for it.
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// Forks into new namespaces (`CLONE_NEW…`), and into a version 2 control group, given by its directory.
pub(crate) fn fork_into(namespaces: libc::c_int, group: Option<BorrowedFd<'_>>) -> io::Result<Side> {
    // SAFETY: all zero asks for nothing
    let mut request: libc::clone_args = unsafe { std::mem::zeroed() };
    request.flags = u64::from(namespaces.cast_unsigned());
    request.exit_signal = u64::from(libc::SIGCHLD.cast_unsigned());
    if let Some(group) = group {
        request.flags |= INTO_CGROUP;
        request.cgroup = u64::from(group.as_raw_fd().cast_unsigned());
    }
    // SAFETY: without CLONE_VM and without a stack it is a fork; the process has one thread; structure and size belong
    // together
    side(unsafe { libc::syscall(libc::SYS_clone3, &raw const request, size_of::<libc::clone_args>()) })
}

fn side(result: i64) -> io::Result<Side> {
    match i32::try_from(result) {
        Ok(0) => Ok(Side::Child),
        Ok(pid) => {
            Pid::from_raw(pid).filter(|_| pid > 0).map(Side::Parent).ok_or_else(io::Error::last_os_error)
        }
        Err(_) => Err(io::Error::from_raw_os_error(libc::EOVERFLOW)),
    }
}

/// Ends this process at once, without destructors: a forked child must not run its parent's.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: always possible
    unsafe { libc::_exit(code) }
}

/// The strings of an `execve`, made before a fork.
#[derive(Debug)]
pub(crate) struct Strings {
    owned: Vec<CString>,
}

impl Strings {
    pub(crate) fn new<I: IntoIterator<Item = S>, S: Into<Vec<u8>>>(strings: I) -> io::Result<Self> {
        let owned = strings.into_iter().map(CString::new).collect::<Result<_, _>>()?;
        Ok(Self { owned })
    }

    fn pointers(&self) -> Vec<*const c_char> {
        self.owned.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
    }
}

/// Replaces this process by a program; returns only when that fails.
pub(crate) fn execute(path: &CStr, argv: &Strings, environment: &Strings) -> io::Error {
    let (argv, environment) = (argv.pointers(), environment.pointers());
    // SAFETY: both arrays end with a null pointer and their strings live until the call returns
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Sets mount attributes (`MOUNT_ATTR_…`) of the mount that `fd` is, or of all below it.
pub(crate) fn set_mount_attributes(fd: BorrowedFd<'_>, set: u64, recursive: bool) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is empty and ends with NUL, the structure and its size belong together
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    })
}

/// Closes every descriptor from 3 on, except `keep`.
pub(crate) fn close_all_except(keep: &mut [RawFd]) {
    keep.sort_unstable();
    let mut first: libc::c_uint = 3;
    for kept in keep.iter().filter_map(|fd| libc::c_uint::try_from(*fd).ok()) {
        if kept > first {
            close_range(first, kept - 1, 0);
        }
        first = first.max(kept + 1);
    }
    close_range(first, libc::c_uint::MAX, 0);
}

/// Makes every descriptor from 3 on close itself when a program is executed.
pub(crate) fn close_all_on_exec() {
    close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
}

fn close_range(first: libc::c_uint, last: libc::c_uint, flags: libc::c_uint) {
    // SAFETY: callers own the process: whatever is closed here is not used afterwards
    unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
}

/// Makes `fd` the standard stream `target`.
pub(crate) fn become_standard(fd: BorrowedFd<'_>, target: RawFd) -> io::Result<()> {
    // SAFETY: only called between fork and exec, where nothing owns the target
    check(i64::from(unsafe { libc::dup2(fd.as_raw_fd(), target) }))
}

/// Blocks every signal of this process, and gives a descriptor on which `wanted` ones are read.
pub(crate) fn signals(wanted: &[i32]) -> io::Result<OwnedFd> {
    let mut all = empty_set();
    let mut some = empty_set();
    // SAFETY: the sets are initialised and signal numbers are constants
    unsafe {
        libc::sigfillset(&raw mut all);
        for signal in wanted {
            libc::sigaddset(&raw mut some, *signal);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
    }
    // SAFETY: the set is initialised; the result is checked before it is owned
    let fd = unsafe { libc::signalfd(-1, &raw const some, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    check(i64::from(fd))?;
    // SAFETY: a new descriptor that nothing else owns
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Undoes what shims and the language's runtime do to signals, before a program is executed.
pub(crate) fn default_signals() {
    let none = empty_set();
    // SAFETY: SIG_DFL is always possible; the set is initialised
    unsafe {
        for signal in 1..libc::SIGRTMAX() {
            libc::signal(signal, libc::SIG_DFL);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

fn empty_set() -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

/// Becomes another user and group, for good.
pub(crate) fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: plain numbers; the process has one thread
    check(i64::from(unsafe { libc::setresgid(gid, gid, gid) }))?;
    // SAFETY: as above
    check(i64::from(unsafe { libc::setresuid(uid, uid, uid) }))
}

/// Moves this process into new namespaces.
pub(crate) fn unshare(namespaces: libc::c_int) -> io::Result<()> {
    // SAFETY: none of CLONE_FILES, CLONE_FS or CLONE_THREAD is ever asked for
    check(i64::from(unsafe { libc::unshare(namespaces) }))
}

/// Removes every capability from the bounding set.
pub(crate) fn drop_bounding_set() -> io::Result<()> {
    for capability in 0..64 as libc::c_ulong {
        // SAFETY: plain numbers
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        match check(i64::from(result)) {
            // past the last one that this kernel knows
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Ok(()),
            other => other?,
        }
    }
    Ok(())
}

/// Installs a system call filter; needs `no_new_privs`.
pub(crate) fn install_filter(filter: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the program points to `len` instructions, which the kernel copies and checks
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) })
}

/// `IFF_UP | IFF_RUNNING` (netdevice(7)).
const UP: libc::c_short = 0x41;

/// Brings up the loopback device of the current network namespace.
pub(crate) fn loopback_up() -> io::Result<()> {
    use rustix::net::{AddressFamily, SocketType, socket};
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    // SAFETY: an all-zero ifreq is valid; the name is shorter than its field and the union member is the one that
    // these requests use
    check(i64::from(unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_flags = UP;
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)
    }))
}

fn check(result: i64) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
