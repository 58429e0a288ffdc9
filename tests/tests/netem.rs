//! The emulated links do what they say, measured through the kernel's own TCP and UDP.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use komado_tests::namespace::Namespace;
use komado_tests::netem::{Link, Shape};

#[test]
fn round_trips_take_the_delay_both_ways() {
    let (near, far, link) = linked(Shape::delayed(30));
    let server = udp(&far, SocketAddr::new(link.far_address(), 7));
    let client = udp(&near, SocketAddr::new(link.near_address(), 0));
    client.connect(server.local_addr().unwrap()).unwrap();
    let echo = thread::spawn(move || {
        let mut buffer = [0; 64];
        for _ in 0..10 {
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            server.send_to(&buffer[..length], from).unwrap();
        }
    });
    let mut trips = Vec::new();
    for n in 0..10u8 {
        let begin = Instant::now();
        client.send(&[n]).unwrap();
        client.recv(&mut [0; 64]).unwrap();
        trips.push(begin.elapsed());
    }
    echo.join().unwrap();
    trips.sort();
    assert!(trips[0] >= Duration::from_millis(60), "too fast: {trips:?}");
    assert!(trips[5] < Duration::from_millis(90), "too slow: {trips:?}");
}

#[test]
fn tcp_gets_about_the_rate() {
    // 8 Mb/s for one megabyte: a second, plus headers and the start.
    let (near, far, link) = linked(Shape::delayed(5).with_rate(8_000_000, 64 * 1024));
    let listener = far.listen(SocketAddr::new(link.far_address(), 80)).unwrap();
    let mut sender = near.connect(listener.local_addr().unwrap()).unwrap();
    let (mut receiver, _) = listener.accept().unwrap();
    let writer = thread::spawn(move || sender.write_all(&vec![0; 1_000_000]).unwrap());
    let begin = Instant::now();
    let received = receiver.read_to_end(&mut Vec::new()).unwrap();
    let took = begin.elapsed();
    writer.join().unwrap();
    assert_eq!(received, 1_000_000);
    assert!(took > Duration::from_millis(900), "faster than the rate: {took:?}");
    assert!(took < Duration::from_millis(4_000), "far slower than the rate: {took:?}");
}

#[test]
fn packets_are_lost_in_their_share_and_tcp_still_delivers() {
    let lossy = Shape::delayed(5).with_loss(0.10);
    let (near, far, link) = linked(lossy);
    let server = udp(&far, SocketAddr::new(link.far_address(), 9));
    let client = udp(&near, SocketAddr::new(link.near_address(), 0));
    for n in 0..2_000u32 {
        client.send_to(&n.to_be_bytes(), server.local_addr().unwrap()).unwrap();
    }
    wait_until("all packets are accounted for", || {
        let counts = link.outward().counts();
        counts.delivered + counts.lost >= 2_000
    });
    let lost = link.outward().counts().lost;
    assert!((120..=280).contains(&lost), "{lost} of 2,000 lost at 10 %");

    let listener = far.listen(SocketAddr::new(link.far_address(), 80)).unwrap();
    let mut sender = near.connect(listener.local_addr().unwrap()).unwrap();
    let (mut receiver, _) = listener.accept().unwrap();
    sender.write_all(&vec![7; 100_000]).unwrap();
    drop(sender);
    assert_eq!(receiver.read_to_end(&mut Vec::new()).unwrap(), 100_000);
}

#[test]
fn a_cut_link_is_silent_and_a_restored_or_reshaped_one_speaks() {
    let (near, far, link) = linked(Shape::delayed(1));
    let server = udp(&far, SocketAddr::new(link.far_address(), 9));
    let client = udp(&near, SocketAddr::new(link.near_address(), 0));
    let there = server.local_addr().unwrap();
    server.set_read_timeout(Some(Duration::from_millis(200))).unwrap();

    link.cut();
    client.send_to(b"lost", there).unwrap();
    server.recv(&mut [0; 16]).expect_err("nothing passes a cut link");

    link.restore();
    link.outward().reshape(Shape::delayed(50));
    server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let begin = Instant::now();
    client.send_to(b"found", there).unwrap();
    assert_eq!(server.recv(&mut [0; 16]).unwrap(), 5);
    assert!(begin.elapsed() >= Duration::from_millis(50));
    assert_eq!(link.outward().counts().cut, 1);
}

fn linked(shape: Shape) -> (Namespace, Namespace, Link) {
    let (near, far) = (Namespace::new().unwrap(), Namespace::new().unwrap());
    let link = Link::symmetric(&near, &far, shape, 42).unwrap();
    (near, far, link)
}

fn udp(namespace: &Namespace, address: SocketAddr) -> UdpSocket {
    let socket = namespace.run(|| UdpSocket::bind(address)).unwrap().unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
