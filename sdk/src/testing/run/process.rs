//! One process from its start to its end.

use std::io::{self, Read, Write};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use wait4::{ResUse, Wait4 as _};

use super::{Out, Run, Signal};

/// How often triggers are looked at.
const TICK: Duration = Duration::from_millis(2);
/// How long output may go on after the end of the process, by what it already wrote.
const GRACE: Duration = Duration::from_secs(2);

/// A signal to come.
pub(super) struct Trigger {
    pub(super) when: When,
    pub(super) signal: Signal,
}

pub(super) enum When {
    After(Duration),
    Stderr(String),
    Holds(Box<dyn Fn() -> bool + Send>),
}

/// What a process left.
pub(super) struct Finished {
    pub(super) usage: ResUse,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) wall: Duration,
    /// From the first signal to the end.
    pub(super) after_signal: Option<Duration>,
}

type Collected = Arc<Mutex<Vec<u8>>>;

#[track_caller]
pub(super) fn finish(mut command: Command, run: &Run) -> Finished {
    use std::os::unix::process::CommandExt as _;
    let started = Instant::now();
    // A group of its own, so that what it starts can be killed with it.
    let mut child = start(command.process_group(0), run);
    let writer = write_input(&mut child, run.input.clone());
    let (stdout, stdout_reader) = collect(child.stdout.take());
    let stderr_pipe = child.stderr.take().filter(|_| run.stderr != Out::Broken);
    let (stderr, stderr_reader) = collect(stderr_pipe);

    let watched = watch(&child, run, started, &stderr);
    let wall = started.elapsed();
    let usage = child.wait4().expect("the status of the process");
    let text = || String::from_utf8_lossy(&locked(&stderr)).into_owned();
    assert!(
        !watched.killed,
        "{} ran longer than {:?}; its stderr:\n{}",
        run.executable.display(),
        run.limit,
        text()
    );
    for reader in [writer, stdout_reader, stderr_reader].into_iter().flatten() {
        assert!(
            ended(&reader, GRACE),
            "{} left a process behind that holds its streams; its stderr:\n{}",
            run.executable.display(),
            text()
        );
    }
    let (stdout, stderr) = (
        std::mem::take(&mut *locked(&stdout)),
        std::mem::take(&mut *locked(&stderr)),
    );
    Finished {
        usage,
        stdout,
        stderr,
        wall,
        after_signal: watched.signalled.map(|at| at.elapsed()),
    }
}

#[track_caller]
fn start(command: &mut Command, run: &Run) -> Child {
    let mut attempts = 0;
    loop {
        match command.spawn() {
            Ok(child) => return child,
            // An executable that this test just wrote is still open in what another thread is starting this moment.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && attempts < 100 => {
                attempts += 1;
                std::thread::sleep(TICK);
            }
            Err(error) => panic!("failed to start {}: {error}", run.executable.display()),
        }
    }
}

/// What happened while it ran.
struct Watched {
    killed: bool,
    signalled: Option<Instant>,
}

/// Waits for the end without reaping, so that no signal can go to another process of the same id.
fn watch(child: &Child, run: &Run, started: Instant, stderr: &Collected) -> Watched {
    let pid = Pid::from_child(child);
    let mut watched = Watched {
        killed: false,
        signalled: None,
    };
    let mut fired = vec![false; run.triggers.len()];
    while !has_ended(pid) {
        if !watched.killed && started.elapsed() > run.limit {
            // It may have ended this very moment: then there is nothing to kill.
            let _ = kill_process_group(pid, rustix::process::Signal::KILL);
            watched.killed = true;
        }
        for (trigger, fired) in run.triggers.iter().zip(&mut fired) {
            if !*fired && trigger.when.holds(started, stderr) {
                *fired = true;
                watched.signalled.get_or_insert_with(Instant::now);
                let _ = kill_process(pid, trigger.signal.into());
            }
        }
        std::thread::sleep(TICK);
    }
    watched
}

fn has_ended(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    waitid(WaitId::Pid(pid), options)
        .expect("the state of the process")
        .is_some()
}

impl When {
    fn holds(&self, started: Instant, stderr: &Collected) -> bool {
        match self {
            Self::After(delay) => started.elapsed() >= *delay,
            Self::Stderr(text) => String::from_utf8_lossy(&locked(stderr)).contains(text),
            Self::Holds(holds) => holds(),
        }
    }
}

impl From<Signal> for rustix::process::Signal {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Term => Self::TERM,
            Signal::Int => Self::INT,
            Signal::Kill => Self::KILL,
        }
    }
}

/// Writes stdin in a thread: the process may write before it reads, or never read at all.
fn write_input(child: &mut Child, input: Vec<u8>) -> Option<JoinHandle<()>> {
    let mut stdin = child.stdin.take()?;
    Some(std::thread::spawn(move || {
        // A process that does not want its input is free to close it.
        let _ = stdin.write_all(&input);
    }))
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> (Collected, Option<JoinHandle<()>>) {
    let collected = Collected::default();
    let reader = pipe.map(|mut pipe| {
        let collected = Arc::clone(&collected);
        std::thread::spawn(move || {
            let mut piece = [0; 8192];
            while let Ok(count @ 1..) = pipe.read(&mut piece) {
                locked(&collected).extend_from_slice(&piece[..count]);
            }
        })
    });
    (collected, reader)
}

fn ended(thread: &JoinHandle<()>, within: Duration) -> bool {
    let until = Instant::now() + within;
    while !thread.is_finished() {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(TICK);
    }
    true
}

fn locked(collected: &Collected) -> MutexGuard<'_, Vec<u8>> {
    collected.lock().unwrap_or_else(PoisonError::into_inner)
}
