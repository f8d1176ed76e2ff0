//! Variables of a pipeline that nobody has set: by hand, requests are often copied out of one.

use serde_json::Value;

use crate::error::Error;

/// The values of a request that hold a variable, in its order.
pub(crate) fn unresolved(request: &Value) -> Vec<Error> {
    let mut found = Vec::new();
    for key in ["source", "version", "params"] {
        look(&request[key], key, &mut found);
    }
    found
}

fn look(value: &Value, path: &str, found: &mut Vec<Error>) {
    match value {
        Value::String(text) => {
            if let Some(name) = variable(text) {
                let hint = "Concourse sets it, and nobody does here: write the value";
                found.push(Error::config(path, format!("the variable (({name})) is not set")).hint(hint));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                look(item, &format!("{path}[{index}]"), found);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                look(value, &format!("{path}.{key}"), found);
            }
        }
        _ => {}
    }
}

/// The name of a variable in a text: `((source:path.field))`.
fn variable(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(at) = rest.find("((") {
        rest = rest[at..].trim_start_matches('(');
        let name = &rest[..rest.find("))")?];
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:\"".contains(&byte);
        if !name.is_empty() && name.bytes().all(is_name) {
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_are_named_where_they_stand() {
        let request = json!({
            "source": { "uri": "https://((host))/x", "keys": ["a", "((vault:git.\"private key\"))", "((git.key))"] },
            "version": { "ref": "((ref))" },
            "params": { "text": "((this is none)) (()) ((", "more": "((no)((yes))" },
        });
        let said: Vec<String> = unresolved(&request)
            .into_iter()
            .map(|problem| problem.to_string().lines().next().unwrap().to_owned())
            .collect();
        assert_eq!(
            said,
            [
                "source.uri: the variable ((host)) is not set",
                "source.keys[2]: the variable ((git.key)) is not set",
                "version.ref: the variable ((ref)) is not set",
                "params.more: the variable ((yes)) is not set",
            ]
        );
    }
}
