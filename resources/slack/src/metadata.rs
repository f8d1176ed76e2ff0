//! The rows of the build's page (CONTRACT 7).

use concourse_resource_sdk::Metadata;

use crate::channels;
use crate::compose::Composed;

/// The rows, in the contract's order. A message that was not sent has neither sender nor text (F9).
pub(crate) fn rows(address: &str, composed: &Composed, payload: Option<String>) -> Metadata {
    let message = composed.message.as_ref();
    let mut rows = Metadata::default();
    rows.push(("url", masked(address)));
    rows.push(("channel", channels::as_text(&composed.channels)));
    rows.push_optional("username", message.and_then(|message| message.username.clone()));
    rows.push_optional("text", message.and_then(|message| message.text.clone()));
    rows.push(("text_file", composed.text_file.path.clone()));
    let exists = if composed.text_file.exists { "Yes" } else { "No" };
    rows.push(("text_file_exists", exists));
    rows.push(("text_file_content", format!("{}\n", composed.text_file.content)));
    if let Some(payload) = payload {
        rows.push(("payload", payload));
    }
    rows
}

/// The address with each long run after a slash cut to its ends. Of a shorter run of the path nothing is left but its beginning: the ends of it
/// would be most of the secret.
fn masked(address: &str) -> String {
    let mut parts = address.split('/');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        let is_path = index >= 2 && !["services", "hooks"].contains(&part);
        text.push('/');
        let end = part.find('.').unwrap_or(part.len());
        let (run, rest) = part.split_at(end);
        let characters: Vec<char> = run.chars().collect();
        if let ([a, b, middle @ .., y, z], true) = (&characters[..], characters.len() >= 9) {
            debug_assert!(!middle.is_empty());
            text.extend([a, b, &'…', y, z]);
        } else if let ([a, b, _, ..], true) = (&characters[..], is_path) {
            text.extend([a, b, &'…']);
        } else {
            text.push_str(run);
        }
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_are_cut_to_their_ends() {
        for (address, expected) in [
            (
                "https://h.example/services/TABCDEFGH/BZYXWVUTS/abcdefghijkl",
                "https://h.example/services/TA…GH/BZ…TS/ab…kl",
            ),
            (
                "https://mattermost.example/hooks/abcdefghi",
                "https://ma…st.example/hooks/ab…hi",
            ),
            ("https://h/12345678", "https://h/12…"),
            ("https://h/T0/B/xyz", "https://h/T0/B/xy…"),
            ("https://h/äöüäöüäöü", "https://h/äö…öü"),
            ("https://h/abcdefghij.klm/", "https://h/ab…ij.klm/"),
            ("", ""),
        ] {
            assert_eq!(masked(address), expected);
        }
    }
}
