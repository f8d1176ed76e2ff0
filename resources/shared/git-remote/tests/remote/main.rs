//! Reads and writes real repositories, by `git http-backend` behind a small HTTP server and in the file system, and
//! compares with what stock git finds there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fetch;
mod local;
mod local_push;
mod old_servers;
mod push;
mod refs;
mod scene;
mod server;
mod together;
mod world;
