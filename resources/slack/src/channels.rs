//! To whom a message goes (CONTRACT 5.1).

use crate::env_file::without_quotes;
use crate::variables::Variables;

/// The word that means the webhook's own channel.
const OWN: &str = "null";

/// One entry a message; `None` is the webhook's own channel.
pub(crate) type Channels = Vec<Option<String>>;

/// The channels of `params.channel` and of the content of `params.channel_file`.
pub(crate) fn channels(list: Option<&str>, file: Option<&str>, variables: &Variables) -> Channels {
    let words: Vec<_> = [list.map(without_quotes), file]
        .into_iter()
        .flatten()
        .flat_map(str::split_whitespace)
        .collect();
    // CONTRACT 5.1: an empty `channel` sends nothing; F5: a file without words is as none.
    if words.is_empty() && list.is_none() {
        return vec![None];
    }
    words
        .into_iter()
        .map(|word| {
            let channel = variables.expand(without_quotes(word));
            Some(channel).filter(|channel| !channel.is_empty() && channel != OWN)
        })
        .collect()
}

/// The whole list as one text, for metadata.
pub(crate) fn as_text(channels: &Channels) -> String {
    let words: Vec<_> = channels
        .iter()
        .map(|channel| channel.as_deref().unwrap_or(OWN))
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_channels() {
        let mut variables = Variables::default();
        variables.set("TEAM", "ops team");
        let all = |list: Option<&str>, file: Option<&str>| {
            let channels = channels(list, file, &variables);
            let names: Vec<_> = channels
                .iter()
                .map(|c| c.clone().unwrap_or_else(|| "(own)".to_owned()))
                .collect();
            names.join(",")
        };
        for (list, file, expected) in [
            (None, None, "(own)"),
            (Some("#a  @b"), None, "#a,@b"),
            (Some("#a\t@b\n"), Some("#ops\n@eve\n"), "#a,@b,#ops,@eve"),
            (None, Some("#ops\n@eve\n"), "#ops,@eve"),
            (None, Some(" \n"), "(own)"),
            (Some(""), None, ""),
            (Some(" "), Some(""), ""),
            (Some(""), Some("#x"), "#x"),
            (Some("null #a"), None, "(own),#a"),
            (Some("\"#a #b\""), None, "#a,#b"),
            (Some("#$TEAM-x"), None, "#ops team-x"),
            (Some("$NOPE"), None, "(own)"),
        ] {
            assert_eq!(all(list, file), expected, "{list:?} {file:?}");
        }
        assert_eq!(as_text(&vec![Some("#a".to_owned()), None]), "#a null");
        assert_eq!(as_text(&vec![None]), "null");
    }
}
