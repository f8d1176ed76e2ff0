use std::time::Instant;

use super::*;

/// A server that sends back what it gets, and ends when the client does.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut copy = stream.try_clone().unwrap();
                let _ = io::copy(&mut stream, &mut copy);
                let _ = copy.shutdown(Shutdown::Write);
            });
        }
    });
    address
}

fn proxy(fault: Fault) -> FaultProxy {
    let proxy = FaultProxy::start(echo());
    proxy.set(fault);
    proxy
}

/// Sends bytes in a thread and reads what comes back until the end, or an error.
fn echoed(proxy: &FaultProxy, sent: usize) -> (usize, io::Result<()>) {
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut writing = stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        let _ = writing.write_all(&vec![b'x'; sent]);
        let _ = writing.shutdown(Shutdown::Write);
    });
    let mut back = Vec::new();
    let ended = stream.read_to_end(&mut back).map(|_| ());
    writer.join().unwrap();
    (back.len(), ended)
}

#[test]
fn a_good_network_passes_everything_and_counts_it() {
    let proxy = proxy(Fault::Pass);
    let (count, ended) = echoed(&proxy, 300_000);
    ended.unwrap();
    assert_eq!(count, 300_000);
    assert_eq!(proxy.connections(), 1);
    assert_eq!(
        (proxy.bytes(Direction::ToServer), proxy.bytes(Direction::ToClient)),
        (300_000, 300_000)
    );
}

#[test]
fn a_cut_ends_the_connection_after_so_many_bytes() {
    let proxy = proxy(Fault::CutAfter(Direction::ToClient, 1000));
    let (count, ended) = echoed(&proxy, 1500);
    assert_eq!(count, 1000);
    ended.unwrap();
    assert_eq!(proxy.bytes(Direction::ToClient), 1000);
}

#[test]
fn a_reset_is_an_error() {
    for fault in [
        Fault::ResetAfter(Direction::ToServer, 1000),
        Fault::ResetAfter(Direction::ToServer, 0),
    ] {
        let (_, ended) = echoed(&proxy(fault), 300_000);
        assert_eq!(
            ended.unwrap_err().kind(),
            io::ErrorKind::ConnectionReset,
            "{fault:?}"
        );
    }
}

#[test]
fn a_stall_lasts_until_the_network_is_good_again() {
    let proxy = proxy(Fault::StallAfter(Direction::ToClient, 1000));
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    stream.write_all(&[b'x'; 1500]).unwrap();
    let mut back = vec![0; 1500];
    stream.read_exact(&mut back[..1000]).unwrap();
    assert_eq!(
        stream.read(&mut back[1000..]).unwrap_err().kind(),
        io::ErrorKind::WouldBlock
    );
    proxy.set(Fault::Pass);
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.read_exact(&mut back[1000..]).unwrap();
}

#[test]
fn a_slow_network_takes_its_time() {
    let proxy = proxy(Fault::Slow(10_000));
    let started = Instant::now();
    let (count, ended) = echoed(&proxy, 5000);
    ended.unwrap();
    assert_eq!(count, 5000);
    let took = started.elapsed();
    assert!(
        took > Duration::from_millis(400) && took < Duration::from_secs(3),
        "{took:?}"
    );
}

#[test]
fn refusal_is_of_the_port_and_can_be_taken_back() {
    let proxy = proxy(Fault::Refuse);
    let refused = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    proxy.set(Fault::Pass);
    assert_eq!(echoed(&proxy, 10).0, 10);
    proxy.set(Fault::Refuse);
    TcpStream::connect(proxy.address()).unwrap_err();
}

#[test]
fn dropping_it_ends_its_connections() {
    let proxy = proxy(Fault::Pass);
    let address = proxy.address();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    drop(proxy);
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    TcpStream::connect(address).unwrap_err();
}
