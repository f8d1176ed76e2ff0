//! Reading from a server: refs and packs.

use std::io::{BufRead, Write as _};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use concourse_resource_sdk::Context;
use git2::Oid;

use crate::advertisement::{Advertisement, id_and_rest, parse_id};
use crate::error::{Error, Result};
use crate::pack;
use crate::pktline::{self, DELIMITER, FLUSH, Line};
use crate::wire::{Body, Service, Wire};
use crate::{AGENT, Depth, Fetch, FetchOutcome, Fetched, Filter, Ref};

/// The depth by which git says "all of it".
const INFINITE_DEPTH: u32 = 0x7fff_ffff;

/// A server's `git-upload-pack`.
pub(crate) struct Upload {
    wire: Box<dyn Wire>,
    advertisement: Option<Advertisement>,
}

impl Upload {
    pub(crate) fn new(wire: Box<dyn Wire>) -> Self {
        Self {
            wire,
            advertisement: None,
        }
    }

    pub(crate) fn wire(&mut self) -> &mut dyn Wire {
        self.wire.as_mut()
    }

    pub(crate) fn is_version_2(&mut self) -> Result<bool> {
        Ok(matches!(self.advertisement()?, Advertisement::Version2 { .. }))
    }

    /// Whether a commit may be asked for that no advertised ref points to.
    pub(crate) fn supports_any_want(&mut self) -> Result<bool> {
        let advertisement = self.advertisement()?;
        let is_allowed = |kind| advertisement.has(&format!("allow-{kind}-sha1-in-want"));
        Ok(matches!(advertisement, Advertisement::Version2 { .. })
            || ["any", "reachable", "tip"].into_iter().any(is_allowed))
    }

    /// Whether every commit of the history may be asked for, so that a refusal tells that it has no such commit.
    pub(crate) fn serves_any_commit(&mut self) -> Result<bool> {
        let advertisement = self.advertisement()?;
        let is_allowed = |kind| advertisement.has(&format!("allow-{kind}-sha1-in-want"));
        // With "tip" alone, only refs that are hidden are served beside the others.
        Ok(matches!(advertisement, Advertisement::Version2 { .. })
            || ["any", "reachable"].into_iter().any(is_allowed))
    }

    /// Whether a history can be fetched without its older part.
    pub(crate) fn supports_depth(&mut self) -> Result<bool> {
        Ok(self.advertisement()?.fetch_has("shallow"))
    }

    pub(crate) fn supports_filter(&mut self) -> Result<bool> {
        Ok(self.advertisement()?.fetch_has("filter"))
    }

    fn advertisement(&mut self) -> Result<&Advertisement> {
        if self.advertisement.is_none() {
            let mut answer = self.wire.advertise(Service::UploadPack, true)?;
            self.advertisement = Some(Advertisement::read(&mut answer, Service::UploadPack)?);
        }
        self.advertisement.as_ref().ok_or(Error::Interrupted)
    }

    pub(crate) fn refs(&mut self, prefixes: &[&str]) -> Result<Vec<Ref>> {
        let wanted = |found: &Ref| {
            prefixes.is_empty()
                || prefixes
                    .iter()
                    .any(|prefix| found.name.starts_with(prefix.as_bytes()))
        };
        if let Advertisement::Version0 { refs, .. } = self.advertisement()? {
            return Ok(refs.iter().filter(|&found| wanted(found)).cloned().collect());
        }
        let mut body = Vec::new();
        self.begin(&mut body, "ls-refs")?;
        for argument in ["peel\n", "symrefs\n"] {
            line(&mut body, argument)?;
        }
        for prefix in prefixes {
            line(&mut body, format!("ref-prefix {prefix}\n"))?;
        }
        body.extend(FLUSH);
        let mut answer = self.wire.request(Service::UploadPack, true, Body::Whole(body))?;
        let mut refs = Vec::new();
        while let Line::Data(data) = pktline::expect(&mut answer)? {
            // A server may send more than it was asked for.
            refs.extend(advertised(pktline::text(&data))?.filter(wanted));
        }
        Ok(refs)
    }

    /// The head of a command of version 2.
    fn begin(&mut self, body: &mut Vec<u8>, command: &str) -> Result<()> {
        let format = self.advertisement()?.has("object-format");
        line(body, format!("command={command}\n"))?;
        line(body, format!("{AGENT}\n"))?;
        if format {
            line(body, "object-format=sha1\n")?;
        }
        body.extend(DELIMITER);
        Ok(())
    }

    pub(crate) fn fetch(
        &mut self,
        git_dir: &Path,
        fetch: &Fetch,
        interrupt: &AtomicBool,
        cx: &Context,
    ) -> Result<FetchOutcome> {
        if fetch.wants.is_empty() {
            return Ok(FetchOutcome::Fetched(Fetched::default()));
        }
        if fetch.need_common && fetch.haves.is_empty() {
            return Ok(FetchOutcome::NothingInCommon);
        }
        if self.is_version_2()? {
            return self.fetch_2(git_dir, fetch, interrupt, cx);
        }
        if fetch.need_common {
            return Err(Error::Broken(
                "the server cannot tell what is in common".to_owned(),
            ));
        }
        self.fetch_0(git_dir, fetch, interrupt, cx)
            .map(FetchOutcome::Fetched)
    }

    /// One round where the server knows all of `haves` or there are none, two otherwise.
    fn fetch_2(
        &mut self,
        git_dir: &Path,
        fetch: &Fetch,
        interrupt: &AtomicBool,
        cx: &Context,
    ) -> Result<FetchOutcome> {
        let mut common: Vec<Oid> = Vec::new();
        for done in [fetch.haves.is_empty(), true] {
            let haves = if done { &common } else { &fetch.haves };
            let body = self.fetch_body(fetch, haves, done)?;
            let mut answer = self.wire.request(Service::UploadPack, true, Body::Whole(body))?;
            let mut fetched = Fetched::default();
            match sections(&mut answer, &mut fetched)? {
                Sections::Pack => {
                    fetched.pack = pack::receive(&mut answer, git_dir, interrupt, cx)?;
                    return Ok(FetchOutcome::Fetched(fetched));
                }
                Sections::Common(known) => common = known,
            }
            if done {
                break;
            }
            if common.is_empty() && fetch.need_common {
                return Ok(FetchOutcome::NothingInCommon);
            }
        }
        Err(Error::Broken("it ended without a pack".to_owned()))
    }

    fn fetch_body(&mut self, fetch: &Fetch, haves: &[Oid], done: bool) -> Result<Vec<u8>> {
        let filter = self.supports_filter()?;
        let shallow = self.advertisement()?.fetch_has("shallow");
        let mut body = Vec::new();
        self.begin(&mut body, "fetch")?;
        line(&mut body, "ofs-delta\n")?;
        if fetch.include_tags {
            line(&mut body, "include-tag\n")?;
        }
        if shallow {
            cut(&mut body, fetch)?;
        }
        if let (true, Some(filter)) = (filter, filter_line(fetch.filter)) {
            line(&mut body, format!("{filter}\n"))?;
        }
        for id in &fetch.wants {
            line(&mut body, format!("want {id}\n"))?;
        }
        for id in haves {
            line(&mut body, format!("have {id}\n"))?;
        }
        if done {
            line(&mut body, "done\n")?;
        }
        body.extend(FLUSH);
        Ok(body)
    }

    /// Version 0, without negotiating in rounds: one request, one answer. Some servers refuse clients that do not say how they would
    /// negotiate (Azure DevOps, `CodeCommit`).
    fn fetch_0(
        &mut self,
        git_dir: &Path,
        fetch: &Fetch,
        interrupt: &AtomicBool,
        cx: &Context,
    ) -> Result<Fetched> {
        let advertisement = self.advertisement()?;
        let mut capabilities = vec![AGENT];
        for wanted in ["side-band-64k", "ofs-delta", "shallow", "filter", "include-tag"] {
            if advertisement.has(wanted) && (wanted != "include-tag" || fetch.include_tags) {
                capabilities.push(wanted);
            }
        }
        let acknowledging = ["multi_ack_detailed", "multi_ack"]
            .into_iter()
            .find(|&wanted| advertisement.has(wanted));
        capabilities.extend(acknowledging);
        if !capabilities.contains(&"side-band-64k") {
            return Err(Error::Broken(
                "the server is too old: it cannot multiplex its answer".to_owned(),
            ));
        }
        let (shallow, filter) = (
            capabilities.contains(&"shallow"),
            capabilities.contains(&"filter"),
        );
        let mut body = Vec::new();
        for (index, id) in fetch.wants.iter().enumerate() {
            let tail = if index == 0 {
                format!(" {}", capabilities.join(" "))
            } else {
                String::new()
            };
            line(&mut body, format!("want {id}{tail}\n"))?;
        }
        if shallow {
            cut(&mut body, fetch)?;
        }
        if let (true, Some(filter)) = (filter, filter_line(fetch.filter)) {
            line(&mut body, format!("{filter}\n"))?;
        }
        body.extend(FLUSH);
        for id in &fetch.haves {
            line(&mut body, format!("have {id}\n"))?;
        }
        line(&mut body, "done\n")?;
        let deepens = shallow && fetch.depth != Depth::Keep;
        let mut fetched = Fetched::default();
        if let (false, Advertisement::Version0 { shallow, .. }) = (deepens, self.advertisement()?) {
            // Unlike version 2, it says where its own history is cut before it is asked.
            fetched.new_shallow = shallow
                .iter()
                .copied()
                .filter(|id| !fetch.shallow.contains(id))
                .collect();
        }
        let mut answer = self.wire.request(Service::UploadPack, false, Body::Whole(body))?;
        if deepens {
            while let Line::Data(data) = pktline::expect(&mut answer)? {
                cut_line(pktline::text(&data), &mut fetched)?;
            }
        }
        skip_acknowledgments(&mut answer)?;
        fetched.pack = pack::receive(&mut answer, git_dir, interrupt, cx)?;
        Ok(fetched)
    }
}

/// Reads what comes before the pack in version 0: a line for each common commit, such as `ACK <id> common`, and then the last one, which is
/// `ACK <id>` or `NAK`; without `multi_ack` that one alone.
fn skip_acknowledgments(answer: &mut dyn BufRead) -> Result<()> {
    let mut answer = answer;
    loop {
        let Line::Data(data) = pktline::expect(&mut answer)? else {
            return Err(Error::Broken("it does not say what is in common".to_owned()));
        };
        let mut words = pktline::text(&data).split(|&byte| byte == b' ');
        match (words.next(), words.nth(1)) {
            (Some(b"ACK"), Some(b"common" | b"continue" | b"ready")) => {}
            (Some(b"ACK" | b"NAK"), None) => return Ok(()),
            (Some(b"ERR"), _) => return Err(Error::refused(&String::from_utf8_lossy(&data[4..]))),
            _ => {
                let line = String::from_utf8_lossy(&data).trim_end().to_owned();
                return Err(Error::Broken(format!("the line \"{line}\" acknowledges nothing")));
            }
        }
    }
}

enum Sections {
    /// The pack comes next.
    Pack,
    /// The answer ended; these commits are known there.
    Common(Vec<Oid>),
}

/// Reads the sections before the pack.
fn sections(answer: &mut dyn BufRead, fetched: &mut Fetched) -> Result<Sections> {
    let mut answer = answer;
    let mut common = Vec::new();
    loop {
        let Line::Data(head) = pktline::expect(&mut answer)? else {
            return Ok(Sections::Common(common));
        };
        let head = pktline::text(&head).to_vec();
        if head == b"packfile" {
            return Ok(Sections::Pack);
        }
        loop {
            match pktline::expect(&mut answer)? {
                Line::Data(data) => match head.as_slice() {
                    b"acknowledgments" => {
                        if let Some(id) = pktline::text(&data).strip_prefix(b"ACK ") {
                            common.push(parse_id(id)?);
                        }
                    }
                    b"shallow-info" => cut_line(pktline::text(&data), fetched)?,
                    _ => {}
                },
                Line::Delimiter => break,
                Line::Flush | Line::End => return Ok(Sections::Common(common)),
            }
        }
    }
}

/// Reads `<id> <name>[ symref-target:<name>][ peeled:<id>]`; none for an unborn `HEAD`.
fn advertised(text: &[u8]) -> Result<Option<Ref>> {
    if text.starts_with(b"unborn ") {
        return Ok(None);
    }
    let (id, rest) = id_and_rest(text)?;
    // The name of a ref has no blank.
    let mut words = rest.split(|&byte| byte == b' ');
    let mut found = Ref {
        name: words.next().unwrap_or_default().to_vec(),
        id,
        peeled: None,
        target: None,
    };
    for word in words {
        if let Some(target) = word.strip_prefix(b"symref-target:") {
            found.target = Some(target.to_vec());
        } else if let Some(id) = word.strip_prefix(b"peeled:") {
            found.peeled = Some(parse_id(id)?);
        }
    }
    Ok(Some(found))
}

fn cut(body: &mut Vec<u8>, fetch: &Fetch) -> Result<()> {
    for id in &fetch.shallow {
        line(body, format!("shallow {id}\n"))?;
    }
    match fetch.depth {
        Depth::Keep => Ok(()),
        Depth::To(depth) => line(body, format!("deepen {}\n", depth.clamp(1, INFINITE_DEPTH))),
        Depth::Unlimited => line(body, format!("deepen {INFINITE_DEPTH}\n")),
    }
}

fn cut_line(text: &[u8], fetched: &mut Fetched) -> Result<()> {
    if let Some(id) = text.strip_prefix(b"shallow ") {
        fetched.new_shallow.push(parse_id(id)?);
    } else if let Some(id) = text.strip_prefix(b"unshallow ") {
        fetched.unshallow.push(parse_id(id)?);
    }
    Ok(())
}

fn filter_line(filter: Filter) -> Option<&'static str> {
    match filter {
        Filter::None => None,
        Filter::BlobNone => Some("filter blob:none"),
        Filter::TreeZero => Some("filter tree:0"),
    }
}

fn line(body: &mut Vec<u8>, text: impl AsRef<[u8]>) -> Result<()> {
    pktline::write(body, text)
        .and_then(|()| body.flush())
        .map_err(|error| Error::Broken(error.to_string()))
}
