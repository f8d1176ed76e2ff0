//! Random `commit_filter`s, and what stock git makes of them.

use std::collections::BTreeSet;
use std::path::Path;

use tests::git;

use crate::git_check_random::Random;

/// One list of `commit_filter`.
#[derive(Debug, Clone)]
pub(crate) struct Patterns {
    pub(crate) list: Vec<&'static str>,
    pub(crate) all: bool,
}

impl Patterns {
    pub(crate) fn some(random: &mut Random) -> Self {
        let choices: [&[&'static str]; 10] = [
            &[],
            &[],
            &[],
            &["^feat"],
            &["one", "tw*o"],
            &["feat", "^ *in"],
            &[r"^\(fix\|Feat\)"],
            &[r"[[:digit:]]$", r"\<body\>"],
            &[r"o\{1,2\}", ""],
            &["a+", "t+"],
        ];
        Self {
            list: random.pick(&choices).to_vec(),
            all: random.below(2) == 0,
        }
    }

    /// The commits that match, by stock git. None if there is no pattern.
    pub(crate) fn matched(&self, repo: &Path) -> Option<BTreeSet<String>> {
        let patterns: Vec<_> = self
            .list
            .iter()
            .map(|pattern| format!("--grep={pattern}"))
            .collect();
        let mut args = vec!["rev-list", "--all"];
        if self.all {
            args.push("--all-match");
        }
        args.extend(patterns.iter().map(String::as_str));
        (!patterns.is_empty()).then(|| git(repo, &args).lines().map(str::to_owned).collect())
    }
}
