//! Starting a program as the run: the main one, or a probe beside it.

use std::ffi::CString;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, set_parent_process_death_signal};

use crate::spec::{Spec, Tier};
use crate::sys::{self, Side, Strings};

/// The usual places of programs, where the environment does not say otherwise.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What programs of a run have in common.
#[derive(Debug)]
pub(super) struct Place {
    environment: Strings,
    path: String,
    directory: PathBuf,
    /// Without process namespaces nothing else makes programs end with us.
    tied: bool,
}

impl Place {
    /// A clean environment, with what the run was given over it.
    pub(super) fn new(spec: &Spec, given: &[(String, String)]) -> io::Result<Self> {
        let process = spec.sandbox.tier == Tier::Process;
        let home = spec.sandbox.home.as_ref();
        let home_seen = home.map(|home| if process { &home.source } else { &home.target });
        let directory = match home {
            // without a sandbox the home is where it is on the host
            Some(home) if process && spec.cwd == home.target => home.source.clone(),
            _ => spec.cwd.clone(),
        };
        let mut variables = vec![
            ("PATH".to_owned(), PATH.to_owned()),
            ("HOME".to_owned(), home_seen.map_or_else(|| "/".to_owned(), |home| home.display().to_string())),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("USER".to_owned(), spec.user.clone()),
            ("LOGNAME".to_owned(), spec.user.clone()),
        ];
        for (name, value) in given {
            match variables.iter_mut().find(|(existing, _)| existing == name) {
                Some(variable) => variable.1.clone_from(value),
                None => variables.push((name.clone(), value.clone())),
            }
        }
        let path = variables.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
        let environment = Strings::new(variables.iter().map(|(name, value)| format!("{name}={value}")))?;
        Ok(Self { environment, path: path.unwrap_or_default(), directory, tied: process })
    }
}

/// The standard streams of a program.
#[derive(Debug)]
pub(super) struct Streams<'a> {
    pub(super) stdin: &'a OwnedFd,
    pub(super) stdout: &'a OwnedFd,
    pub(super) stderr: &'a OwnedFd,
}

/// Something to execute, with every string made before the fork.
#[derive(Debug)]
pub(super) struct Program<'a> {
    place: &'a Place,
    argv: Strings,
    /// Where it may be, in the order of the search.
    candidates: Vec<CString>,
    name: &'a str,
}

impl<'a> Program<'a> {
    pub(super) fn new(argv: &'a [String], place: &'a Place) -> io::Result<Self> {
        let name = argv.first().filter(|name| !name.is_empty()).ok_or(io::ErrorKind::InvalidInput)?;
        let candidates = if name.contains('/') {
            vec![CString::new(name.as_str())?]
        } else {
            let directories = place.path.split(':').filter(|directory| !directory.is_empty());
            directories
                .map(|directory| CString::new(format!("{directory}/{name}")))
                .collect::<Result<_, _>>()?
        };
        Ok(Self { place, argv: Strings::new(argv.iter().map(String::as_str))?, candidates, name })
    }

    /// Starts it in a session of its own, and returns once it was really executed.
    pub(super) fn start(&self, streams: &Streams<'_>) -> io::Result<Pid> {
        let (failure, report) = pipe_with(PipeFlags::CLOEXEC)?;
        match sys::fork()? {
            Side::Parent(pid) => {
                drop(report);
                let mut said = Vec::new();
                std::fs::File::from(failure).read_to_end(&mut said)?;
                match said.split_first_chunk::<4>() {
                    None => Ok(pid),
                    Some((number, what)) => {
                        let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
                        let error = io::Error::from_raw_os_error(i32::from_le_bytes(*number));
                        Err(cannot(what, &error))
                    }
                }
            }
            Side::Child => {
                let (what, error) = self.become_it(streams);
                let mut said = error.raw_os_error().unwrap_or(libc::EIO).to_le_bytes().to_vec();
                said.extend_from_slice(what.as_bytes());
                let _ = rustix::io::write(&report, &said);
                sys::exit(127)
            }
        }
    }

    /// In the child: returns only where it failed, with what was tried.
    fn become_it(&self, streams: &Streams<'_>) -> (String, io::Error) {
        if let Err(error) = self.prepare(streams) {
            return ("set up the process".to_owned(), error);
        }
        if let Err(error) = rustix::process::chdir(&self.place.directory) {
            return (format!("enter the directory {}", self.place.directory.display()), error.into());
        }
        sys::default_signals();
        sys::close_all_on_exec();
        let mut error = io::Error::from_raw_os_error(libc::ENOENT);
        for candidate in &self.candidates {
            let next = sys::execute(candidate, &self.argv, &self.place.environment);
            // something that was found and refused says more than where it was not found
            if next.kind() != io::ErrorKind::NotFound {
                error = next;
            }
        }
        (format!("{EXECUTE} {}", self.name), error)
    }

    fn prepare(&self, streams: &Streams<'_>) -> io::Result<()> {
        rustix::process::setsid()?;
        sys::become_standard(streams.stdin.as_fd(), 0)?;
        sys::become_standard(streams.stdout.as_fd(), 1)?;
        sys::become_standard(streams.stderr.as_fd(), 2)?;
        if self.place.tied {
            set_parent_process_death_signal(Some(Signal::KILL))?;
        }
        Ok(())
    }
}

const EXECUTE: &str = "execute";

/// A program that is not there or not executable, as a shell would number it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct ExecError {
    code: Option<i32>,
    message: String,
}

fn cannot(what: &[u8], error: &io::Error) -> io::Error {
    let what = String::from_utf8_lossy(what);
    let code = what.starts_with(EXECUTE).then(|| match error.kind() {
        io::ErrorKind::NotFound => 127,
        _ => 126,
    });
    io::Error::other(ExecError { code, message: format!("cannot {what}: {error}") })
}

/// The exit code that a failed start stands for.
pub(super) fn exec_code(error: &io::Error) -> Option<i32> {
    error.get_ref()?.downcast_ref::<ExecError>()?.code
}
