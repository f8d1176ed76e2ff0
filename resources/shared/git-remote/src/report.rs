//! What a server says of each ref after a push: `report-status` of gitprotocol-pack.

use std::collections::HashMap;
use std::io::Read;

use crate::error::Result;
use crate::pktline::{self, Line};

/// A server's report.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Why the pack was not unpacked.
    pub(crate) unpack_failure: Option<String>,
    /// `Ok`, or why not, by ref.
    pub(crate) refs: HashMap<String, Result<(), String>>,
}

impl Report {
    /// Reads it up to its flush.
    pub(crate) fn read(from: &mut impl Read) -> Result<Self> {
        let mut report = Self::default();
        while let Some(Line::Data(data)) = pktline::read(from)? {
            let text = String::from_utf8_lossy(pktline::text(&data)).into_owned();
            if let Some(status) = text.strip_prefix("unpack ") {
                report.unpack_failure = Some(status.to_owned()).filter(|status| status != "ok");
            } else if let Some(name) = text.strip_prefix("ok ") {
                report.refs.insert(name.to_owned(), Ok(()));
            } else if let Some(rest) = text.strip_prefix("ng ") {
                let (name, why) = rest.split_once(' ').unwrap_or((rest, "failed"));
                report.refs.insert(name.to_owned(), Err(why.to_owned()));
            }
        }
        Ok(report)
    }

    /// Why an update of a ref was refused; none where it landed.
    pub(crate) fn refusal(&self, name: &str) -> Option<String> {
        match (self.refs.get(name), &self.unpack_failure) {
            (Some(Ok(())), None) => None,
            (Some(Err(why)), _) => Some(why.clone()),
            (_, Some(failure)) => Some(format!("unpack failed: {failure}")),
            (None, None) => Some("the remote did not report on it".to_owned()),
        }
    }

    /// Adds what the server said beside its report of refs that it failed to set, such as
    /// `cannot lock ref 'refs/heads/main': is at …`.
    pub(crate) fn add_remarks(&mut self, remarks: &[String]) {
        for (name, outcome) in &mut self.refs {
            let Err(why) = outcome else { continue };
            let quoted = format!("'{name}'");
            let remark = remarks.iter().find(|remark| remark.contains(&quoted));
            if let Some(remark) = remark.filter(|remark| !why.contains(remark.as_str())) {
                *why = format!("{why}: {remark}");
            }
        }
    }
}

/// What is worth keeping of a line that a server said beside its report: how it failed to set a ref.
pub(crate) fn remark(line: &str) -> Option<&str> {
    let start = REMARKS.iter().filter_map(|words| line.find(words)).min()?;
    Some(&line[start..])
}

const REMARKS: [&str; 2] = ["cannot lock ref '", "cannot update ref '"];

/// What a refusal of a server tells of other pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// The ref was moved, or is being moved, by another push.
    Race,
    /// Perhaps; whether the ref has another value now tells.
    Perhaps,
    /// Another update of the same atomic push was at fault.
    Another,
    /// The server does not want the update.
    No,
}

/// Words of servers, the first of a table to be found in a refusal decides: git 2.x (`refs.c`, `files-backend.c`, `receive-pack.c`), `JGit` and Gerrit
/// (`ReceiveCommand.Result`), GitHub, GitLab, Bitbucket, Azure DevOps.
const SIGNS: &[(&str, Sign)] = &[
    // Before all others: these words hold a path of the server.
    (".lock': File exists", Sign::Race),
    // A branch that is in the way of the name is no race.
    ("exists; cannot create", Sign::No),
    ("hook declined", Sign::No),
    ("prohibited", Sign::No),
    ("protected", Sign::No),
    ("denied", Sign::No),
    ("denying", Sign::No),
    ("not allowed", Sign::No),
    ("not permitted", Sign::No),
    ("is currently checked out", Sign::No),
    ("is read-only", Sign::No),
    ("shallow update", Sign::No),
    ("unpack", Sign::No),
    ("missing necessary objects", Sign::No),
    ("bad pack", Sign::No),
    ("invalid refname", Sign::No),
    ("funny refname", Sign::No),
    // git up to 2.50, and beside the report since then.
    ("but expected", Sign::Race),
    ("reference already exists", Sign::Race),
    // git 2.51 and later.
    ("incorrect old value provided", Sign::Race),
    ("reference was modified", Sign::Race),
    // git's and GitHub's; JGit's and Gerrit's.
    ("fetch first", Sign::Race),
    ("stale info", Sign::Race),
    ("non-fast-forward", Sign::Race),
    ("failed to lock", Sign::Race),
    ("lock failure", Sign::Race),
    ("LOCK_FAILURE", Sign::Race),
    // Azure DevOps.
    ("TF401028", Sign::Race),
    ("has already been updated", Sign::Race),
    ("atomic push failure", Sign::Another),
    ("atomic push failed", Sign::Another),
];

/// What a refusal of a ref tells of other pushes: in words, as far as they are known, and not in those of the ref's name.
pub(crate) fn sign(why: &str, name: &str) -> Sign {
    let why = why.replace(name, "a ref");
    let found = SIGNS.iter().find(|(words, _)| why.contains(words));
    found.map_or(Sign::Perhaps, |(_, sign)| *sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ref_has_its_own_answer() {
        let mut stream = Vec::new();
        for line in [
            "unpack ok\n",
            "ok refs/heads/main\n",
            "ng refs/heads/x pre-receive hook declined\n",
        ] {
            pktline::write(&mut stream, line).unwrap();
        }
        stream.extend(pktline::FLUSH);
        let report = Report::read(&mut stream.as_slice()).unwrap();
        assert_eq!(report.unpack_failure, None);
        assert_eq!(report.refs["refs/heads/main"], Ok(()));
        assert_eq!(
            report.refs["refs/heads/x"],
            Err("pre-receive hook declined".to_owned())
        );
    }

    #[test]
    fn what_is_told_beside_the_report_is_a_part_of_the_reason() {
        let mut report = Report::default();
        for name in ["refs/heads/main", "refs/heads/x"] {
            let why = "failed to update ref".to_owned();
            report.refs.insert(name.to_owned(), Err(why));
        }
        let line = "remote: error: cannot lock ref 'refs/heads/main': is at 1 but expected 2";
        report.add_remarks(&[remark(line).unwrap().to_owned()]);
        let why = report.refs["refs/heads/main"].clone().unwrap_err();
        assert_eq!(
            why,
            "failed to update ref: cannot lock ref 'refs/heads/main': is at 1 but expected 2"
        );
        assert_eq!(sign(&why, "refs/heads/main"), Sign::Race);
        let other = report.refs["refs/heads/x"].clone().unwrap_err();
        assert_eq!(
            (other.as_str(), sign(&other, "refs/heads/x")),
            ("failed to update ref", Sign::Perhaps)
        );
    }

    #[test]
    fn lost_races_are_told_by_the_words_of_many_servers() {
        for (why, expected) in [
            (
                "cannot lock ref 'refs/heads/a': is at 1 but expected 2",
                Sign::Race,
            ),
            (
                "cannot lock ref 'refs/heads/a': Unable to create '/r/refs/heads/a.lock': File exists.",
                Sign::Race,
            ),
            (
                "cannot lock ref 'refs/heads/a': Unable to create '/protected/r/refs/heads/a.lock': File exists.",
                Sign::Race,
            ),
            (
                "cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b'",
                Sign::No,
            ),
            (
                "cannot lock ref 'refs/heads/a': reference already exists",
                Sign::Race,
            ),
            (
                "cannot lock ref 'refs/heads/a': unable to resolve reference 'refs/heads/a'",
                Sign::Perhaps,
            ),
            ("incorrect old value provided", Sign::Race),
            ("reference already exists", Sign::Race),
            ("failed to update ref", Sign::Perhaps),
            ("failed", Sign::Perhaps),
            ("failed to lock", Sign::Race),
            ("lock failure", Sign::Race),
            ("non-fast-forward", Sign::Race),
            ("fetch first", Sign::Race),
            ("remote error: internal server error", Sign::Perhaps),
            ("the remote did not report on it", Sign::Perhaps),
            ("atomic push failure", Sign::Another),
            ("atomic transaction failed", Sign::Perhaps),
            ("pre-receive hook declined", Sign::No),
            ("protected branch hook declined", Sign::No),
            (
                "You are not allowed to push code to protected branches on this project.",
                Sign::No,
            ),
            ("prohibited by Gerrit: not permitted: update", Sign::No),
            ("deletion prohibited", Sign::No),
            ("branch is currently checked out", Sign::No),
            ("shallow update not allowed", Sign::No),
            ("unpacker error", Sign::No),
        ] {
            assert_eq!(sign(why, "refs/heads/a"), expected, "{why}");
        }
        // The name of a branch says nothing.
        for name in ["refs/heads/protected/x", "refs/heads/unpack", "refs/heads/denied"] {
            let why = format!("cannot lock ref '{name}': is at 1 but expected 2");
            assert_eq!(sign(&why, name), Sign::Race, "{name}");
        }
    }

    #[test]
    fn a_pack_that_was_not_unpacked_says_why() {
        let mut stream = Vec::new();
        pktline::write(&mut stream, "unpack index-pack abnormal exit\n").unwrap();
        let report = Report::read(&mut stream.as_slice()).unwrap();
        assert_eq!(report.unpack_failure.as_deref(), Some("index-pack abnormal exit"));
    }
}
