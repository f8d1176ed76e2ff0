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

    /// Adds what the server said beside its report about refs that could not be locked, such as
    /// `cannot lock ref 'refs/heads/main': is at …`.
    pub(crate) fn add_locks(&mut self, locks: &[String]) {
        for (name, outcome) in &mut self.refs {
            let Err(why) = outcome else { continue };
            let start = format!("{CANNOT_LOCK} '{name}'");
            let lock = locks.iter().find(|lock| lock.starts_with(&start));
            if let (Some(lock), false) = (lock, why.contains(CANNOT_LOCK)) {
                *why = format!("{why}: {lock}");
            }
        }
    }
}

/// How a server says that a ref has another value than the push began from, or that another push is setting it.
pub(crate) const CANNOT_LOCK: &str = "cannot lock ref";

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
    fn a_lock_that_is_told_beside_the_report_is_a_part_of_the_reason() {
        let mut report = Report::default();
        for name in ["refs/heads/main", "refs/heads/x"] {
            let why = "failed to update ref".to_owned();
            report.refs.insert(name.to_owned(), Err(why));
        }
        report.add_locks(&["cannot lock ref 'refs/heads/main': is at 1".to_owned()]);
        assert_eq!(
            report.refs["refs/heads/main"],
            Err("failed to update ref: cannot lock ref 'refs/heads/main': is at 1".to_owned())
        );
        assert_eq!(
            report.refs["refs/heads/x"],
            Err("failed to update ref".to_owned())
        );
    }

    #[test]
    fn a_pack_that_was_not_unpacked_says_why() {
        let mut stream = Vec::new();
        pktline::write(&mut stream, "unpack index-pack abnormal exit\n").unwrap();
        let report = Report::read(&mut stream.as_slice()).unwrap();
        assert_eq!(report.unpack_failure.as_deref(), Some("index-pack abnormal exit"));
    }
}
