//! One connection to the server.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};

use super::response::Ending;
use super::{Request, Response, Shared};

/// Longer than any test wants a server to be silent.
const SILENCE: Duration = Duration::from_secs(3600);

/// Answers requests until either side has had enough. What a client does to a connection is its own affair: errors end it.
pub(super) fn serve(stream: TcpStream, shared: &Shared) {
    let Ok(socket) = stream.try_clone() else { return };
    // Small pieces go out at once; nothing depends on it.
    let _ = stream.set_nodelay(true);
    let ended = match &shared.identity {
        None => exchange(&mut BufReader::new(stream), shared),
        Some(identity) => match ServerConnection::new(identity.config()) {
            Ok(session) => exchange(&mut BufReader::new(StreamOwned::new(session, stream)), shared),
            Err(error) => Err(io::Error::other(error)),
        },
    };
    drop(ended);
    // The clone that ends the connection with the server keeps the socket open otherwise.
    let _ = socket.shutdown(Shutdown::Both);
}

fn exchange<S: Read + Write + Secured>(stream: &mut BufReader<S>, shared: &Shared) -> io::Result<()> {
    loop {
        let mut request = match Request::read_head(stream) {
            Ok(Some(request)) => request,
            Ok(None) => break,
            Err(error) if error.kind() == io::ErrorKind::Other => {
                stream
                    .get_mut()
                    .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?;
                break;
            }
            Err(error) => return Err(error),
        };
        if request.expects_leave() {
            stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            stream.get_mut().flush()?;
        }
        request.read_body(stream)?;
        let response = shared.answer(&request);
        shared.pause(response.delay);
        if shared.stopped() {
            break;
        }
        if !send(stream.get_mut(), &request, &response, shared)? {
            break;
        }
        if request
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
        {
            break;
        }
    }
    stream.get_mut().close()
}

/// Whether the connection goes on after it.
fn send(
    stream: &mut impl Write,
    request: &Request,
    response: &Response,
    shared: &Shared,
) -> io::Result<bool> {
    let body = match response.ending {
        Ending::Nothing => return Ok(false),
        Ending::Whole => &response.body[..],
        Ending::Cut(bytes) | Ending::Stall(bytes) => &response.body[..bytes.min(response.body.len())],
    };
    stream.write_all(response.head().as_bytes())?;
    if request.method != "HEAD" {
        stream.write_all(body)?;
    }
    stream.flush()?;
    if matches!(response.ending, Ending::Stall(_)) {
        shared.pause(SILENCE);
    }
    // A connection that breaks off does so without the good-bye of TLS.
    if matches!(response.ending, Ending::Cut(_)) {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    Ok(!response.closes())
}

/// Ends a connection in good order.
trait Secured {
    fn close(&mut self) -> io::Result<()>;
}

impl Secured for TcpStream {
    fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Secured for StreamOwned<ServerConnection, TcpStream> {
    fn close(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }
}
