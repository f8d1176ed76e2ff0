//! The configuration that a clone leaves: CONTRACT 5.2.

use std::fmt::Write as _;
use std::fs;

use concourse_resource_sdk::Result;

use super::{Branches, Clone, Head};
use crate::config::FetchTags;

impl Clone<'_> {
    pub(super) fn configure(&self, uri: &str) -> Result<()> {
        let mut text = String::from("[remote \"origin\"]\n");
        // Formatting into a string cannot fail.
        let _ = writeln!(text, "\turl = {}", quoted(uri));
        let refspec = match &self.head {
            _ if self.branches == Branches::All => Some("+refs/heads/*:refs/remotes/origin/*".to_owned()),
            Head::Branch { name, .. } => Some(format!("+refs/heads/{name}:refs/remotes/origin/{name}")),
            Head::Tag { name, .. } => Some(format!("+refs/tags/{name}:refs/tags/{name}")),
            Head::Detached { .. } => None,
        };
        if let Some(refspec) = refspec {
            let _ = writeln!(text, "\tfetch = {}", quoted(&refspec));
        }
        if self.tags == FetchTags::None {
            text.push_str("\ttagOpt = --no-tags\n");
        }
        if let Head::Branch { name, .. } = &self.head {
            let section = name.replace('\\', "\\\\").replace('"', "\\\"");
            let merge = quoted(&format!("refs/heads/{name}"));
            let _ = writeln!(
                text,
                "[branch \"{section}\"]\n\tremote = origin\n\tmerge = {merge}"
            );
        }
        let file = self.repo.path().join("config");
        let mut config = fs::read_to_string(&file).map_err(|error| crate::unwritable(&file, &error))?;
        config.push_str(&text);
        fs::write(&file, config).map_err(|error| crate::unwritable(&file, &error))
    }
}

/// A value as git's configuration files quote it.
fn quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for character in value.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
