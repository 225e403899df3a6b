//! Exit codes, output, environment, standard input, probes, connections.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use engine_shim::protocol::{Event, Message, Request};
use engine_shim::{ExitReason, ExitRecord, Tier};

use crate::harness::{Need, Test};
use crate::world::{PATIENCE, World, finish, is_in_files, probed};

pub(crate) const TESTS: &[Test] = &[
    ("exit_codes_are_true", Need::Nothing, exit_codes_are_true),
    ("exit_codes_are_true_for_a_plain_process", Need::Nothing, exit_codes_of_a_plain_process),
    ("a_missing_program_has_127_and_says_so", Need::Nothing, a_missing_program),
    ("a_sandbox_that_cannot_be_made_says_why", Need::Sandbox, a_sandbox_that_cannot_be_made),
    ("output_is_logged_by_stream", Need::Nothing, output_is_logged_by_stream),
    ("the_environment_is_clean", Need::Sandbox, the_environment_is_clean),
    ("secrets_are_nowhere", Need::Nothing, secrets_are_nowhere),
    ("input_reaches_the_run", Need::Nothing, input_reaches_the_run),
    ("standard_input_is_empty_unless_asked_for", Need::Nothing, standard_input_is_empty),
    ("attached_clients_see_output", Need::Nothing, attached_clients_see_output),
    ("probes_run_inside", Need::Sandbox, probes_run_inside),
    ("connections_are_made_inside", Need::Sandbox, connections_are_made_inside),
    ("bad_requests_are_refused", Need::Nothing, bad_requests_are_refused),
];

fn ended(script: &str, tier: Tier) -> ExitRecord {
    World::in_tier(tier, &["/bin/sh", "-c", "--", script]).run()
}

fn exit_codes(tier: Tier) {
    for (script, code, signal, reason) in [
        ("exit 0", 0, None, ExitReason::Completed),
        ("exit 3", 3, None, ExitReason::Error),
        ("exit 255", 255, None, ExitReason::Error),
        ("no-such-command-anywhere", 127, None, ExitReason::Error),
        ("kill -9 $$", 137, Some(9), ExitReason::Error),
        ("kill -15 $$", 143, Some(15), ExitReason::Error),
        ("kill -6 $$", 134, Some(6), ExitReason::Error),
    ] {
        let record = ended(script, tier);
        assert_eq!((record.code, record.signal, record.reason), (Some(code), signal, reason), "{script}");
        assert!(record.started_ms.unwrap() <= record.finished_ms);
    }
}

fn exit_codes_are_true() {
    exit_codes(probed().isolation);
}

fn exit_codes_of_a_plain_process() {
    exit_codes(Tier::Process);
}

fn a_missing_program() {
    for (argv, code, words) in [
        ("/no/such/program", 127, "cannot execute /no/such/program: No such file or directory"),
        ("no-such-program", 127, "cannot execute no-such-program: No such file or directory"),
        ("/etc", 126, "cannot execute /etc: Permission denied"),
    ] {
        let world = World::new(&[argv]);
        let record = world.run();
        let ExitReason::CannotRun { message } = &record.reason else { panic!("{record:?}") };
        assert!(message.starts_with(words), "{message}");
        assert_eq!((record.code, record.started_ms), (Some(code), None));
        assert_eq!(engine_shim::read_exit(&world.dir()).unwrap(), Some(record));
    }
}

fn a_sandbox_that_cannot_be_made() {
    let mut world = World::new(&["/bin/true"]);
    world.spec.sandbox.home.as_mut().unwrap().source = "/no/such/home".into();
    let record = world.run();
    let ExitReason::CannotRun { message } = record.reason else { panic!("{record:?}") };
    assert!(
        message.starts_with("bind the home /no/such/home on /data/project/alpha: No such file"),
        "{message}"
    );
    assert_eq!(record.code, None);
}

fn output_is_logged_by_stream() {
    let world = World::shell("echo out; echo err >&2; printf 'no end'");
    world.run();
    let mut log = world.log();
    log.sort();
    assert_eq!(log, ["1 no end", "1 out", "2 err"]);
}

fn the_environment_is_clean() {
    let mut world = World::shell("env | sort; pwd; id -un; id -u; id -G; umask; hostname; cat /etc/hosts");
    world.environment =
        vec![("GREETING".to_owned(), "a=b c".to_owned()), ("LANG".to_owned(), "C".to_owned())];
    assert_eq!(world.run().code, Some(0));
    let wanted = "GREETING=a=b c
HOME=/data/project/alpha
LANG=C
LOGNAME=tools.alpha
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PWD=/data/project/alpha
USER=tools.alpha
/data/project/alpha
tools.alpha
50001
50001
0022
alpha-1
127.0.0.1 localhost";
    assert_eq!(world.stdout(), wanted);
}

fn secrets_are_nowhere() {
    let secret = format!("planted-{}", u64::from(std::process::id()) * 7919);
    let mut world = World::shell("test ${#PLANTED} -gt 8 && exec sleep 60");
    world.environment = vec![("PLANTED".to_owned(), secret.clone())];
    let (mut client, _) = world.start();
    assert!(!is_in_files(world.temp.path(), &secret));
    for entry in std::fs::read_dir("/proc").unwrap() {
        let cmdline = std::fs::read(entry.unwrap().path().join("cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&cmdline).contains(&secret));
    }
    client.send(&Request::Signal { number: 9 }).unwrap();
    finish(client);
    assert!(!is_in_files(world.temp.path(), &secret));
}

fn input_reaches_the_run() {
    let mut world = World::new(&["/usr/bin/wc", "-c"]);
    world.spec.stdin = true;
    let (mut client, _) = world.start();
    // more than pipe and shim take at a time
    client.input(&vec![b'x'; 1_000_000]).unwrap();
    client.send(&Request::CloseInput).unwrap();
    assert_eq!(finish(client).code, Some(0));
    assert_eq!(world.stdout(), "1000000");
}

fn standard_input_is_empty() {
    let world = World::new(&["/usr/bin/wc", "-c"]);
    assert_eq!(world.run().code, Some(0));
    assert_eq!(world.stdout(), "0");
}

fn attached_clients_see_output() {
    let mut world = World::shell("read line; echo \"got $line\"; echo oops >&2");
    world.spec.stdin = true;
    let (mut client, _) = world.start();
    client.send(&Request::Attach).unwrap();
    client.input(b"hello\n").unwrap();
    let (mut out, mut err, mut code) = (Vec::new(), Vec::new(), None);
    while code.is_none() {
        match client.next(PATIENCE).unwrap().unwrap() {
            Message::Stdout(bytes) => out.extend(bytes),
            Message::Stderr(bytes) => err.extend(bytes),
            Message::Event(Event::Exited { record }) => code = record.code,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((out.as_slice(), err.as_slice(), code), (&b"got hello\n"[..], &b"oops\n"[..], Some(0)));
    client.send(&Request::Acknowledge).unwrap();
    assert!(client.next(PATIENCE).unwrap().is_none());
}

fn exec(words: &[&str], id: u64, timeout: Duration) -> Request {
    Request::Exec { id, argv: words.iter().map(|word| (*word).to_owned()).collect(), timeout }
}

fn probes_run_inside() {
    let world = World::shell("echo ready > flag; exec sleep 60");
    let (mut client, _) = world.start();
    let script = "test $(id -u) = 50001 && test $HOME = $PWD && test -d /proc/1 -o $$ -gt 1";
    client.send(&exec(&["/bin/sh", "-c", script], 1, PATIENCE)).unwrap();
    client.send(&exec(&["/bin/sh", "-c", "exit 7"], 2, PATIENCE)).unwrap();
    client.send(&exec(&["/bin/sh", "-c", "kill -9 $$"], 3, PATIENCE)).unwrap();
    client.send(&exec(&["/bin/sleep", "60"], 4, Duration::from_millis(50))).unwrap();
    client.send(&exec(&["/no/such/thing"], 5, PATIENCE)).unwrap();
    let mut done = Vec::new();
    while done.len() < 5 {
        if let Message::Event(Event::ExecDone { id, code, message }) = client.next(PATIENCE).unwrap().unwrap()
        {
            done.push((id, code, message.is_some()));
        }
    }
    done.sort_unstable();
    let wanted = [
        (1, Some(0), false),
        (2, Some(7), false),
        (3, Some(137), false),
        (4, None, true),
        (5, Some(127), true),
    ];
    assert_eq!(done, wanted);
    client.send(&Request::Signal { number: 9 }).unwrap();
    assert_eq!(finish(client).code, Some(137));
}

fn connections_are_made_inside() {
    let world = World::attack(&["echo-server", "8000"]);
    let (mut client, _) = world.start();
    assert!(TcpStream::connect(("127.0.0.1", 8000)).is_err(), "the host must not reach it");
    let mut stream = loop {
        client.send(&Request::Connect { id: 9, port: 8000 }).unwrap();
        match client.next(PATIENCE).unwrap().unwrap() {
            Message::Connected { id: 9, socket } => break TcpStream::from(socket),
            // not listening yet
            Message::Event(Event::ConnectFailed { id: 9, message }) => {
                assert!(message.starts_with("Connection refused"), "{message}");
            }
            other => panic!("{other:?}"),
        }
    };
    stream.set_nonblocking(false).unwrap();
    stream.write_all(b"hello").unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello");
    client.send(&Request::Signal { number: 9 }).unwrap();
    finish(client);
}

fn bad_requests_are_refused() {
    let world = World::shell("exec sleep 60");
    let (mut client, _) = world.start();
    let refusal = |client: &mut engine_shim::Client| match client.next(PATIENCE).unwrap().unwrap() {
        Message::Event(Event::Refused { message }) => message,
        other => panic!("{other:?}"),
    };
    client.send(&Request::Signal { number: 19 }).unwrap();
    assert_eq!(refusal(&mut client), "signal 19 cannot be sent to a run");
    client.send(&Request::Acknowledge).unwrap();
    assert_eq!(refusal(&mut client), "the run has not ended");
    client.input(b"x").unwrap();
    assert_eq!(refusal(&mut client), "standard input is not open");
    // what it does not know it says so, and goes on
    let answer = said_to(&world, &[r#"{"do":"hello","version":1}"#, r#"{"do":"dance"}"#]);
    assert!(answer.contains("welcome") && answer.contains("unknown variant `dance`"), "{answer}");
    let answer =
        said_to(&world, &[r#"{"do":"stop","grace":{"secs":0,"nanos":0},"reason":"stopped"}"#, "[", "{}"]);
    assert_eq!(answer.matches("refused").count(), 3, "{answer}");
    assert!(answer.contains("say hello first"), "{answer}");
    let mut stranger = engine_shim::connect(&world.dir()).unwrap();
    stranger.write_all(&[255; 64]).unwrap();
    let mut rest = Vec::new();
    assert!(stranger.read_to_end(&mut rest).map_or(0, |_| rest.len()) == 0, "it must be closed");
    client.send(&Request::Signal { number: 9 }).unwrap();
    finish(client);
}

/// Sends JSON as it is, and gives what came back until the shim was silent for a while.
fn said_to(world: &World, frames: &[&str]) -> String {
    let mut stream = engine_shim::connect(&world.dir()).unwrap();
    for frame in frames {
        let length = u32::try_from(frame.len() + 1).unwrap();
        stream.write_all(&length.to_le_bytes()).unwrap();
        stream.write_all(&[0]).unwrap();
        stream.write_all(frame.as_bytes()).unwrap();
    }
    // no more will come: it answers what it has and closes
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
