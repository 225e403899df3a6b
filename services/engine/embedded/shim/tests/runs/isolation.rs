//! What a run cannot reach.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use engine_shim::protocol::Request;
use engine_shim::{ExitReason, Tier};

use crate::harness::{Need, Test};
use crate::world::{World, finish, probed};

pub(crate) const TESTS: &[Test] = &[
    ("the_machine_is_not_there", Need::Sandbox, the_machine_is_not_there),
    ("what_is_there_cannot_be_written", Need::Sandbox, what_is_there_cannot_be_written),
    ("a_run_has_its_own_places_to_write", Need::Sandbox, own_places_to_write),
    ("system_calls_are_refused", Need::Sandbox, system_calls_are_refused),
    ("a_plain_process_has_no_way_up", Need::Nothing, a_plain_process_has_no_way_up),
    ("only_its_own_processes_are_seen", Need::Sandbox, only_its_own_processes),
    ("there_are_no_privileges", Need::Sandbox, there_are_no_privileges),
    ("there_is_nothing_of_the_shim", Need::Nothing, there_is_nothing_of_the_shim),
    ("the_network_is_its_own", Need::Sandbox, the_network_is_its_own),
    ("a_network_namespace_is_joined", Need::Root, a_network_namespace_is_joined),
    ("the_hosts_file_is_live", Need::Sandbox, the_hosts_file_is_live),
    ("an_image_is_the_root", Need::Sandbox, an_image_is_the_root),
    ("an_image_cannot_lead_out", Need::Sandbox, an_image_cannot_lead_out),
    ("probing_finds_what_works", Need::Nothing, probing_finds_what_works),
];

/// What an attack printed, by attempt.
fn results(words: &[&str]) -> Vec<(String, String)> {
    let world = World::attack(words);
    results_of(&world)
}

fn results_of(world: &World) -> Vec<(String, String)> {
    let record = world.run();
    assert_eq!(record.reason, ExitReason::Completed, "{record:?} {:?}", world.log());
    let out = world.stdout();
    out.lines().filter_map(|line| line.rsplit_once(": ")).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

fn all_fail(results: &[(String, String)], attempts: usize) {
    assert_eq!(results.len(), attempts, "{results:?}");
    for (attempt, result) in results {
        assert_ne!(result, "allowed", "{attempt}");
    }
}

fn the_machine_is_not_there() {
    // everything is readable for all: only that it is not there protects it
    let other = tempfile::Builder::new().prefix("other-").tempdir().unwrap();
    fs::set_permissions(other.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let secret = other.path().join("ca.key");
    fs::write(&secret, "key").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let dir = other.path().to_str().unwrap().to_owned();
    let paths = [
        &dir,
        secret.to_str().unwrap(),
        "/root",
        "/home",
        "/srv",
        "/mnt",
        "/boot",
        "/sys",
        "/sys/fs/cgroup",
        "/run/systemd",
        "/run/docker.sock",
        "/var/run/docker.sock",
        "/var/lib/dpkg",
        "/data/project/beta",
        "/etc/shadow",
        "/etc/ssh",
        "/etc/ssl/private",
        "/etc/machine-id",
        "/proc/kcore",
        "/proc/keys",
        "/proc/1/environ",
        "/proc/1/root",
        "/proc/sysrq-trigger",
        "/dev/vda",
        "/dev/sda",
        "/dev/mem",
        "/dev/kmsg",
        "/dev/kvm",
        "/dev/fuse",
        "/dev/net/tun",
        "/dev/userfaultfd",
        "/dev/vsock",
    ];
    let words: Vec<&str> = [&["read"], paths.as_slice()].concat();
    all_fail(&results(&words), paths.len());
}

fn what_is_there_cannot_be_written() {
    let paths = [
        "/file",
        "/usr/file",
        "/usr/bin/env",
        "/bin/file",
        "/etc/file",
        "/etc/passwd",
        "/etc/hosts",
        "/etc/ssl/certs/file",
        "/lib/file",
        "/run/file",
        "/data/file",
        "/data/project/file",
        "/var/lib/file",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sysrq-trigger",
        "/proc/1/oom_score_adj",
        "/dev/file",
        "/attack",
    ];
    let words: Vec<&str> = [&["write"], paths.as_slice()].concat();
    all_fail(&results(&words), paths.len());
}

fn own_places_to_write() {
    let world = World::attack(&["write", "/tmp/file", "/var/tmp/file", "/dev/shm/file", "/dev/null", "file"]);
    assert!(results_of(&world).iter().all(|(_, result)| result == "allowed"), "{:?}", world.stdout());
    assert!(world.home().join("file").exists());
    assert!(!world.dir().join("scratch").exists());
}

fn system_calls_are_refused() {
    let world = World::attack(&["calls"]);
    all_fail(&results_of(&world), 26);
    assert!(world.stdout().ends_with("still here"));
}

fn a_plain_process_has_no_way_up() {
    let exe = crate::world::exe();
    let script = "grep -E '^(NoNewPrivs|Seccomp|CapEff|CapPrm):' /proc/self/status";
    let world = World::in_tier(Tier::Process, &["/bin/sh", "-c", script]);
    world.run();
    let out = world.stdout();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000"] {
        assert!(out.contains(line), "{out}");
    }
    drop(exe);
}

fn only_its_own_processes() {
    let world = World::shell(
        "for dir in /proc/[0-9]*; do echo ${dir#/proc/}; done; echo self $$; cat /proc/self/cgroup",
    );
    world.run();
    let out = world.stdout();
    let (processes, rest) = out.split_once("\nself ").unwrap();
    let (own, groups) = rest.split_once('\n').unwrap();
    assert_eq!(processes, own, "its first process is hidden, and there is nothing else");
    assert!(groups.lines().all(|line| line.ends_with(":/")), "{groups}");
}

fn there_are_no_privileges() {
    let world = World::shell("cat /proc/self/status; ulimit -c; grep -c . /proc/self/uid_map");
    world.run();
    let out = world.stdout();
    for line in [
        "Uid:\t50001\t50001\t50001\t50001",
        "Gid:\t50001\t50001\t50001\t50001",
        "CapInh:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        assert!(out.contains(line), "{line} is not in {out}");
    }
    if probed().isolation == Tier::Full {
        assert!(out.contains("Groups:\t \n") || out.contains("Groups:\t\n"), "{out}");
    }
    assert!(out.contains("\n0\n"), "core dumps are off");
}

fn there_is_nothing_of_the_shim() {
    for tier in [Tier::Process, probed().isolation] {
        let world = World::in_tier(
            tier,
            &[
                "/bin/sh",
                "-c",
                "ls /proc/self/fd; ps -o pid= -o sid= -p $$ >/dev/null; cut -d' ' -f6 /proc/$$/stat; echo $$",
            ],
        );
        world.run();
        let out = world.stdout();
        let lines: Vec<&str> = out.lines().collect();
        // 3 is the directory that ls reads
        assert_eq!(&lines[..4], ["0", "1", "2", "3"], "{out}");
        assert_eq!(lines[4], lines[5], "a session of its own: {out}");
    }
}

fn the_network_is_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    all_fail(&results(&["connect", &address, "192.0.2.1:80", "[2001:db8::1]:80"]), 3);
    let world = World::shell("cat /proc/net/dev");
    world.run();
    let devices: Vec<String> = world.stdout().lines().skip(2).map(|line| line.trim().to_owned()).collect();
    assert!(devices.iter().all(|line| !line.starts_with("eth") && !line.starts_with("ens")), "{devices:?}");
}

fn the_hosts_file_is_live() {
    let mut world = World::shell("until grep -q later /etc/hosts; do sleep 0.02; done; exit 8");
    world.spec.stdin = true;
    let (client, _) = world.start();
    fs::write(world.spec.sandbox.hosts.as_ref().unwrap(), "127.0.0.1 later\n").unwrap();
    assert_eq!(finish(client).code, Some(8));
}

/// A root with a static shell is not at hand everywhere: the host's programs, over an image's files.
fn image(world: &mut World) -> std::path::PathBuf {
    let image = world.temp.path().join("image:with,odd\\name");
    fs::create_dir_all(image.join("etc")).unwrap();
    fs::create_dir_all(image.join("workspace")).unwrap();
    fs::write(image.join("etc/passwd"), "cnb:x:1000:1000::/home/cnb:/bin/sh\n").unwrap();
    fs::write(image.join("workspace/app"), "app").unwrap();
    for path in ["", "etc", "workspace"] {
        fs::set_permissions(image.join(path), fs::Permissions::from_mode(0o777)).unwrap();
    }
    fs::set_permissions(image.join("etc/passwd"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(image.join("workspace/app"), fs::Permissions::from_mode(0o666)).unwrap();
    world.spec.sandbox.rootfs = Some(image.clone());
    image
}

fn an_image_is_the_root() {
    let mut world = World::shell(
        "cat /workspace/app; echo; cut -d: -f1 /etc/passwd; echo new > /workspace/app && cat /workspace/app",
    );
    let image = image(&mut world);
    let record = world.run();
    assert_eq!(record.reason, ExitReason::Completed, "{record:?} {:?}", world.log());
    assert_eq!(world.stdout(), "app\ntools.alpha\ncnb\nnew");
    assert_eq!(fs::read_to_string(image.join("workspace/app")).unwrap(), "app", "the image does not change");
}

fn an_image_cannot_lead_out() {
    let mut world = World::shell("ls /tmp");
    let outside = world.temp.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let image = image(&mut world);
    std::os::unix::fs::symlink(&outside, image.join("data")).unwrap();
    std::os::unix::fs::symlink(outside.join("hosts"), image.join("etc/hosts")).unwrap();
    std::os::unix::fs::symlink("/../../../../proc/self/root", image.join("dev")).unwrap();
    // that it fails or that it stays inside are both fine
    world.run();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

fn probing_finds_what_works() {
    let probed = probed();
    if rustix::process::geteuid().is_root() {
        assert_eq!(probed.isolation, Tier::Full, "{:?}", probed.notes);
    }
    let world = World::shell("exec sleep 60");
    let (mut client, started) = world.start();
    assert_eq!(started.tier, probed.isolation);
    assert_eq!(started.limits.memory, probed.memory);
    client.send(&Request::Signal { number: 9 }).unwrap();
    finish(client);
}

fn a_network_namespace_is_joined() {
    // a process that does nothing but hold a new namespace
    let mut holder = std::process::Command::new("unshare").args(["--net", "sleep", "60"]).spawn().unwrap();
    let path = format!("/proc/{}/ns/net", holder.id());
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    crate::world::until("it has one", || fs::read_link(&path).is_ok_and(|link| link != own));
    let wanted = fs::read_link(&path).unwrap();
    let mut world = World::shell("readlink /proc/self/ns/net");
    world.spec.sandbox.network = engine_shim::Network::Namespace(path.into());
    let code = world.run().code;
    let mut host = World::shell("readlink /proc/self/ns/net");
    host.spec.sandbox.network = engine_shim::Network::Host;
    host.run();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!((code, world.stdout()), (Some(0), wanted.to_str().unwrap().to_owned()));
    assert_eq!(host.stdout(), own.to_str().unwrap());
}
