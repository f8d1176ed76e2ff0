//! pool-lock: many claimers and few locks, behind a network that fails, with claimers that are killed: no lock is ever held twice,
//! and none is lost.
//!
//! A binary of its own, whose tests take turns: they measure time, and have the machine for themselves.

use std::collections::HashSet;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use concourse_resource_sdk::testing::{Direction, Fault, FaultProxy};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Access, GitRepo, GitServer, PASSWORD, Protocol, SshServer, USER, executable, git};

const CLAIMERS: usize = 20;
const LOCKS: usize = 5;

/// How often each claims and releases: 200 of both in all.
const ROUNDS: usize = 5;

/// How much longer than the ideal schedule the last claimer may take.
const FACTOR: u32 = 5;

/// Who frees what the killed had.
const JANITOR: &str = "http://ci/janitor";

/// Who runs now.
static TURN: Mutex<()> = Mutex::new(());

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A pool with five free locks.
fn pool() -> GitRepo {
    let mut repo = GitRepo::new();
    let names: Vec<String> = (0..LOCKS)
        .map(|number| format!("cars/unclaimed/l{number}"))
        .collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x\n")).collect();
    files.extend([("cars/claimed/.gitkeep", ""), ("cars/unclaimed/.gitkeep", "")]);
    repo.commit("R1", "pool", &files);
    repo
}

struct Stress {
    source: Value,
    ca: PathBuf,
    bare: PathBuf,
    hold: Duration,
    bin: TempDir,
    /// Build URLs whose claims nobody will release.
    dead: Mutex<HashSet<String>>,
    over: AtomicBool,
    left: AtomicUsize,
    kills: AtomicUsize,
}

impl Stress {
    /// A lock is held for as long as a claimer waits before it looks again.
    fn new(mut source: Value, ca: PathBuf, bare: PathBuf, hold: Duration) -> Self {
        let delay = format!("{}ms", hold.as_millis());
        source["pool"] = json!("cars");
        source["retry_delay"] = json!(delay);
        let bin = TempDir::new().expect("a directory");
        symlink(executable("pool-lock"), bin.path().join("out")).expect("a link");
        Self {
            source,
            ca,
            bare,
            hold,
            bin,
            dead: Mutex::default(),
            over: AtomicBool::new(false),
            left: AtomicUsize::new(CLAIMERS),
            kills: AtomicUsize::new(0),
        }
    }

    /// `owner` says whose lock it is: a release whose first attempt was killed, but is still on its way, must not free the lock of
    /// the next one.
    fn start(&self, params: &Value, work: &Path, url: &str, owner: &str) -> Child {
        let mut child = Command::new(self.bin.path().join("out"))
            .arg(work)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.bin.path())
            .env("TMPDIR", self.bin.path())
            .env("SSL_CERT_FILE", &self.ca)
            .env("BUILD_URL", url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a claimer");
        let mut source = self.source.clone();
        source["owner"] = json!(owner);
        source["expire_after"] = json!("1h");
        let request = json!({ "source": source, "params": params }).to_string();
        let mut stdin = child.stdin.take().expect("a stdin");
        // One that was killed does not read.
        let _ = stdin.write_all(request.as_bytes());
        child
    }

    /// Runs to the end, or to a kill. The answer, if it succeeded.
    fn run(&self, params: &Value, work: &Path, url: &str, random: &mut Random) -> Option<Value> {
        let child = self.start(params, work, url, url);
        let signal = match random.below(100) {
            0..12 => Some("KILL"),
            12..24 => Some("TERM"),
            _ => None,
        };
        if let Some(signal) = signal {
            thread::sleep(Duration::from_millis(random.below(1500)));
            // One that has ended cannot be killed.
            let _ = Command::new("kill")
                .args(["-s", signal, &child.id().to_string()])
                .stderr(Stdio::null())
                .status();
            self.kills.fetch_add(1, Ordering::Relaxed);
        }
        let output = child.wait_with_output().expect("an output");
        if output.status.success() {
            return Some(serde_json::from_slice(&output.stdout).expect("an answer"));
        }
        if signal == Some("TERM") && output.status.code() == Some(143) {
            // It has undone its claim by itself.
            return None;
        }
        self.dead.lock().expect("a lock").insert(url.to_owned());
        None
    }

    /// The locks that are claimed, each with the Build URL of its claim.
    fn claimed(&self) -> Vec<(String, String)> {
        let listed = git(&self.bare, &["ls-tree", "--name-only", "main", "cars/claimed/"]);
        let locks = listed
            .lines()
            .filter_map(|path| path.strip_prefix("cars/claimed/l"));
        locks
            .map(|number| {
                let path = format!("cars/claimed/l{number}");
                let body = git(&self.bare, &["log", "-1", "--format=%B", "main", "--", &path]);
                let url = body.lines().find_map(|line| line.strip_prefix("Build URL: "));
                (format!("l{number}"), url.unwrap_or_default().to_owned())
            })
            .collect()
    }

    fn claimer(&self, number: usize, seed: u64) {
        let mut random = Random(seed);
        let work = TempDir::new().expect("a directory");
        std::fs::create_dir(work.path().join("x")).expect("a directory");
        let mut attempt = 0;
        for _ in 0..ROUNDS {
            let (url, lock) = loop {
                attempt += 1;
                let url = format!("http://ci/{number}/{attempt}");
                let answer = self.run(&json!({ "acquire": true }), work.path(), &url, &mut random);
                if let Some(answer) = answer {
                    let lock = answer["metadata"][0]["value"]
                        .as_str()
                        .expect("a lock")
                        .to_owned();
                    break (url, lock);
                }
            };
            thread::sleep(self.hold);
            std::fs::write(work.path().join("x/name"), &lock).expect("a file");
            loop {
                let released = self.run(&json!({ "release": "x" }), work.path(), &url, &mut random);
                // One that was killed may have released it all the same.
                if released.is_some() || !self.claimed().contains(&(lock.clone(), url.clone())) {
                    break;
                }
            }
            // Its claim is not that of the dead: it was released.
            self.dead.lock().expect("a lock").remove(&url);
        }
        self.left.fetch_sub(1, Ordering::Relaxed);
    }

    /// Frees what the killed had.
    fn janitor(&self) {
        let work = TempDir::new().expect("a directory");
        std::fs::create_dir(work.path().join("x")).expect("a directory");
        while !self.over.load(Ordering::Relaxed) {
            for (lock, url) in self.claimed() {
                if self.dead.lock().expect("a lock").contains(&url) {
                    std::fs::write(work.path().join("x/name"), &lock).expect("a file");
                    let child = self.start(&json!({ "release": "x" }), work.path(), JANITOR, &url);
                    let _ = child.wait_with_output();
                }
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Makes the network fail for moments.
    fn chaos(&self, proxy: &FaultProxy, mut random: Random) {
        while !self.over.load(Ordering::Relaxed) {
            let bytes = random.below(6000);
            proxy.set(match random.below(6) {
                0 => Fault::CutAfter(Direction::ToClient, bytes),
                1 => Fault::ResetAfter(Direction::ToClient, bytes),
                2 => Fault::ResetAfter(Direction::ToServer, bytes),
                3 => Fault::CutAfter(Direction::ToServer, bytes),
                4 => Fault::Slow(20_000),
                _ => Fault::Refuse,
            });
            thread::sleep(Duration::from_millis(30 + random.below(120)));
            proxy.set(Fault::Pass);
            thread::sleep(Duration::from_millis(400 + random.below(1200)));
        }
        proxy.set(Fault::Pass);
    }

    /// Runs it all, and asks the history.
    fn judge(&self, proxy: &FaultProxy, seed: u64) {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        println!("seed {seed}");
        let began = Instant::now();
        let ideal = self.hold * u32::try_from(CLAIMERS * ROUNDS / LOCKS).expect("a number");
        thread::scope(|scope| {
            let chaos = scope.spawn(|| self.chaos(proxy, Random(seed ^ 0x5bd1_e995)));
            let janitor = scope.spawn(|| self.janitor());
            let claimers: Vec<_> = (0..CLAIMERS)
                .map(|number| {
                    let seed = seed.wrapping_mul(number as u64 * 2 + 3) | 1;
                    scope.spawn(move || self.claimer(number, seed))
                })
                .collect();
            for claimer in claimers {
                claimer.join().expect("a claimer");
            }
            println!(
                "{:?} for an ideal of {ideal:?}, {} kills",
                began.elapsed(),
                self.kills.load(Ordering::Relaxed)
            );
            // What the last killed had on its way.
            thread::sleep(Duration::from_secs(2));
            self.over.store(true, Ordering::Relaxed);
            chaos.join().expect("the chaos");
            janitor.join().expect("the janitor");
        });
        assert!(began.elapsed() < ideal * FACTOR, "{:?}", began.elapsed());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/pool-history");
        let judged = Command::new(script)
            .arg(&self.bare)
            .args(["main", "cars", JANITOR])
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("the script");
        let errors = String::from_utf8_lossy(&judged.stderr);
        assert!(judged.status.success(), "{errors}");
        let found: Value = serde_json::from_slice(&judged.stdout).expect("JSON");
        assert_eq!(found["locks"].as_array().map(Vec::len), Some(LOCKS));
        assert_eq!(found["held"], json!({}));
        let claims = found["claims"].as_array().map(Vec::len).unwrap_or_default();
        assert!(claims >= CLAIMERS * ROUNDS, "{claims}");
        println!("{claims} claims, {} releases", found["releases"]);
    }
}

/// `POOL_SEED` runs one again.
fn seed() -> u64 {
    let given = std::env::var("POOL_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("now");
        u64::from(now.subsec_nanos()) << 20 | 1
    })
}

#[test]
fn pool_stress_over_https() {
    let server = GitServer::start(Access::Login);
    let bare = server.publish(&pool(), "locks.git");
    let proxy = FaultProxy::start(server.address());
    let uri = server.url_at(proxy.address(), "whole/locks.git");
    let source = json!({ "uri": uri, "branch": "main", "username": USER, "password": PASSWORD });
    Stress::new(source, server.ca(), bare, Duration::from_secs(1)).judge(&proxy, seed());
}

#[test]
fn pool_stress_over_ssh() {
    let server = SshServer::start(Protocol::Any);
    server.publish(&pool(), "locks.git");
    let proxy = FaultProxy::start(server.address());
    let uri = server
        .url("locks.git")
        .replace(&server.address().to_string(), &proxy.address().to_string());
    let source = json!({ "uri": uri, "branch": "main", "private_key": server.key() });
    // Each look is a key exchange, and two processors do both sides of it.
    let hold = Duration::from_secs(2);
    Stress::new(source, PathBuf::new(), server.path("locks.git"), hold).judge(&proxy, seed());
}
