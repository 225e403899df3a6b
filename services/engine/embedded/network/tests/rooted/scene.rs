//! A machine to test on: a network namespace with an uplink to another one that plays the world.
#![allow(unsafe_code, reason = "unshare has no safe form")]

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, UnshareFlags, gettid, move_into_link_name_space, unshare_unsafe};

/// The longest that a connection may take to be made or refused here.
const BOUND: Duration = Duration::from_secs(2);
/// The machine's own address to the world.
pub(crate) const UPLINK: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const WORLD: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

/// The machine; its namespace is that of the test's thread.
pub(crate) struct Scene {
    directory: tempfile::TempDir,
    world: Kept,
    before: String,
}

impl Scene {
    /// None, and a line about it, where this process may not make one.
    pub(crate) fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: needs root");
            return None;
        }
        let world = Kept::new();
        unshare();
        run("ip link set lo up");
        run(&format!("ip link add up0 type veth peer name up1 netns {}", world.path.display()));
        // what the test compares must not change by itself: no addresses that appear a second later
        run("ip link set up0 addrgenmode none");
        run("ip addr add 198.51.100.1/24 dev up0");
        run("ip link set up0 up");
        inside(&world.path, || {
            run("ip link set lo up");
            run("ip addr add 198.51.100.2/24 dev up1");
            run("ip link set up1 up");
        });
        run("ip route add default via 198.51.100.2");
        wait_for_carrier();
        let directory = tempfile::tempdir().unwrap();
        Some(Self { directory, world, before: picture() })
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn engine(&self) -> PathBuf {
        self.directory.path().join("engine")
    }

    pub(crate) fn world(&self) -> World<'_> {
        World { netns: self.world.path.clone(), address: WORLD, kept: &self.world }
    }

    /// Interfaces, addresses, routes, tables, mounts and files are what they were before.
    pub(crate) fn assert_clean(&self) {
        assert_eq!(picture(), self.before);
        let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        assert!(!mounts.contains(self.directory.path().to_str().unwrap()), "{mounts}");
        for engine in fs::read_dir(self.directory.path()).unwrap() {
            let left: Vec<_> = fs::read_dir(engine.unwrap().path()).unwrap().collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }
}

/// What the kernel holds of platforms is gone.
pub(crate) fn reboot() {
    run("nft flush ruleset");
    run("ip route flush type unreachable");
}

/// The other end of the uplink.
pub(crate) struct World<'a> {
    pub(crate) netns: PathBuf,
    pub(crate) address: Ipv4Addr,
    kept: &'a Kept,
}

impl World<'_> {
    /// The world is also at this address.
    pub(crate) fn add_address(&self, address: Ipv4Addr) {
        inside(&self.kept.path, || run(&format!("ip addr add {address}/32 dev lo")));
    }

    /// The world knows the way to an instance's address.
    pub(crate) fn route_to(&self, address: Ipv4Addr) {
        inside(&self.kept.path, || run(&format!("ip route add {address}/32 via {UPLINK}")));
    }
}

/// A namespace for as long as this lives.
struct Kept {
    path: PathBuf,
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Kept {
    fn new() -> Self {
        let (end, ended) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            unshare();
            tell.send(own()).unwrap();
            let _ = ended.recv();
        });
        Self { path: told.recv().unwrap(), end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.end.take();
        self.thread.take().map(JoinHandle::join);
    }
}

/// Says one thing to everybody who connects, until it is dropped.
pub(crate) struct Server {
    listener: TcpListener,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(netns: &Path, port: u16, greeting: &str) -> Self {
        Self::run(inside(netns, || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap()), greeting)
    }

    fn run(listener: TcpListener, greeting: &str) -> Self {
        let (accepting, greeting) = (listener.try_clone().unwrap(), greeting.to_owned());
        let thread = thread::spawn(move || {
            while let Ok((mut stream, _)) = accepting.accept() {
                let _ = stream.write_all(greeting.as_bytes());
            }
        });
        Self { listener, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // wakes the accept, which then fails
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        self.thread.take().map(JoinHandle::join);
    }
}

/// A socket that collects datagrams.
pub(crate) struct Seen(UdpSocket);

impl Seen {
    pub(crate) fn listen(netns: &Path, address: Ipv4Addr, port: u16) -> Self {
        Self(udp(netns, address, port))
    }

    pub(crate) fn next(&self) -> String {
        let mut buffer = [0; 64];
        let length = self.0.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// Sends the next datagram back to where it came from.
    pub(crate) fn answer_one(self) -> JoinHandle<()> {
        thread::spawn(move || {
            let mut buffer = [0; 64];
            let (length, from) = self.0.recv_from(&mut buffer).unwrap();
            self.0.send_to(&buffer[..length], from).unwrap();
        })
    }
}

/// The namespace of the machine.
pub(crate) fn own() -> PathBuf {
    format!("/proc/{}/task/{}/ns/net", std::process::id(), gettid().as_raw_nonzero()).into()
}

/// Sends a datagram from inside a namespace under an address that is not its own.
pub(crate) fn forge_udp(netns: &Path, from: Ipv4Addr, to: Ipv4Addr, port: u16, bytes: &[u8]) {
    inside(netns, || run(&format!("ip addr add {from}/32 dev eth0")));
    udp(netns, from, 0).send_to(bytes, (to, port)).unwrap();
}

/// Sends a datagram from inside a namespace and gives the answer.
pub(crate) fn ask_udp(netns: &Path, to: Ipv4Addr, port: u16, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let socket = udp(netns, Ipv4Addr::UNSPECIFIED, 0);
    socket.connect((to, port))?;
    socket.send(bytes)?;
    let mut buffer = [0; 64];
    let length = socket.recv(&mut buffer)?;
    Ok(buffer[..length].to_vec())
}

pub(crate) fn listen(socket: SocketAddrV4, greeting: &str) -> Server {
    Server::run(TcpListener::bind(socket).unwrap(), greeting)
}

pub(crate) fn send_udp(to: Ipv4Addr, port: u16, bytes: &[u8]) {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap().send_to(bytes, (to, port)).unwrap();
}

pub(crate) fn unmount(path: &Path) {
    rustix::mount::unmount(path, rustix::mount::UnmountFlags::DETACH).unwrap();
}

/// Takes the text from the interface that leads to an address.
pub(crate) fn forget_alias(address: Ipv4Addr) {
    let route = output(&format!("ip route show {address}"));
    let device = route.split_whitespace().skip_while(|word| *word != "dev").nth(1).unwrap();
    let arguments = ["link", "set", "dev", device, "alias", ""];
    assert!(Command::new("ip").args(arguments).status().unwrap().success());
}

/// The names of the pairs that lead to instances.
pub(crate) fn pairs() -> Vec<String> {
    let links = output("ip -o link show type veth");
    let names = links.lines().filter_map(|line| line.split(": ").nth(1));
    names.filter(|name| !name.starts_with("up0")).map(str::to_owned).collect()
}

/// Connects from inside a namespace and gives what was said.
pub(crate) fn connect(netns: &Path, address: Ipv4Addr, port: u16) -> io::Result<String> {
    inside(netns, || greeted(address, port))
}

/// Runs in a namespace.
pub(crate) fn inside<T: Send>(netns: &Path, work: impl FnOnce() -> T + Send) -> T {
    let there = File::open(netns).unwrap();
    let enter = || {
        use std::os::fd::AsFd;
        move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        work()
    };
    thread::scope(|scope| scope.spawn(enter).join().unwrap())
}

fn udp(netns: &Path, address: Ipv4Addr, port: u16) -> UdpSocket {
    let socket = inside(netns, || UdpSocket::bind((address, port)).unwrap());
    socket.set_read_timeout(Some(BOUND)).unwrap();
    socket
}

/// Connects from the machine itself and gives what was said.
pub(crate) fn greeted(address: Ipv4Addr, port: u16) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddrV4::new(address, port).into(), BOUND)?;
    stream.set_read_timeout(Some(BOUND))?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    Ok(said)
}

fn unshare() {
    // SAFETY: threads of tests share nothing that depends on their network namespace
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.unwrap();
}

/// The kernel takes an interface up in its own time.
fn wait_for_carrier() {
    let end = Instant::now() + BOUND;
    while !output("ip -br link show up0").contains(" UP ") {
        assert!(Instant::now() < end, "the uplink does not come up");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The rules, as nft reads them back.
pub(crate) fn listing() -> String {
    output("nft list ruleset")
}

/// What an administrator's own programs see of the machine.
fn picture() -> String {
    let commands = ["ip -br link", "ip -br addr", "ip route show table all", "ip rule", "nft list ruleset"];
    commands.map(output).join("---\n")
}

fn run(command: &str) {
    output(command);
}

fn output(command: &str) -> String {
    let mut words = command.split_whitespace();
    let program = words.next().unwrap();
    let done = Command::new(program).args(words).output().unwrap_or_else(|error| {
        panic!("these tests need {program} (packages iproute2 and nftables): {error}")
    });
    assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}
