//! A small HTTP server that runs `git http-backend`, notes each request, and misbehaves on demand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// How the server differs from a plain one.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    /// Speaks version 0, whatever is asked for.
    pub(crate) version_0: bool,
    /// Wants this `Authorization`.
    pub(crate) login: Option<String>,
    /// Answers `info/refs` with a redirect to this base.
    pub(crate) redirect: Option<String>,
    /// Ends the answer to a request for a pack after so many bytes.
    pub(crate) truncate: Option<usize>,
    /// Answers everything with this status and an HTML page.
    pub(crate) page: Option<u16>,
    /// Refuses to send a pack to who does not say `multi_ack`, as Azure DevOps does.
    pub(crate) wants_multi_ack: bool,
    /// Does not say which branch `HEAD` is.
    pub(crate) no_symref: bool,
    /// Says the second instead of the first in its report on a push, and nothing of it beside the report.
    pub(crate) words: Option<(&'static str, &'static str)>,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    pub(crate) chunked: bool,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Serves the repositories below `root`.
    pub(crate) fn start(root: &Path, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (root, notes) = (root.to_owned(), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (root, behaviour, notes) = (root.clone(), behaviour.clone(), Arc::clone(&notes));
                thread::spawn(move || answer(stream.unwrap(), &root, &behaviour, &notes));
            }
        });
        Self { url, seen }
    }

    /// The requests since the last call.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// A connection broken off by the client is no concern of the server.
fn answer(stream: TcpStream, root: &Path, behaviour: &Behaviour, notes: &Mutex<Vec<Seen>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    let Some((seen, protocol, kind)) = read_request(&mut reader) else {
        return;
    };
    notes.lock().unwrap().push(seen.clone());
    let reply = |stream: &mut TcpStream, status: &str, headers: &str, body: &str| {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let _ = stream.write_all(head.as_bytes());
    };
    if let Some(status) = behaviour.page {
        return reply(
            &mut stream,
            &format!("{status} X"),
            "Content-Type: text/html\r\n",
            "<html>hello</html>",
        );
    }
    if behaviour.login.is_some() && behaviour.login != seen.authorization {
        return reply(
            &mut stream,
            "401 X",
            "WWW-Authenticate: Basic realm=\"x\"\r\n",
            "no",
        );
    }
    let is_fetch = seen.line.starts_with("POST") && seen.line.contains("git-upload-pack");
    let says = |word: &[u8]| seen.body.windows(word.len()).any(|part| part == word);
    if behaviour.wants_multi_ack && is_fetch && !says(b"multi_ack") {
        return reply(
            &mut stream,
            "400 X",
            "Content-Type: text/plain\r\n",
            "TF401041: Clients must support multi-ack.",
        );
    }
    let mut words = seen.line.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    if let Some(to) = behaviour
        .redirect
        .as_ref()
        .filter(|_| target.contains("/info/refs"))
    {
        return reply(&mut stream, "302 X", &format!("Location: {to}{target}\r\n"), "");
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut backend = Command::new("git");
    backend
        .arg("http-backend")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", root)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "someone")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", kind)
        .env("CONTENT_LENGTH", seen.body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(protocol) = protocol.filter(|_| !behaviour.version_0) {
        backend.env("GIT_PROTOCOL", protocol);
    }
    let mut child = backend.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = seen.body.clone();
    let feeding = thread::spawn(move || drop(stdin.write_all(&body)));
    let mut out = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut out).unwrap();
    feeding.join().unwrap();
    child.wait().unwrap();
    if behaviour.no_symref {
        // As long as it was, so that the packet lines stay whole.
        let symref = b" symref=HEAD:refs/heads/main";
        if let Some(at) = out.windows(symref.len()).position(|part| part == symref) {
            out[at..at + symref.len()].copy_from_slice(b" nothin=HEAD:refs/heads/main");
        }
    }
    if let Some(words) = behaviour.words.filter(|_| target.ends_with("/git-receive-pack")) {
        out = reworded(&out, words);
    }
    let _ = stream.write_all(&as_http(&out, behaviour.truncate.filter(|_| method == "POST")));
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(Seen, Option<String>, String)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut seen = Seen {
        line: line.trim().to_owned(),
        authorization: None,
        chunked: false,
        body: Vec::new(),
    };
    let (mut length, mut protocol, mut kind) = (0, None, String::new());
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = header.trim().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => seen.authorization = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap(),
            "transfer-encoding" => seen.chunked = value == "chunked",
            "git-protocol" => protocol = Some(value.to_owned()),
            "content-type" => value.clone_into(&mut kind),
            _ => {}
        }
    }
    if seen.chunked {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut piece = vec![0; size + 2];
            reader.read_exact(&mut piece).ok()?;
            if size == 0 {
                break;
            }
            seen.body.extend(&piece[..size]);
        }
    } else {
        seen.body = vec![0; length];
        reader.read_exact(&mut seen.body).ok()?;
    }
    Some((seen, protocol, kind))
}

/// The answer to a push, in other words: what is on the first band is a report of packet lines, which are written anew.
fn reworded(out: &[u8], (from, to): (&str, &str)) -> Vec<u8> {
    let end = out.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let packet = |data: &[u8]| [format!("{:04x}", data.len() + 4).as_bytes(), data].concat();
    let report: Vec<u8> = packets(&out[end..])
        .into_iter()
        .filter(|data| data[0] == 1)
        .flat_map(|data| data[1..].to_vec())
        .collect();
    let lines = packets(&report).into_iter().flat_map(|line| {
        let line = String::from_utf8(line).unwrap();
        let reworded = match line.split_once(' ') {
            Some(("ng", rest)) => format!("ng {} {to}\n", rest.split(' ').next().unwrap()),
            _ => line.replace(from, to),
        };
        packet(reworded.as_bytes())
    });
    let report: Vec<u8> = [1].into_iter().chain(lines).chain(*b"0000").collect();
    [&out[..end], &packet(&report), b"0000"].concat()
}

/// The data of packet lines up to a flush.
fn packets(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Some((head, rest)) = stream.split_at_checked(4) {
        let length = usize::from_str_radix(std::str::from_utf8(head).unwrap(), 16).unwrap();
        if length < 4 {
            break;
        }
        found.push(rest[..length - 4].to_vec());
        stream = &rest[length - 4..];
    }
    found
}

/// Makes an HTTP answer of a CGI one. A truncated body claims its whole length.
fn as_http(out: &[u8], truncate: Option<usize>) -> Vec<u8> {
    let end = out.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let (head, body) = (std::str::from_utf8(&out[..end]).unwrap(), &out[end + 4..]);
    let status = head
        .lines()
        .find_map(|line| line.strip_prefix("Status: "))
        .unwrap_or("200 OK");
    let length = body.len();
    let mut http =
        format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
            .into_bytes();
    http.extend(&body[..truncate.unwrap_or(length).min(length)]);
    http
}
