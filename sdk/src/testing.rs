//! The test kit: run a resource as Concourse does, and be the other side of its network, well or badly behaved.
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
mod run;
mod server;

pub use self::fault::{Direction, Fault, FaultProxy};
pub use self::identity::Identity;
pub use self::run::{Ended, Output, Run, Signal};
pub use self::server::{Request, Response, Server};
