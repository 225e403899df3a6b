//! What this binary does inside a sandbox: things that must fail there, and a few that must not.
#![allow(unsafe_code, reason = "system calls that no library offers, because nobody should make them")]

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Does what the words say, and gives the exit code.
pub(crate) fn main(words: &[String]) -> i32 {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["echo-server", port] => echo_server(port.parse().unwrap()),
        ["calls"] => calls(),
        ["read", paths @ ..] => paths.iter().for_each(|path| say(path, read(path))),
        ["write", paths @ ..] => paths.iter().for_each(|path| say(path, write(path))),
        ["connect", addresses @ ..] => {
            for address in addresses {
                say(address, TcpStream::connect(address).map(drop));
            }
        }
        ["fork-bomb"] => fork_bomb(),
        ["eat", bytes] => eat(bytes.parse().unwrap()),
        ["flood", lines] => flood(lines.parse().unwrap()),
        _ => return 99,
    }
    0
}

fn say(what: &str, result: io::Result<()>) {
    match result {
        Ok(()) => println!("{what}: allowed"),
        Err(error) => println!("{what}: {:?}", error.kind()),
    }
}

fn read(path: &str) -> io::Result<()> {
    if fs::metadata(path)?.is_dir() {
        return fs::read_dir(path).map(drop);
    }
    let mut byte = [0];
    match File::open(path)?.read(&mut byte)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn write(path: &str) -> io::Result<()> {
    File::options().write(true).create(true).truncate(false).open(path).map(drop)
}

fn check(result: i64) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Each of these has to fail.
fn calls() {
    let null = std::ptr::null::<libc::c_char>();
    // SAFETY: every pointer is null or a literal; what succeeds harms this process only
    let results = unsafe {
        [
            ("ptrace", libc::ptrace(libc::PTRACE_ATTACH, 1, 0, 0)),
            (
                "mount",
                i64::from(libc::mount(c"none".as_ptr(), c"/tmp".as_ptr(), c"tmpfs".as_ptr(), 0, null.cast())),
            ),
            ("umount", i64::from(libc::umount2(c"/tmp".as_ptr(), libc::MNT_DETACH))),
            ("pivot_root", libc::syscall(libc::SYS_pivot_root, c"/".as_ptr(), c"/tmp".as_ptr())),
            ("open_tree", libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, c"/".as_ptr(), 1)),
            ("unshare user", i64::from(libc::unshare(libc::CLONE_NEWUSER))),
            ("unshare mount", i64::from(libc::unshare(libc::CLONE_NEWNS))),
            ("clone user", libc::syscall(libc::SYS_clone, libc::CLONE_NEWUSER | libc::SIGCHLD, 0, 0, 0, 0)),
            ("clone3", libc::syscall(libc::SYS_clone3, 0, 0)),
            ("setns", libc::syscall(libc::SYS_setns, 0, 0)),
            ("setuid", i64::from(libc::setuid(0))),
            ("setgroups", i64::from(libc::setgroups(0, std::ptr::null()))),
            ("chroot", i64::from(libc::chroot(c"/tmp".as_ptr()))),
            (
                "mknod",
                i64::from(libc::mknod(c"/tmp/disk".as_ptr(), libc::S_IFBLK | 0o666, libc::makedev(254, 0))),
            ),
            ("bpf", libc::syscall(libc::SYS_bpf, 0, 0, 0)),
            ("perf_event_open", libc::syscall(libc::SYS_perf_event_open, 0, 0, 0, 0, 0)),
            ("keyctl", libc::syscall(libc::SYS_keyctl, 0, 0)),
            ("io_uring_setup", libc::syscall(libc::SYS_io_uring_setup, 1, 0)),
            ("userfaultfd", libc::syscall(libc::SYS_userfaultfd, 0)),
            ("reboot", libc::syscall(libc::SYS_reboot, 0, 0, 0, 0)),
            ("init_module", libc::syscall(libc::SYS_init_module, 0, 0, 0)),
            ("syslog", libc::syscall(libc::SYS_syslog, 3, 0, 0)),
            ("sethostname", i64::from(libc::sethostname(c"x".as_ptr(), 1))),
            ("vsock", i64::from(libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0))),
            ("raw socket", i64::from(libc::socket(libc::AF_INET, libc::SOCK_RAW, 1))),
            ("lower nice", i64::from(libc::setpriority(libc::PRIO_PROCESS, 0, -5))),
        ]
    };
    for (name, result) in results {
        // errno is of the last call only: it is enough that it failed
        println!("{name}: {}", if result < 0 { "refused" } else { "allowed" });
    }
    // SAFETY: plain numbers; the first process of a namespace takes no SIGKILL from inside
    let _ = check(i64::from(unsafe { libc::kill(1, libc::SIGKILL) }));
    println!("still here");
}

fn echo_server(port: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    loop {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 64];
        let got = stream.read(&mut buffer).unwrap();
        stream.write_all(&buffer[..got]).unwrap();
    }
}

/// Starts children until it cannot.
fn fork_bomb() {
    let mut children = Vec::new();
    while let Ok(child) =
        Command::new("/bin/sleep").arg("60").stdin(Stdio::null()).stdout(Stdio::null()).spawn()
    {
        children.push(child);
        assert!(children.len() < 5000, "nothing stops it");
    }
    println!("children: {}", children.len());
}

/// Uses memory, and keeps it a while.
fn eat(bytes: usize) {
    let mut memory = vec![0_u8; bytes];
    for page in memory.chunks_mut(4096) {
        page[0] = 1;
    }
    std::thread::sleep(Duration::from_millis(10));
    println!("ate {}", std::hint::black_box(memory).len());
}

fn flood(lines: usize) {
    let line = "x".repeat(120);
    let mut out = io::BufWriter::new(io::stdout().lock());
    for number in 0..lines {
        writeln!(out, "{number} {line}").unwrap();
    }
    out.flush().unwrap();
}
