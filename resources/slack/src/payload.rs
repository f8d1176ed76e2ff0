//! The request as `payload_in_metadata` shows it.

use serde_json::Value;

const REDACTED: &str = "***REDACTED***";

/// The request as compact JSON. CONTRACT 7: `source.url` is hidden; F7: and whatever else of the source is secret.
pub(crate) fn shown(request: &Value) -> String {
    let mut request = request.clone();
    if let Some(source) = request.get_mut("source").and_then(Value::as_object_mut) {
        for key in ["url", "token"] {
            hide(source.get_mut(key));
        }
        if let Some(Value::String(proxy)) = source.get_mut("proxy")
            && proxy.contains('@')
        {
            REDACTED.clone_into(proxy);
        }
        match source.get_mut("ca_certs") {
            Some(Value::Array(certs)) => certs.iter_mut().for_each(|cert| hide(cert.get_mut("cert"))),
            other => hide(other),
        }
    }
    request.to_string()
}

fn hide(value: Option<&mut Value>) {
    if let Some(value) = value.filter(|value| !value.is_null()) {
        *value = REDACTED.into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_secrets_of_the_source_are_hidden() {
        let request = json!({
            "params": { "text": "x" },
            "source": {
                "url": "https://x/y", "token": null, "proxy": "http://u:p@proxy:1", "insecure": true,
                "ca_certs": [{ "domain": "d", "cert": "PEM" }, 7],
            },
            "more": 1,
        });
        assert_eq!(
            shown(&request),
            concat!(
                r#"{"params":{"text":"x"},"source":{"url":"***REDACTED***","token":null,"proxy":"***REDACTED***","#,
                r#""insecure":true,"ca_certs":[{"domain":"d","cert":"***REDACTED***"},7]},"more":1}"#
            )
        );
        assert_eq!(
            shown(&json!({ "source": { "proxy": "http://p:1", "ca_certs": "PEM" } })),
            r#"{"source":{"proxy":"http://p:1","ca_certs":"***REDACTED***"}}"#
        );
        assert_eq!(shown(&Value::Null), "null");
    }
}
