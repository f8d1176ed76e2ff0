//! A bad network.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a thread looks whether the fault has changed.
const TICK: Duration = Duration::from_millis(5);

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What the network does to connections. Bytes are counted from the beginning of each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing bad.
    Pass,
    /// Closes the connection, in order, after so many bytes in one direction.
    CutAfter(Direction, u64),
    /// Resets the connection after so many bytes in one direction.
    ResetAfter(Direction, u64),
    /// Forwards nothing in one direction after so many bytes, and keeps the connection.
    StallAfter(Direction, u64),
    /// Forwards at most so many bytes a second in either direction.
    Slow(u64),
    /// Refuses new connections. Those that are open go on.
    Refuse,
}

/// A TCP proxy in front of a loopback address whose faults can be switched at run time. Ends when it is dropped.
pub struct FaultProxy {
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    address: SocketAddr,
    target: SocketAddr,
    fault: Mutex<Fault>,
    /// Whether the port is open, which follows the fault a moment later.
    listening: AtomicBool,
    connections: AtomicUsize,
    to_server: AtomicU64,
    to_client: AtomicU64,
    stopped: AtomicBool,
}

impl FaultProxy {
    /// Starts a proxy that passes everything on to `target`.
    ///
    /// # Panics
    /// If no port can be had.
    #[must_use]
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port for the fault proxy");
        let shared = Arc::new(Shared {
            address: listener.local_addr().expect("the port of the fault proxy"),
            target,
            fault: Mutex::new(Fault::Pass),
            listening: AtomicBool::new(true),
            connections: AtomicUsize::new(0),
            to_server: AtomicU64::new(0),
            to_client: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(listener, &shared)
        });
        Self {
            shared,
            accepting: Some(accepting),
        }
    }

    /// Where the proxy listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Changes what happens from now on; returns when it holds.
    pub fn set(&self, fault: Fault) -> &Self {
        *self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        let listening = fault != Fault::Refuse;
        while self.shared.listening.load(Ordering::SeqCst) != listening && !self.shared.stopped() {
            std::thread::sleep(Duration::from_millis(1));
        }
        self
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many bytes were forwarded in this direction so far, over all connections.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.shared.forwarded(direction).load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        if let Some(accepting) = self.accepting.take() {
            // Its panic, if any, was printed; a second one while dropping would abort.
            drop(accepting.join());
        }
    }
}

impl Shared {
    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn forwarded(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }
}

fn accept(listener: TcpListener, shared: &Arc<Shared>) {
    let mut listener = Some(listener);
    let mut threads = Vec::new();
    while !shared.stopped() {
        if shared.fault() == Fault::Refuse {
            listener = None;
        } else if listener.is_none() {
            // The kernel may need a moment to give the port back.
            listener = TcpListener::bind(shared.address).ok();
        }
        shared.listening.store(listener.is_some(), Ordering::SeqCst);
        let accepted = listener.as_ref().and_then(|listener| {
            listener.set_nonblocking(true).ok()?;
            listener.accept().ok()
        });
        let Some((client, _)) = accepted else {
            std::thread::sleep(TICK);
            continue;
        };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        threads.push(std::thread::spawn(move || connect(&client, &shared)));
    }
    for thread in threads {
        drop(thread.join());
    }
}

/// Forwards in both directions until both have ended. A connection that breaks is what this is about: errors end it.
fn connect(client: &TcpStream, shared: &Shared) {
    let Ok(server) = TcpStream::connect(shared.target) else {
        return;
    };
    for stream in [client, &server] {
        if stream
            .set_nonblocking(false)
            .and(stream.set_read_timeout(Some(TICK)))
            .is_err()
        {
            return;
        }
        // Small pieces go out at once; nothing depends on it.
        let _ = stream.set_nodelay(true);
    }
    let over = AtomicBool::new(false);
    let pipe = |from, to, direction| Pipe {
        from,
        to,
        direction,
        shared,
        over: &over,
        done: 0,
    };
    std::thread::scope(|scope| {
        scope.spawn(|| pipe(client, &server, Direction::ToServer).run());
        pipe(&server, client, Direction::ToClient).run();
    });
}

struct Pipe<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    direction: Direction,
    shared: &'a Shared,
    /// Whether the connection is over in both directions.
    over: &'a AtomicBool,
    done: u64,
}

/// What may be forwarded now.
enum Leave {
    UpTo(u64),
    Slowly(u64),
    Nothing,
    Cut,
    Reset,
}

impl Pipe<'_> {
    fn run(mut self) {
        let mut buffer = vec![0; 64 * 1024];
        while !self.shared.stopped() && !self.over.load(Ordering::SeqCst) {
            match self.step(&mut buffer) {
                Ok(true) => {}
                Ok(false) => {
                    // Half closed: the other direction may go on.
                    let _ = self.to.shutdown(Shutdown::Write);
                    return;
                }
                Err(_) => self.over.store(true, Ordering::SeqCst),
            }
        }
    }

    /// Forwards a piece; false at the end of the stream.
    fn step(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        let (most, pause) = match self.leave() {
            Leave::Cut => return Err(io::ErrorKind::ConnectionAborted.into()),
            Leave::Reset => {
                reset(self.from);
                reset(self.to);
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Leave::Nothing => {
                std::thread::sleep(TICK);
                return Ok(true);
            }
            Leave::UpTo(most) => (most, Duration::ZERO),
            // Twenty pieces a second.
            Leave::Slowly(rate) => ((rate / 20).max(1), Duration::from_millis(50)),
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
        let count = match self.from.read(&mut buffer[..most]) {
            Ok(count) => count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        self.to.write_all(&buffer[..count])?;
        self.done += count as u64;
        self.shared
            .forwarded(self.direction)
            .fetch_add(count as u64, Ordering::SeqCst);
        std::thread::sleep(pause);
        Ok(count > 0)
    }

    fn leave(&self) -> Leave {
        let left = |direction: Direction, limit: u64| {
            if direction == self.direction {
                limit.saturating_sub(self.done)
            } else {
                u64::MAX
            }
        };
        match self.shared.fault() {
            Fault::Pass | Fault::Refuse => Leave::UpTo(u64::MAX),
            Fault::Slow(rate) => Leave::Slowly(rate),
            Fault::CutAfter(direction, limit) => match left(direction, limit) {
                0 => Leave::Cut,
                left => Leave::UpTo(left),
            },
            Fault::ResetAfter(direction, limit) => match left(direction, limit) {
                0 => Leave::Reset,
                left => Leave::UpTo(left),
            },
            Fault::StallAfter(direction, limit) => match left(direction, limit) {
                0 => Leave::Nothing,
                left => Leave::UpTo(left),
            },
        }
    }
}

/// Makes the end of a connection, which is when its socket is closed, a reset. The socket may be gone already.
fn reset(stream: &TcpStream) {
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
}

#[cfg(test)]
mod tests;
