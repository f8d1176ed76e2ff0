//! Grafana's annotation API: <https://grafana.com/docs/grafana/latest/developers/http_api/annotations/>.

use std::time::Duration;

use concourse_resource_sdk::http::{
    Exchange, HttpClient, ProxyRules, Redirects, Reply, Retries, Silence, exchange,
};
use concourse_resource_sdk::{Context, Error, Result};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use crate::config::Source;
use crate::id::AnnotationId;

/// How much of an answer is read.
const MOST_ANSWER_BYTES: usize = 64 * 1024;

/// CONTRACT F8: for a request with its whole answer, however slowly it trickles.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Grafana.
pub(crate) struct Grafana<'a> {
    source: &'a Source,
    base: Url,
    http: HttpClient,
    retries: Retries,
}

impl<'a> Grafana<'a> {
    pub(crate) fn of(cx: &Context, source: &'a Source) -> Result<Self> {
        let log = cx.log().clone();
        // CONTRACT F4: redirects are followed here, because method and body have to go along.
        let mut options = cx
            .http()
            .redirects(Redirects::None)
            .skip_verification(source.skip_ssl_verification)
            .ca(source.ca_certs.expose());
        if !source.proxy.is_empty() {
            options = options.proxies(ProxyRules::all(&source.proxy, "")?);
        }
        let http = options.build().map_err(|error| match error {
            error if !source.ca_certs.is_empty() => Error::config("source.ca_certs", error.to_string()),
            error => error,
        })?;
        let mut base =
            Url::parse(&source.url).map_err(|error| Error::config("source.url", error.to_string()))?;
        // CONTRACT 5: the login of the fields wins, and one of them is there always.
        let no_login = base.set_username("").and_then(|()| base.set_password(None));
        no_login.map_err(|()| Error::config("source.url", "its login cannot be taken out"))?;
        Ok(Self {
            source,
            base,
            http,
            retries: Retries::default().notice(move |line| log.warn(line)),
        })
    }

    /// Creates an annotation (CONTRACT 4.3).
    pub(crate) async fn create(&self, annotation: &Value) -> Result<AnnotationId> {
        let answer = self.send(Method::POST, "/api/annotations", annotation).await.map_err(|silence| {
            if silence.may_have_arrived {
                let hint = "the annotation may have been created: it is not sent again, so that there are not two";
                silence.error.hint(hint)
            } else {
                silence.error
            }
        })?;
        id_of(&succeeded(&answer)?.body)
    }

    /// Changes an annotation (CONTRACT 4.4).
    pub(crate) async fn update(&self, id: AnnotationId, annotation: &Value) -> Result<()> {
        let answer = self
            .send(Method::PATCH, &format!("/api/annotations/{id}"), annotation)
            .await;
        succeeded(&answer.map_err(|silence| silence.error)?).map(drop)
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Reply, Silence> {
        let call = Call {
            grafana: self,
            method,
            body: body.to_string(),
        };
        exchange(&call, &self.address(path), &self.retries).await
    }

    /// CONTRACT F2: below the address, whatever slashes it ends with.
    fn address(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let base = url.path().trim_end_matches('/');
        let path = format!("{base}{path}");
        url.set_path(&path);
        url
    }

    fn silence(&self, error: &reqwest::Error) -> Silence {
        if error.is_builder() && !self.source.api_token.is_empty() {
            let problem = Error::config("source.api_token", "has characters that no token has");
            return Silence::before_sending(problem);
        }
        self.http.silence(error)
    }
}

/// A request to Grafana. It is sent again where that is safe: what did not arrive, what is answered with 429, and an update,
/// which does the same when it is done twice, in every other case.
struct Call<'a> {
    grafana: &'a Grafana<'a>,
    method: Method,
    body: String,
}

impl Call<'_> {
    fn is_update(&self) -> bool {
        self.method == Method::PATCH
    }
}

impl Exchange for Call<'_> {
    async fn once(&self, at: &Url) -> Result<Reply, Silence> {
        let source = self.grafana.source;
        let request = self
            .grafana
            .http
            .client()
            .request(self.method.clone(), at.clone())
            .timeout(PATIENCE)
            .header(CONTENT_TYPE, "application/json")
            .body(self.body.clone());
        let request = if source.api_token.is_empty() {
            request.basic_auth(&source.username, Some(source.password.expose()))
        } else {
            request.bearer_auth(source.api_token.expose().trim())
        };
        let response = request
            .send()
            .await
            .map_err(|error| self.grafana.silence(&error))?;
        match Reply::read(response, MOST_ANSWER_BYTES).await {
            // CONTRACT 4.4: of an update the status is all that counts.
            (_, Some(error)) if !self.is_update() => Err(self.grafana.silence(&error)),
            (reply, _) => Ok(reply),
        }
    }

    fn may_repeat(&self, outcome: &Result<Reply, Silence>) -> bool {
        match outcome {
            Ok(reply) => is_busy(reply.status, self.is_update()),
            Err(silence) => silence.is_transient || silence.may_have_arrived && self.is_update(),
        }
    }

    fn may_follow(&self, from: &Url, to: &Url) -> std::result::Result<(), &'static str> {
        if is_same_server(from, to) {
            Ok(())
        } else {
            Err("which gets neither login nor annotation")
        }
    }
}

/// Whether a redirect stays where the login may go: the same origin, or the same host when TLS begins.
fn is_same_server(from: &Url, to: &Url) -> bool {
    from.origin() == to.origin()
        || from.host() == to.host() && from.scheme() == "http" && to.scheme() == "https"
}

/// 429 says that nothing was done; after the others something may have been.
fn is_busy(status: StatusCode, is_idempotent: bool) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || is_idempotent && matches!(status.as_u16(), 502..=504)
}

/// CONTRACT 4.3 and 4.4: exactly 200.
fn succeeded(reply: &Reply) -> Result<&Reply> {
    let status = reply.status.as_u16();
    if status == 200 {
        return Ok(reply);
    }
    let error = Error::remote(format!(
        "Expected 200 from Grafana API, {status} received: {}",
        reply.body.trim_end()
    ));
    Err(match status {
        301..=308 => error.hint("it redirects elsewhere: let source.url be the address that Grafana has now"),
        401 => error.hint("Grafana does not accept the login: look at source.api_token, or username and password"),
        403 => error.hint("the login may not write annotations: it needs the permissions annotations:create and annotations:write"),
        404 => error.hint("there is no such annotation, or source.url is not the address of a Grafana"),
        _ => error,
    })
}

/// The id in the answer to a create. CONTRACT 4.3 and F3: without one, it has failed.
fn id_of(body: &str) -> Result<AnnotationId> {
    let unusable = |why: &str| {
        Error::remote(format!(
            "the answer of the Grafana API has no usable id: {why}: {}",
            body.trim_end()
        ))
        .hint("is source.url the address of a Grafana?")
    };
    let Ok(Value::Object(answer)) = serde_json::from_str(body) else {
        return Err(unusable("it is no JSON object"));
    };
    if !matches!(answer.get("message"), None | Some(Value::Null | Value::String(_))) {
        return Err(unusable("its message is no text"));
    }
    let id = answer
        .get("id")
        .and_then(Value::as_u64)
        .and_then(AnnotationId::new);
    id.ok_or_else(|| unusable("it should be a whole number above 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_a_usable_id_is_a_failure() {
        for (body, id) in [
            (r#"{"message":"Annotation added","id":501}"#, Some("501")),
            (r#"{"id":1,"message":null}"#, Some("1")),
            ("{}", None),
            (r#"{"id":0}"#, None),
            (r#"{"id":-1}"#, None),
            (r#"{"id":1.5}"#, None),
            (r#"{"id":"7"}"#, None),
            (r#"{"id":99999999999999999999}"#, None),
            (r#"{"id":7,"message":3}"#, None),
            ("[7]", None),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(id_of(body).ok().map(|id| id.to_string()).as_deref(), id, "{body}");
        }
    }

    #[test]
    fn a_login_stays_on_its_server() {
        for (from, to, stays) in [
            ("http://g/a", "http://g/b", true),
            ("http://g/a", "https://g/a", true),
            ("http://g:3000/a", "https://g/a", true),
            ("https://g/a", "http://g/a", false),
            ("https://g/a", "https://g:8443/a", false),
            ("https://g/a", "https://h.g/a", false),
            ("http://g/a", "http://h/a", false),
        ] {
            let (from, to) = (Url::parse(from).unwrap(), Url::parse(to).unwrap());
            assert_eq!(is_same_server(&from, &to), stays, "{from} to {to}");
        }
    }
}
