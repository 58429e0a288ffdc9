//! The rig's proxies are real ones: they carry HTTP on port 80, refuse everything else, and die and return when told.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use komado_tests::capture::{Recorder, Secret};
use komado_tests::namespace::Namespace;
use komado_tests::proxy::{Login, Proxy, Setup};

const ORIGIN: &str = "10.99.0.2:80";
const FORWARD: &str = "127.0.0.1:3128";

#[test]
fn squid_lets_only_port_80_out_and_no_connect() {
    only_port_80(&Setup::Squid { login: None });
}

#[test]
fn tinyproxy_lets_only_port_80_out_and_no_connect() {
    only_port_80(&Setup::Tinyproxy { login: None });
}

#[test]
fn privoxy_lets_only_port_80_out_and_no_connect() {
    only_port_80(&Setup::Privoxy);
}

#[test]
fn squid_and_tinyproxy_ask_for_a_login() {
    for setup in [Setup::Squid { login: Some(login()) }, Setup::Tinyproxy { login: Some(login()) }] {
        let namespace = street();
        let proxy = Proxy::start(&namespace, &setup, forward()).unwrap();
        let without = ask(&namespace, proxy.address(), &get("", ""));
        assert!(without.contains(" 407 ") || without.contains(" 401 "), "{setup:?}: {without}");
        // alice:wonderland
        let header = "Proxy-Authorization: Basic YWxpY2U6d29uZGVybGFuZA==\r\n";
        let with = ask(&namespace, proxy.address(), &get("", header));
        assert!(with.contains(" 200 ") && with.ends_with("the origin"), "{setup:?}: {with}");
    }
}

#[test]
fn reverse_proxies_carry_to_their_origin() {
    let origin = ORIGIN.parse().unwrap();
    for setup in [
        Setup::NginxReverse { origin },
        Setup::NginxStreaming { origin },
        Setup::HaproxyReverse { origin },
        Setup::HaproxyBuffering { origin },
    ] {
        let namespace = street();
        let proxy = Proxy::start(&namespace, &setup, "127.0.0.1:8080".parse().unwrap()).unwrap();
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let answer = ask(&namespace, proxy.address(), request);
        assert!(answer.contains(" 200 ") && answer.contains("the origin"), "{setup:?}: {answer}");
    }
}

#[test]
fn a_killed_squid_refuses_and_a_restarted_one_serves_at_the_same_address() {
    let namespace = street();
    let mut proxy = Proxy::start(&namespace, &Setup::Squid { login: None }, forward()).unwrap();
    proxy.kill().unwrap();
    namespace.connect(forward()).expect_err("nobody listens any more");
    proxy.restart().unwrap();
    let answer = ask(&namespace, proxy.address(), &get("", ""));
    assert!(answer.contains(" 200 "), "{answer}");
    proxy.wait_logged("GET http://10.99.0.2/", Duration::from_secs(10)).unwrap();
}

#[test]
fn a_recorder_before_squid_sees_what_squid_is_told() {
    let namespace = street();
    let proxy = Proxy::start(&namespace, &Setup::Squid { login: None }, forward()).unwrap();
    let recorder = Recorder::start(&namespace, "127.0.0.1:0".parse().unwrap(), proxy.address()).unwrap();
    let answer = ask(&namespace, recorder.address(), &get("", "X-Word: swordfish\r\n"));
    assert!(answer.contains(" 200 "), "{answer}");
    assert_eq!(recorder.findings(&[Secret::text("swordfish"), Secret::h264()]).len(), 1);
}

fn only_port_80(setup: &Setup) {
    let namespace = street();
    let proxy = Proxy::start(&namespace, setup, forward()).unwrap();
    let allowed = ask(&namespace, proxy.address(), &get("", ""));
    assert!(allowed.contains(" 200 ") && allowed.ends_with("the origin"), "{allowed}");
    let other_port = ask(&namespace, proxy.address(), &get(":81", ""));
    assert!(other_port.contains(" 403 "), "port 81 got through: {other_port}");
    for port in [80, 443] {
        let connect = format!("CONNECT 10.99.0.2:{port} HTTP/1.1\r\nHost: 10.99.0.2:{port}\r\n\r\n");
        let refused = ask(&namespace, proxy.address(), &connect);
        assert!(refused.contains(" 403 "), "CONNECT to {port} got through: {refused}");
    }
}

/// A namespace with an origin that answers on ports 80 and 81 of its own address.
fn street() -> Namespace {
    let namespace = Namespace::new().unwrap();
    let origin: SocketAddr = ORIGIN.parse().unwrap();
    namespace.add_host(origin.ip()).unwrap();
    for port in [80, 81] {
        let listener = namespace.listen(SocketAddr::new(origin.ip(), port)).unwrap();
        thread::spawn(move || listener.incoming().for_each(|stream| answer(stream.unwrap())));
    }
    namespace
}

fn answer(mut stream: TcpStream) {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|length| length == 1) {
        seen.push(byte[0]);
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nthe origin";
    // A proxy that only probes has gone already.
    stream.write_all(answer).unwrap_or_default();
}

fn ask(namespace: &Namespace, proxy: SocketAddr, request: &str) -> String {
    let mut stream = namespace.connect(proxy).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&answer)
        && let Ok(length @ 1..) = stream.read(&mut buffer)
    {
        answer.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Whether the head and as much body as it promises are there; without a promise, the close is the end.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|length| length.trim().parse::<usize>().ok());
    length.is_some_and(|length| answer.len() >= head.len() + 4 + length)
}

fn get(port: &str, header: &str) -> String {
    format!("GET http://10.99.0.2{port}/ HTTP/1.1\r\nHost: 10.99.0.2{port}\r\n{header}Connection: close\r\n\r\n")
}

fn forward() -> SocketAddr {
    FORWARD.parse().unwrap()
}

fn login() -> Login {
    Login::new("alice", "wonderland")
}
