//! The test kit: run a resource as Concourse does, and be the other side of its network, well or badly behaved.
//!
//! Most tests want [`check`], [`get`] and [`put`], which run a command in the test's own process. [`Run`] runs the executable, with its
//! environment, its directories, signals and a time limit:
//!
//! ```no_run
//! use concourse_resource_sdk::testing::{Response, Run, Server};
//! use serde_json::json;
//!
//! let server = Server::start();
//! server.on("GET", "/versions", Response::json(&json!(["1", "2"])));
//! let run = Run::check("target/debug/my-resource").request(&json!({"source": {"url": server.url("/versions")}})).run();
//! assert_eq!(run.ok(), json!([{"number": "2"}]));
//! assert_eq!(server.requests()[0].header("accept"), Some("application/json"));
//! ```
//!
//! [`FaultProxy`] stands in front of a server and breaks the connection, or stalls it, where it is told:
//!
//! ```no_run
//! use concourse_resource_sdk::testing::{Direction, Fault, FaultProxy, Server};
//!
//! let server = Server::start();
//! let proxy = FaultProxy::start(server.address());
//! proxy.set(Fault::CutAfter(Direction::ToClient, 100));
//! // … and what is tested goes to proxy.address().
//! ```
//!
//! A signal arrives when a line of the log appears: `Run::check(…).signal_on_stderr("waiting", Signal::Term)`.
//!
//! What goes wrong in a test panics, with all that is known about the run.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot be set up fails by panicking"
)]
#![expect(
    clippy::must_use_candidate,
    reason = "assertions and routes return themselves to be chained, or not"
)]

mod fault;
mod identity;
mod in_process;
mod run;
mod server;

pub use self::fault::{Direction, Fault, FaultProxy};
pub use self::identity::Identity;
pub use self::in_process::{Answered, check, get, put};
pub use self::run::{Ended, Output, Run, Signal};
pub use self::server::{Request, Response, Server};
