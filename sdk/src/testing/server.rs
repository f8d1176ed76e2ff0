//! A recording HTTP server.

mod connection;
mod request;
mod response;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use self::request::Request;
pub use self::response::Response;
use super::Identity;

/// An HTTP/1.1 server on a loopback port of its own that records what it is asked and answers by script.
///
/// What no route matches is answered with 404. The server and its connections end when the last clone is dropped.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
    _lifetime: Arc<Lifetime>,
}

type Handler = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

struct Route {
    method: String,
    path: String,
    handler: Handler,
}

/// What the threads of the server share with its handles.
struct Shared {
    address: SocketAddr,
    identity: Option<Identity>,
    routes: Mutex<Vec<Route>>,
    fallback: Mutex<Option<Handler>>,
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
    connections: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
    stopped: AtomicBool,
}

/// Ends the threads when dropped.
struct Lifetime {
    shared: Arc<Shared>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    /// Starts a server without TLS.
    ///
    /// # Panics
    /// If no port can be had.
    #[must_use]
    pub fn start() -> Self {
        Self::listen(None)
    }

    /// Starts a server with TLS; `Identity::new(&["localhost", "127.0.0.1"])` is what clients expect.
    ///
    /// # Panics
    /// If no port can be had.
    #[must_use]
    pub fn start_tls(identity: Identity) -> Self {
        Self::listen(Some(identity))
    }

    fn listen(identity: Option<Identity>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port for the test server");
        let shared = Arc::new(Shared {
            address: listener.local_addr().expect("the port of the test server"),
            identity,
            routes: Mutex::default(),
            fallback: Mutex::default(),
            requests: Mutex::default(),
            arrived: Condvar::new(),
            connections: AtomicUsize::new(0),
            open: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let accepting = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        let lifetime = Lifetime {
            shared: Arc::clone(&shared),
            accepting: Mutex::new(Some(accepting)),
        };
        Self {
            shared,
            _lifetime: Arc::new(lifetime),
        }
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// The URL of a path, which begins with `/`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.shared.identity.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}{path}", self.shared.address)
    }

    /// The certificate of the authority of a server with TLS, as PEM; else empty.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.shared.identity.as_ref().map_or("", Identity::ca_pem)
    }

    /// Answers requests of this method (`*`: any) to this path, whatever their query, with `response`. The route added
    /// last wins.
    pub fn on(&self, method: &str, path: &str, response: Response) -> &Self {
        self.on_fn(method, path, move |_| response.clone())
    }

    /// Answers with one response after the other; the last one stays.
    ///
    /// # Panics
    /// If there is no response, when a request arrives.
    pub fn on_each(&self, method: &str, path: &str, responses: impl IntoIterator<Item = Response>) -> &Self {
        let left: Mutex<VecDeque<Response>> = Mutex::new(responses.into_iter().collect());
        self.on_fn(method, path, move |_| {
            let mut left = lock(&left);
            let next = if left.len() > 1 {
                left.pop_front()
            } else {
                left.front().cloned()
            };
            next.expect("at least one response for the route")
        })
    }

    /// Answers by a function.
    pub fn on_fn(
        &self,
        method: &str,
        path: &str,
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> &Self {
        let route = Route {
            method: method.to_owned(),
            path: path.to_owned(),
            handler: Arc::new(handler),
        };
        lock(&self.shared.routes).push(route);
        self
    }

    /// Answers what no route matches.
    pub fn fallback(&self, handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> &Self {
        *lock(&self.shared.fallback) = Some(Arc::new(handler));
        self
    }

    /// Every request so far, in the order of their last bytes.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// How many requests there were so far.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.shared.requests).len()
    }

    /// How many requests of this method (`*`: any) went to this path so far.
    #[must_use]
    pub fn count_of(&self, method: &str, path: &str) -> usize {
        let requests = lock(&self.shared.requests);
        requests
            .iter()
            .filter(|request| (method == "*" || request.method == method) && request.path == path)
            .count()
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until there were `count` requests; false if that takes longer than `limit`.
    #[must_use]
    pub fn wait_for(&self, count: usize, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut requests = lock(&self.shared.requests);
        while requests.len() < count {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            requests = self
                .shared
                .arrived
                .wait_timeout(requests, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        lock(&self.shared.requests).clear();
    }
}

impl Shared {
    fn answer(&self, request: &Request) -> Response {
        let handler = lock(&self.routes)
            .iter()
            .rev()
            .find(|route| {
                (route.method == "*" || route.method == request.method) && route.path == request.path
            })
            .map(|route| Arc::clone(&route.handler))
            .or_else(|| lock(&self.fallback).clone());
        lock(&self.requests).push(request.clone());
        self.arrived.notify_all();
        match handler {
            Some(handler) => handler(request),
            None => Response::status(404).body(format!("no route for {} {}\n", request.method, request.path)),
        }
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Sleeps, but not longer than the server lives.
    fn pause(&self, length: Duration) {
        let until = Instant::now() + length;
        while !self.stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(Duration::from_millis(10)));
        }
    }
}

impl Drop for Lifetime {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.shared.address));
        if let Some(accepting) = lock(&self.accepting).take() {
            // Its panic, if any, was printed; a second one while dropping would abort.
            drop(accepting.join());
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    for stream in listener.incoming() {
        if shared.stopped() {
            break;
        }
        let Ok(stream) = stream else { continue };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        if let Ok(copy) = stream.try_clone() {
            lock(&shared.open).push(copy);
        }
        let shared = Arc::clone(shared);
        threads.push(std::thread::spawn(move || connection::serve(stream, &shared)));
    }
    for stream in lock(&shared.open).drain(..) {
        // Already closed by the client, perhaps.
        drop(stream.shutdown(std::net::Shutdown::Both));
    }
    for thread in threads {
        drop(thread.join());
    }
}

/// Locks even after another thread panicked: that panic fails the test by itself.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
