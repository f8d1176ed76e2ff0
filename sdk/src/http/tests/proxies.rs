//! Proxies.

use super::{failure, nowhere, options};
use crate::http::{ProxyRules, Retries};
use crate::testing::{Response, Server};

#[tokio::test]
async fn plain_http_goes_through_the_proxy_with_its_login() {
    let proxy = Server::start();
    proxy.fallback(|request| Response::text(request.target.clone()));
    let address = proxy.url("").replace("http://", "http://user:p%40ss@");
    let client = options()
        .proxies(ProxyRules::all(&address, "direct.example").unwrap())
        .build()
        .unwrap();
    let response = client
        .send_retrying(client.client().get("http://git.example/path?a=b"))
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "http://git.example/path?a=b");
    let login = proxy.requests()[0]
        .header("proxy-authorization")
        .unwrap()
        .to_owned();
    assert_eq!(login, "Basic dXNlcjpwQHNz");
}

#[tokio::test]
async fn a_host_of_no_proxy_is_reached_directly() {
    let (server, proxy) = (Server::start(), Server::start());
    server.on("GET", "/", Response::text("direct"));
    let rules = ProxyRules::all(&proxy.url(""), &server.address().to_string()).unwrap();
    let client = options().proxies(rules).build().unwrap();
    let response = client
        .send_retrying(client.client().get(server.url("/")))
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "direct");
    assert_eq!(proxy.count(), 0);
}

#[tokio::test]
async fn a_proxy_that_wants_a_login_is_named() {
    let proxy = Server::start();
    proxy.fallback(|_| Response::status(407).header("Proxy-Authenticate", "Basic realm=\"x\""));
    let address = proxy.url("").replace("http://", "http://user:hunter22@");
    let client = options()
        .proxies(ProxyRules::all(&address, "").unwrap())
        .build()
        .unwrap();
    for scheme in ["http", "https"] {
        let (text, hint) = failure(&client, &format!("{scheme}://git.example/")).await;
        let expected = format!(
            "failed to reach {scheme}://git.example through the proxy {}: the proxy wants a login",
            proxy.url("")
        );
        assert_eq!(text, expected);
        assert!(hint.starts_with("put user and password"), "{hint}");
    }
    assert_eq!(proxy.requests()[1].method, "CONNECT");
    assert_eq!(proxy.requests()[1].target, "git.example:443");
    assert_eq!(
        proxy.requests()[1].header("user-agent"),
        Some("concourse-test-resource/1.2.3")
    );
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_gone_is_named() {
    let proxy = Server::start();
    proxy.fallback(|_| Response::status(403));
    let (here, gone) = (proxy.address(), nowhere());
    for (proxy, why) in [
        (format!("http://{here}"), Some("the proxy refuses to connect")),
        (format!("http://{gone}"), Some("connection refused")),
        (format!("socks5h://{gone}"), Some("the proxy cannot be reached")),
        (format!("socks5h://{here}"), None),
    ] {
        let rules = ProxyRules::all(&proxy, "").unwrap();
        let client = options().proxies(rules).retries(Retries::none()).build().unwrap();
        let (text, _) = failure(&client, "https://git.example/").await;
        let start = format!("failed to reach https://git.example through the proxy {proxy}: ");
        let found = text.strip_prefix(&start).expect(&text);
        assert!(why.is_none_or(|why| why == found), "{text}");
    }
}
