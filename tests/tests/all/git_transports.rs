//! git over its daemon, and over SSH through an HTTP proxy.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use concourse_resource_sdk::testing::Run;
use serde_json::json;
use tempfile::TempDir;
use tests::{GitDaemon, Protocol, SshServer, executable, fixture_r, git};

#[test]
fn check_get_and_put_by_the_daemon() {
    let (daemon, repo) = (GitDaemon::start(), fixture_r());
    daemon.publish(&repo, "r.git");
    let source = json!({ "uri": daemon.url("r.git"), "branch": "main" });
    let run = |run: Run, more: serde_json::Value| {
        let mut request = json!({ "source": source });
        crate::support::merge(&mut request, &more);
        run.request(&request)
    };
    let answer = run(
        Run::check(executable("git")),
        json!({ "version": { "ref": repo.id("c2") } }),
    )
    .run()
    .ok();
    assert_eq!(crate::support::refs(&answer), [repo.id("c2"), repo.id("c4")]);
    let work = tempfile::tempdir().unwrap();
    let clone = work.path().join("clone");
    let version = json!({ "version": { "ref": repo.id("c4") }, "params": { "depth": 2 } });
    run(Run::get(executable("git")), version).work(&clone).run().ok();
    git(&clone, &["checkout", "--quiet", "-B", "main"]);
    git(&clone, &["commit", "--quiet", "--allow-empty", "-m", "new"]);
    run(
        Run::put(executable("git")),
        json!({ "params": { "repository": "clone" } }),
    )
    .work(work.path())
    .run()
    .ok();
    let head = git(&clone, &["rev-parse", "HEAD"]);
    assert_eq!(git(daemon.path("r.git"), &["rev-parse", "main"]), head);

    let gone = json!({ "source": { "uri": daemon.url("gone.git"), "branch": "main" } });
    let output = Run::check(executable("git")).request(&gone).run();
    output.fails(128);
    assert!(
        output.stderr.contains("access denied or repository not exported"),
        "{output}"
    );
    let nobody = json!({ "source": { "uri": "git://127.0.0.1:9/x", "branch": "main" } });
    let output = Run::check(executable("git")).request(&nobody).run();
    output.fails(128);
    assert!(
        output
            .first_error_line()
            .starts_with("failed to reach 127.0.0.1:9: Connection refused"),
        "{output}"
    );
}

/// tinyproxy on loopback.
struct Proxy {
    address: SocketAddr,
    process: Child,
    directory: TempDir,
}

impl Proxy {
    fn start(login: Option<(&str, &str)>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..5 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let login = login
                .map(|(user, password)| format!("BasicAuth {user} {password}\n"))
                .unwrap_or_default();
            let log = directory.path().join("log");
            let configuration = format!(
                "Port {}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nLogFile \"{}\"\nLogLevel Connect\n{login}",
                address.port(),
                log.display()
            );
            let file = directory.path().join("tinyproxy.conf");
            std::fs::write(&file, configuration).unwrap();
            let mut process = Command::new("tinyproxy")
                .arg("-d")
                .arg("-c")
                .arg(&file)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("tinyproxy");
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(10) && matches!(process.try_wait(), Ok(None)) {
                if TcpStream::connect(address).is_ok() {
                    return Self {
                        address,
                        process,
                        directory,
                    };
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = process.kill();
            let _ = process.wait();
        }
        panic!("tinyproxy does not start");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn ssh_goes_through_the_proxy_of_the_source() {
    let (server, repo) = (SshServer::start(Protocol::Any), fixture_r());
    server.publish(&repo, "r.git");
    let check = |tunnel: serde_json::Value| {
        let source = json!({
            "uri": server.url("r.git"), "branch": "main", "private_key": server.key(), "https_tunnel": tunnel
        });
        Run::check(executable("git"))
            .request(&json!({ "source": source }))
            .run()
    };
    let open = Proxy::start(None);
    let port = open.address.port();
    for port in [json!(port), json!(port.to_string())] {
        let output = check(json!({ "proxy_host": "127.0.0.1", "proxy_port": port }));
        assert_eq!(output.ok(), json!([{ "ref": repo.id("c4") }]));
    }
    assert!(open.log().contains("CONNECT"), "{}", open.log());
    // Incomplete: direct.
    assert_eq!(
        check(json!({ "proxy_host": "127.0.0.1" })).ok(),
        json!([{ "ref": repo.id("c4") }])
    );

    let closed = Proxy::start(Some(("us_er", "p_w0rd-of-proxy")));
    let login = |user: &str, password: &str| {
        check(json!({
            "proxy_host": "127.0.0.1", "proxy_port": closed.address.port(), "proxy_user": user, "proxy_password": password
        }))
    };
    let output = login("us_er", "p_w0rd-of-proxy");
    assert_eq!(output.ok(), json!([{ "ref": repo.id("c4") }]));
    for (user, password) in [("us_er", "wr0ng-of-proxy"), ("", "")] {
        let output = login(user, password);
        output.fails(128).hides("wr0ng-of-proxy");
        assert!(
            output.stderr.contains("it wants a login, or another one (407)"),
            "{output}"
        );
    }
    let output = check(json!({ "proxy_host": "127.0.0.1", "proxy_port": "http" }));
    output.fails(1);
    assert_eq!(
        output.first_error_line(),
        "source.https_tunnel.proxy_port: \"http\" cannot be used"
    );
}
