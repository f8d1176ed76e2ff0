//! What a service says of itself when a client connects: gitprotocol-v2, and gitprotocol-pack for version 0.

use std::io::BufRead;

use git2::Oid;

use crate::Ref;
use crate::error::{Error, Result};
use crate::pktline::{self, Line};
use crate::wire::Service;

/// The first answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Advertisement {
    /// Version 2: capabilities, such as `fetch=shallow filter`.
    Version2 { capabilities: Vec<String> },
    /// Version 0 or 1: capabilities, and all refs.
    Version0 {
        capabilities: Vec<String>,
        refs: Vec<Ref>,
        shallow: Vec<Oid>,
    },
}

impl Advertisement {
    /// Reads it to its end.
    pub(crate) fn read(from: &mut dyn BufRead, service: Service) -> Result<Self> {
        let mut from = from;
        let mut first = pktline::expect(&mut from)?;
        let banner = format!("# service={}", service.name());
        if matches!(&first, Line::Data(data) if pktline::text(data) == banner.as_bytes()) {
            // The banner has a flush of its own.
            pktline::expect(&mut from)?;
            first = pktline::expect(&mut from)?;
        }
        let mut lines = Vec::new();
        while let Line::Data(data) = first {
            lines.push(pktline::text(&data).to_vec());
            first = pktline::expect(&mut from)?;
        }
        let advertisement = match lines.first().map(Vec::as_slice) {
            Some(b"version 2") => Self::Version2 {
                capabilities: lines[1..].iter().map(|line| lossy(line)).collect(),
            },
            Some(b"version 1") => Self::version_0(&lines[1..])?,
            _ => Self::version_0(&lines)?,
        };
        match advertisement.value("object-format") {
            None | Some("sha1") => Ok(advertisement),
            Some(format) => Err(Error::ObjectFormat(format.to_owned())),
        }
    }

    fn version_0(lines: &[Vec<u8>]) -> Result<Self> {
        let (mut capabilities, mut refs, mut shallow) = (Vec::new(), Vec::<Ref>::new(), Vec::new());
        for (index, line) in lines.iter().enumerate() {
            let mut line = line.as_slice();
            if index == 0
                && let Some(end) = line.iter().position(|&byte| byte == 0)
            {
                capabilities = lossy(&line[end + 1..])
                    .split_ascii_whitespace()
                    .map(str::to_owned)
                    .collect();
                line = &line[..end];
            }
            if let Some(id) = line.strip_prefix(b"shallow ") {
                shallow.push(parse_id(id)?);
                continue;
            }
            let (id, name) = id_and_rest(line)?;
            match name.strip_suffix(b"^{}") {
                Some(b"capabilities") => {}
                Some(tag) => {
                    if let Some(found) = refs.iter_mut().rev().find(|found| found.name == tag) {
                        found.peeled = Some(id);
                    }
                }
                None => refs.push(Ref {
                    name: name.to_vec(),
                    id,
                    peeled: None,
                    target: None,
                }),
            }
        }
        for capability in &capabilities {
            if let Some((name, target)) = capability
                .strip_prefix("symref=")
                .and_then(|symref| symref.split_once(':'))
                && let Some(found) = refs.iter_mut().find(|found| found.name == name.as_bytes())
            {
                found.target = Some(target.as_bytes().to_vec());
            }
        }
        guess_head(&mut refs);
        Ok(Self::Version0 {
            capabilities,
            refs,
            shallow,
        })
    }

    fn capabilities(&self) -> &[String] {
        match self {
            Self::Version2 { capabilities } | Self::Version0 { capabilities, .. } => capabilities,
        }
    }

    /// Whether the server has a capability, with a value or without.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.capabilities().iter().any(|capability| capability == name) || self.value(name).is_some()
    }

    /// The value of a capability.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.capabilities()
            .iter()
            .find_map(|capability| capability.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether a command of version 2 has a feature, or version 0 a capability.
    pub(crate) fn fetch_has(&self, feature: &str) -> bool {
        match self {
            Self::Version2 { .. } => self
                .value("fetch")
                .is_some_and(|features| features.split(' ').any(|found| found == feature)),
            Self::Version0 { .. } => self.has(feature),
        }
    }
}

/// Where a server does not say which branch `HEAD` is, it is one with the same commit: `master`, which is git's default, else the first.
fn guess_head(refs: &mut [Ref]) {
    let Some(head) = refs
        .iter()
        .position(|found| found.name == b"HEAD" && found.target.is_none())
    else {
        return;
    };
    let id = refs[head].id;
    let mut same = refs
        .iter()
        .filter(|found| found.id == id && found.name.starts_with(b"refs/heads/"));
    let first = same.clone().next();
    let master = same.find(|found| found.name == b"refs/heads/master");
    refs[head].target = master.or(first).map(|found| found.name.clone());
}

/// Reads `<id> <rest>`.
pub(crate) fn id_and_rest(line: &[u8]) -> Result<(Oid, &[u8])> {
    match (line.get(..40), line.get(40)) {
        (Some(id), Some(b' ')) => Ok((parse_id(id)?, &line[41..])),
        _ => Err(Error::Broken(format!("the line \"{}\" is no ref", lossy(line)))),
    }
}

pub(crate) fn parse_id(text: &[u8]) -> Result<Oid> {
    std::str::from_utf8(text)
        .ok()
        .filter(|text| text.len() == 40)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::Broken(format!("\"{}\" is no object id", lossy(text))))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn read(lines: &[&str]) -> Result<Advertisement> {
        let mut stream = Vec::new();
        for line in lines {
            if *line == "0000" {
                stream.extend(pktline::FLUSH);
            } else {
                pktline::write(&mut stream, line).unwrap();
            }
        }
        Advertisement::read(&mut stream.as_slice(), Service::UploadPack)
    }

    #[test]
    fn version_2_has_capabilities() {
        let read = read(&[
            "# service=git-upload-pack\n",
            "0000",
            "version 2\n",
            "ls-refs=unborn\n",
            "fetch=shallow filter\n",
            "server-option\n",
            "0000",
        ])
        .unwrap();
        assert!(read.fetch_has("filter") && read.has("server-option") && read.has("ls-refs"));
        assert!(!read.fetch_has("ref-in-want") && !read.has("fetc"));
    }

    #[test]
    fn version_0_has_refs_too() {
        let first = format!("{A} HEAD\0multi_ack symref=HEAD:refs/heads/main shallow\n");
        let lines = [
            "# service=git-upload-pack\n",
            "0000",
            &first,
            &format!("{A} refs/heads/main\n"),
            &format!("{B} refs/tags/v1\n"),
            &format!("{A} refs/tags/v1^{{}}\n"),
            "0000",
        ];
        let Advertisement::Version0 { refs, .. } = read(&lines).unwrap() else {
            panic!("version 0")
        };
        let shown: Vec<String> = refs
            .iter()
            .map(|found| {
                format!(
                    "{} {:?} {:?}",
                    lossy(&found.name),
                    found.peeled.is_some(),
                    found.target.as_deref().map(lossy)
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "HEAD false Some(\"refs/heads/main\")",
                "refs/heads/main false None",
                "refs/tags/v1 true None"
            ]
        );
    }

    #[test]
    fn without_a_word_about_it_head_is_the_branch_that_git_would_guess() {
        let target = |names: &[(&str, &str)]| {
            let mut lines: Vec<String> = names.iter().map(|(id, name)| format!("{id} {name}\n")).collect();
            lines[0] = format!("{}\0shallow\n", lines[0].trim_end());
            lines.push("0000".to_owned());
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let Advertisement::Version0 { refs, .. } = read(&lines).unwrap() else {
                panic!("version 0")
            };
            refs[0].target.as_deref().map(lossy)
        };
        let head = |name: &str| Some(format!("refs/heads/{name}"));
        assert_eq!(
            target(&[
                (A, "HEAD"),
                (B, "refs/heads/a"),
                (A, "refs/heads/b"),
                (A, "refs/heads/c")
            ]),
            head("b")
        );
        assert_eq!(
            target(&[(A, "HEAD"), (A, "refs/heads/a"), (A, "refs/heads/master")]),
            head("master")
        );
        assert_eq!(
            target(&[(A, "HEAD"), (A, "refs/heads/a"), (B, "refs/heads/master")]),
            head("a")
        );
        assert_eq!(
            target(&[(A, "HEAD"), (B, "refs/heads/a"), (A, "refs/tags/t")]),
            None
        );
    }

    #[test]
    fn an_empty_repository_has_no_refs() {
        let zero = format!("{} capabilities^{{}}\0shallow\n", "0".repeat(40));
        let read = read(&[&zero, "0000"]).unwrap();
        assert_eq!(
            read,
            Advertisement::Version0 {
                capabilities: vec!["shallow".into()],
                refs: Vec::new(),
                shallow: Vec::new()
            }
        );
    }

    #[test]
    fn another_object_format_is_refused() {
        assert!(matches!(
            read(&["version 2\n", "object-format=sha256\n", "0000"]),
            Err(Error::ObjectFormat(_))
        ));
    }
}
