//! Writing to a server: git's send-pack (gitprotocol-pack, "Pushing Data To a Server").

use std::collections::HashMap;
use std::io::{Cursor, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use concourse_resource_sdk::Context;
use git2::{Oid, Repository};

use crate::advertisement::Advertisement;
use crate::collect::Outgoing;
use crate::decide::{decide, is_sent};
use crate::error::{Error, Result};
use crate::pktline::{self, Demultiplexer, FLUSH};
use crate::remote_lines::RemoteLines;
use crate::report::{self, Report};
use crate::wire::{Body, Service, Wire};
use crate::{AGENT, Ref, RefOutcome, Update};

/// Updates refs behind a wire.
pub(crate) fn push(
    wire: &mut dyn Wire,
    repo: &Repository,
    updates: &[Update],
    push_options: &[String],
    interrupt: &AtomicBool,
    cx: &Context,
) -> Result<Vec<(String, RefOutcome)>> {
    let mut answer = wire.advertise(Service::ReceivePack, false)?;
    let advertisement = Advertisement::read(&mut answer, Service::ReceivePack)?;
    drop(answer);
    let Advertisement::Version0 { refs, .. } = &advertisement else {
        return Err(Error::Broken(
            "the server answered a push with protocol version 2".to_owned(),
        ));
    };
    if !push_options.is_empty() && !advertisement.has("push-options") {
        return Err(Error::NoPushOptions);
    }
    let old = by_name(refs);
    let mut outcomes = Vec::new();
    for update in updates {
        let outcome = match decide(repo, update, old(update))? {
            RefOutcome::Deleted if !advertisement.has("delete-refs") => {
                RefOutcome::RejectedThere("remote does not support deleting refs".to_owned())
            }
            outcome => outcome,
        };
        outcomes.push((update.dst.clone(), outcome));
    }
    let sent: Vec<(&Update, Option<Oid>)> = updates
        .iter()
        .zip(&outcomes)
        .filter(|(_, (_, outcome))| is_sent(outcome))
        .map(|(update, _)| (update, old(update)))
        .collect();
    if sent.is_empty() {
        return Ok(outcomes);
    }
    if interrupt.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    let head = commands(repo, &advertisement, &sent, push_options)?;
    let pack = Outgoing::collect(repo, &sent, refs)?;
    let mut answer = send(wire, &head, pack, interrupt, cx)?;
    let report = read_report(&mut answer, &advertisement, cx)?;
    if let Some(report) = report {
        apply(&mut outcomes, &report);
    }
    Ok(outcomes)
}

/// What the ref of an update points to; a repository may have 100,000 tags, and a push names them all.
pub(crate) fn by_name(refs: &[Ref]) -> impl Fn(&Update) -> Option<Oid> {
    let ids: HashMap<&[u8], Oid> = refs
        .iter()
        .map(|found| (found.name.as_slice(), found.id))
        .collect();
    move |update| ids.get(update.dst.as_bytes()).copied()
}

/// The part of the request before the pack.
fn commands(
    repo: &Repository,
    advertisement: &Advertisement,
    sent: &[(&Update, Option<Oid>)],
    push_options: &[String],
) -> Result<Vec<u8>> {
    let mut capabilities = Vec::new();
    if advertisement.has("agent") {
        capabilities.push(AGENT);
    }
    for wanted in ["report-status", "side-band-64k", "ofs-delta"] {
        if advertisement.has(wanted) {
            capabilities.push(wanted);
        }
    }
    if advertisement.has("object-format") {
        capabilities.push("object-format=sha1");
    }
    if !push_options.is_empty() {
        capabilities.push("push-options");
    }
    let broken = |error: std::io::Error| Error::Broken(error.to_string());
    let mut head = Vec::new();
    let cuts = std::fs::read_to_string(repo.commondir().join("shallow")).unwrap_or_default();
    for cut in cuts.lines() {
        pktline::write(&mut head, format!("shallow {cut}")).map_err(broken)?;
    }
    for (index, (update, old)) in sent.iter().enumerate() {
        let id = |id: Option<Oid>| id.unwrap_or(Oid::ZERO_SHA1);
        let tail = if index == 0 {
            format!("\0 {}", capabilities.join(" "))
        } else {
            String::new()
        };
        let line = format!("{} {} {}{tail}", id(*old), id(update.src), update.dst);
        pktline::write(&mut head, line).map_err(broken)?;
    }
    head.extend(FLUSH);
    if !push_options.is_empty() {
        for option in push_options {
            pktline::write(&mut head, option).map_err(broken)?;
        }
        head.extend(FLUSH);
    }
    Ok(head)
}

fn send<'w>(
    wire: &'w mut dyn Wire,
    head: &[u8],
    mut pack: Option<Outgoing<'_>>,
    interrupt: &AtomicBool,
    cx: &Context,
) -> Result<Box<dyn std::io::BufRead + Send + 'w>> {
    let progress = cx.progress("Sending objects", None);
    let mut write = |out: &mut dyn Write| -> Result<()> {
        let broken = |error: std::io::Error| Error::Broken(error.to_string());
        out.write_all(head).map_err(broken)?;
        let Some(pack) = &mut pack else { return Ok(()) };
        pack.write(&mut |data| {
            if interrupt.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            progress.add(data.len() as u64);
            out.write_all(data).map_err(broken)
        })
    };
    wire.request(Service::ReceivePack, false, Body::Written(&mut write))
}

fn read_report(
    answer: &mut dyn std::io::BufRead,
    advertisement: &Advertisement,
    cx: &Context,
) -> Result<Option<Report>> {
    if !advertisement.has("report-status") {
        return Ok(None);
    }
    if !advertisement.has("side-band-64k") {
        let mut answer = answer;
        return Report::read(&mut answer).map(Some);
    }
    let mut locks = Vec::new();
    let mut remote = RemoteLines::new(|line| {
        cx.log().line(&line);
        // Servers of late say only here that someone was faster.
        if let Some(at) = line.find(report::CANNOT_LOCK) {
            locks.push(line[at..].to_owned());
        }
    });
    let mut bytes = Vec::new();
    let mut demultiplexer = Demultiplexer::new(answer, |text: &[u8]| remote.hear(text));
    let read = demultiplexer.read_to_end(&mut bytes);
    let failure = demultiplexer.failure.take();
    drop(demultiplexer);
    drop(remote);
    match (read, failure) {
        (Ok(_), _) => {
            let mut report = Report::read(&mut Cursor::new(bytes))?;
            report.add_locks(&locks);
            Ok(Some(report))
        }
        (Err(_), Some(failure)) => Err(failure),
        (Err(error), None) => Err(Error::Broken(error.to_string())),
    }
}

fn apply(outcomes: &mut [(String, RefOutcome)], report: &Report) {
    for (name, outcome) in outcomes.iter_mut().filter(|(_, outcome)| is_sent(outcome)) {
        match (report.refs.get(name), &report.unpack_failure) {
            (Some(Ok(())), None) => {}
            (Some(Err(why)), _) => *outcome = RefOutcome::RejectedThere(why.clone()),
            (_, Some(failure)) => *outcome = RefOutcome::RejectedThere(format!("unpack failed: {failure}")),
            (None, None) => {
                *outcome = RefOutcome::RejectedThere("the remote did not report on it".to_owned());
            }
        }
    }
}
