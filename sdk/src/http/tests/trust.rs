//! TLS.

use super::{client, failure, options};
use crate::testing::{Identity, Response, Server};

const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

fn serving(identity: Identity) -> Server {
    let server = Server::start_tls(identity);
    server.on("GET", "/", Response::text("hello"));
    server
}

async fn why(ca: &str, server: &Server) -> String {
    let client = options().ca(ca).build().unwrap();
    let (text, _) = failure(&client, &server.url("/")).await;
    text.strip_prefix(&format!("failed to reach {}: ", server.url("")))
        .expect(&text)
        .to_owned()
}

async fn succeeds(client: &crate::http::HttpClient, server: &Server) {
    let response = client
        .send_retrying(client.client().get(server.url("/")))
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
}

#[tokio::test]
async fn a_ca_of_the_source_is_trusted_among_several_and_with_text_around() {
    let (server, other) = (serving(Identity::new(&NAMES)), Identity::new(&NAMES));
    let bundle = format!(
        "# ours\n{}\n# and another\r\n{}",
        other.ca_pem(),
        server.ca_pem().replace('\n', "\r\n")
    );
    succeeds(&options().ca("  \n").ca(&bundle).build().unwrap(), &server).await;
}

#[tokio::test]
async fn an_unknown_authority_is_called_so_and_not_asked_twice() {
    let server = serving(Identity::new(&NAMES));
    let (text, hint) = failure(&client(), &server.url("/")).await;
    assert_eq!(
        text,
        format!(
            "failed to reach {}: certificate signed by unknown authority",
            server.url("")
        )
    );
    assert!(
        hint.starts_with("give the certificate of its authority in the source"),
        "{hint}"
    );
    assert_eq!((server.connections(), server.count()), (1, 0));
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_if_the_source_names_it() {
    let server = serving(Identity::self_signed(&NAMES));
    succeeds(&options().ca(server.ca_pem()).build().unwrap(), &server).await;
    let (text, _) = failure(&client(), &server.url("/")).await;
    assert!(
        text.ends_with("certificate signed by unknown authority"),
        "{text}"
    );
    let elsewhere = serving(Identity::self_signed(&["elsewhere.example"]));
    assert!(
        why(elsewhere.ca_pem(), &elsewhere)
            .await
            .starts_with("the certificate is for another host name")
    );
}

#[tokio::test]
async fn certificates_that_do_not_fit_are_told_apart() {
    let expired = serving(Identity::expired(&NAMES));
    assert_eq!(
        why(expired.ca_pem(), &expired).await,
        "the certificate expired Tue, 01 Jan 2002 00:00:00 GMT"
    );
    let early = serving(Identity::not_yet_valid(&NAMES));
    let text = why(early.ca_pem(), &early).await;
    assert_eq!(
        text,
        "the certificate is not valid before Thu, 01 Jan 3001 00:00:00 GMT"
    );
    let wrong = serving(Identity::new(&["git.example.com"]));
    let text = why(wrong.ca_pem(), &wrong).await;
    assert!(
        text.starts_with("the certificate is for another host name: "),
        "{text}"
    );
    assert!(text.contains("git.example.com"), "{text}");
}

#[tokio::test]
async fn verification_can_be_skipped() {
    for identity in [
        Identity::new(&["elsewhere"]),
        Identity::expired(&NAMES),
        Identity::self_signed(&NAMES),
    ] {
        let server = serving(identity);
        succeeds(&options().skip_verification(true).build().unwrap(), &server).await;
    }
}

#[tokio::test]
async fn tls_on_a_plain_port_is_called_so() {
    let server = Server::start();
    let (text, hint) = failure(&client(), &server.url("/").replace("http:", "https:")).await;
    assert_eq!(
        text,
        format!(
            "failed to reach https://{}: the port does not speak TLS",
            server.address()
        )
    );
    assert_eq!(hint, "is it http:// rather than https://?");
}

#[test]
fn certificates_that_cannot_be_read_are_refused_when_the_client_is_made() {
    let good = Identity::new(&NAMES);
    let good = good.ca_pem();
    let cut = good.replace("-----END CERTIFICATE-----", "");
    let joined = good.replace('\n', " ");
    let garbled = "-----BEGIN CERTIFICATE-----\nhunter22!!\n-----END CERTIFICATE-----\n";
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (pem, why) in [
        ("/etc/ssl/ca.pem", "the text holds no certificate"),
        (key, "the text holds a private key, but no certificate"),
        (&joined, "the lines of the text were joined into one"),
        (&format!("{good}{cut}"), "certificate 2: its END line is missing"),
        (garbled, "certificate 1: its content is not base64"),
        (empty, "certificate 1: its content is not an X.509 certificate"),
    ] {
        let text = options().ca(pem).build().unwrap_err().to_string();
        let first = text.lines().next().unwrap();
        assert_eq!(first, format!("failed to read the CA certificates: {why}"));
        assert!(!text.contains("hunter22"));
    }
    options().ca(&good.replace('\n', "\\n")).build().unwrap();
}
