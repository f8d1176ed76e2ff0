//! What fuzz targets call: each function takes what an adversary sends, and must come back.

use std::io::{Cursor, Read as _};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::advertisement::Advertisement;
use crate::pktline::{self, Demultiplexer};
use crate::report::{self, Report};
use crate::wire::Service;

/// Packet lines, the bands of an answer, and a report.
pub fn packet_lines(data: &[u8]) {
    let mut from = data;
    while let Ok(Some(_)) = pktline::read(&mut from) {}
    let mut cursor = Cursor::new(data);
    let mut heard = Vec::new();
    let mut bytes = Vec::new();
    let mut demultiplexer = Demultiplexer::new(&mut cursor, |text: &[u8]| heard.extend_from_slice(text));
    let _ = demultiplexer.read_to_end(&mut bytes);
    drop(demultiplexer);
    assert!(bytes.len() + heard.len() <= data.len());
    if let Ok(mut report) = Report::read(&mut Cursor::new(bytes)) {
        let text = String::from_utf8_lossy(&heard).into_owned();
        let remarks: Vec<String> = text
            .lines()
            .filter_map(report::remark)
            .map(str::to_owned)
            .collect();
        report.add_remarks(&remarks);
        for name in report.refs.keys() {
            let _ = report.refusal(name).map(|why| report::sign(&why, name));
        }
    }
}

/// What a server says of itself.
pub fn advertisement(data: &[u8]) {
    for service in [Service::UploadPack, Service::ReceivePack] {
        if let Ok(advertisement) = Advertisement::read(&mut Cursor::new(data), service) {
            let _ = (
                advertisement.fetch_has("filter"),
                advertisement.has("atomic"),
                advertisement.value("agent"),
            );
        }
    }
}

/// A pack, received into a directory.
pub fn pack(data: &[u8], directory: &Path) {
    crate::pack::receive_for_fuzzing(data, directory, &AtomicBool::new(false));
}
