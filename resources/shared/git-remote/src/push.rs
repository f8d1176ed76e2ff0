//! Writing to a server: git's send-pack (gitprotocol-pack, "Pushing Data To a Server").

use std::io::{Cursor, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use concourse_resource_sdk::Context;
use git2::{Oid, Repository};

use crate::advertisement::Advertisement;
use crate::decide::{decide_all, to_send, withhold};
use crate::error::{Error, Result};
use crate::pack_to_send::PackToSend;
use crate::pktline::{self, Demultiplexer, FLUSH};
use crate::remote_lines::RemoteLines;
use crate::report::{self, Report, Sign};
use crate::wire::{Body, Service, Wire};
use crate::{AGENT, Push, Pushed, Ref, RefOutcome, Update};

/// Updates refs behind a wire.
pub(crate) fn push(
    wire: &mut dyn Wire,
    repo: &Repository,
    push: &Push<'_>,
    interrupt: &AtomicBool,
    cx: &Context,
) -> Result<Vec<Pushed>> {
    let (advertisement, refs) = advertised(wire)?;
    if !push.options.is_empty() && !advertisement.has("push-options") {
        return Err(Error::NoPushOptions);
    }
    let mut pushed = decide_all(repo, push.updates, &refs)?;
    for pushed in &mut pushed {
        if pushed.outcome == RefOutcome::Deleted && !advertisement.has("delete-refs") {
            pushed.outcome = RefOutcome::RejectedThere("remote does not support deleting refs".to_owned());
        }
    }
    if push.together && withhold(&mut pushed) {
        return Ok(pushed);
    }
    let wanted = to_send(&pushed);
    let is_atomic = push.together && wanted.len() > 1 && advertisement.has("atomic");
    let mut request = Request {
        wire,
        repo,
        push,
        advertisement: &advertisement,
        refs: &refs,
        is_atomic,
        interrupt,
        cx,
    };
    if !push.together || is_atomic || wanted.len() < 2 {
        request.send(&mut pushed, &wanted)?;
    } else {
        let (first, others) = wanted.split_at(1);
        request.send(&mut pushed, first)?;
        if !withhold(&mut pushed) {
            let landed = pushed[first[0]].name.clone();
            let sent = request.send(&mut pushed, others);
            sent.map_err(|error| Error::Partly {
                landed,
                error: Box::new(error),
            })?;
        }
    }
    Ok(pushed)
}

/// What the server says of itself, and its refs.
fn advertised(wire: &mut dyn Wire) -> Result<(Advertisement, Vec<Ref>)> {
    let mut answer = wire.advertise(Service::ReceivePack, false)?;
    let advertisement = Advertisement::read(&mut answer, Service::ReceivePack)?;
    let Advertisement::Version0 { refs, .. } = &advertisement else {
        return Err(Error::Broken(
            "the server answered a push with protocol version 2".to_owned(),
        ));
    };
    let refs = refs.clone();
    Ok((advertisement, refs))
}

/// What the requests of a push have in common.
struct Request<'a> {
    wire: &'a mut dyn Wire,
    repo: &'a Repository,
    push: &'a Push<'a>,
    advertisement: &'a Advertisement,
    refs: &'a [Ref],
    is_atomic: bool,
    interrupt: &'a AtomicBool,
    cx: &'a Context,
}

impl Request<'_> {
    /// Sends some of the updates, and finds out what came of them.
    fn send(&mut self, pushed: &mut [Pushed], wanted: &[usize]) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        if self.interrupt.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let sent: Vec<(&Update, Option<Oid>)> = wanted
            .iter()
            .map(|&index| (&self.push.updates[index], pushed[index].old))
            .collect();
        let head = commands(
            self.repo,
            self.advertisement,
            &sent,
            (self.push.options, self.is_atomic),
        )?;
        let pack = PackToSend::collect(self.repo, &sent, self.refs)?;
        // A request before this one may have been.
        if let Some(sent) = self.push.sent {
            sent.store(false, Ordering::Relaxed);
        }
        let mut answer = send(
            &mut *self.wire,
            &head,
            pack,
            (self.interrupt, self.push.sent),
            self.cx,
        )?;
        let report = read_report(&mut answer, self.advertisement, self.cx)?;
        drop(answer);
        if let Some(report) = report {
            self.settle(pushed, wanted, &report)?;
        }
        Ok(())
    }

    /// What the report, and where it leaves doubts, the refs themselves say.
    fn settle(&mut self, pushed: &mut [Pushed], wanted: &[usize], report: &Report) -> Result<()> {
        let refused: Vec<(usize, String)> = wanted
            .iter()
            .filter_map(|&index| Some((index, report.refusal(&pushed[index].name)?)))
            .collect();
        let sign = |index: usize, why: &str| report::sign(why, &pushed[index].name);
        let signs: Vec<Sign> = refused.iter().map(|(index, why)| sign(*index, why)).collect();
        let is_doubtful = signs.contains(&Sign::Perhaps);
        let now = if is_doubtful {
            Some(advertised(self.wire)?.1)
        } else {
            None
        };
        // Where no update is at fault, the words "another one was" tell nothing.
        let is_one_at_fault = signs.iter().any(|sign| *sign != Sign::Another);
        for ((index, why), sign) in refused.into_iter().zip(signs) {
            let pushed = &mut pushed[index];
            let there = now.as_ref().map(|refs| {
                let found = refs.iter().find(|found| found.name == pushed.name.as_bytes());
                found.map(|found| found.id)
            });
            // Forced, it was meant to lose commits, and the server forbids that.
            let is_forbidden = pushed.outcome == RefOutcome::Forced && why == "non-fast-forward";
            pushed.outcome = match (sign, there) {
                _ if is_forbidden => RefOutcome::RejectedThere(why),
                (Sign::Race, _) => RefOutcome::LostRace(why),
                (Sign::Another, _) if is_one_at_fault => RefOutcome::Withheld,
                // It was set after all.
                (Sign::Perhaps, Some(there)) if there == pushed.new => continue,
                (Sign::Perhaps, Some(there)) if there != pushed.old => RefOutcome::LostRace(why),
                _ => RefOutcome::RejectedThere(why),
            };
        }
        // A server may name a failure of all for each of them.
        if self.is_atomic
            && pushed
                .iter()
                .any(|pushed| matches!(pushed.outcome, RefOutcome::LostRace(_)))
        {
            for pushed in pushed {
                if matches!(&pushed.outcome, RefOutcome::RejectedThere(why) if report::sign(why, &pushed.name) == Sign::Perhaps)
                {
                    pushed.outcome = RefOutcome::Withheld;
                }
            }
        }
        Ok(())
    }
}

/// The part of the request before the pack.
fn commands(
    repo: &Repository,
    advertisement: &Advertisement,
    sent: &[(&Update, Option<Oid>)],
    (push_options, is_atomic): (&[String], bool),
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
    if is_atomic {
        capabilities.push("atomic");
    }
    let broken = |error: std::io::Error| Error::Broken(error.to_string());
    let mut head = Vec::new();
    for cut in crate::read_cuts(repo) {
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
    mut pack: Option<PackToSend<'_>>,
    (interrupt, all_sent): (&AtomicBool, Option<&AtomicBool>),
    cx: &Context,
) -> Result<Box<dyn std::io::BufRead + Send + 'w>> {
    let progress = cx.progress("Sending objects", None);
    let mut write = |out: &mut dyn Write| -> Result<()> {
        let broken = |error: std::io::Error| Error::Broken(error.to_string());
        out.write_all(head).map_err(broken)?;
        if let Some(pack) = &mut pack {
            pack.write(&mut |data| {
                if interrupt.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                progress.add(data.len() as u64);
                out.write_all(data).map_err(broken)
            })?;
        }
        // Over a stream the server has it all now.
        if let Some(all_sent) = all_sent {
            all_sent.store(true, Ordering::Relaxed);
        }
        if interrupt.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        Ok(())
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
    let mut remarks = Vec::new();
    let mut remote = RemoteLines::new(|line| {
        cx.log().line(&line);
        // Some versions say only here that someone was faster.
        remarks.extend(report::remark(&line).map(str::to_owned));
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
            report.add_remarks(&remarks);
            Ok(Some(report))
        }
        (Err(_), Some(failure)) => Err(failure),
        (Err(error), None) => Err(Error::Broken(error.to_string())),
    }
}
