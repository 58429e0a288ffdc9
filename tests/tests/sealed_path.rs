//! The path of the demo, without clients: a real server on port 80 behind a squid that lets nothing else out.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::time::Duration;

use komado_tests::namespace::Namespace;
use komado_tests::product::Server;
use komado_tests::proxy::{Proxy, Setup};

#[test]
fn the_server_answers_through_squid_and_is_the_same_after_a_crash() {
    let namespace = Namespace::new().unwrap();
    namespace.add_host("10.99.0.2".parse().unwrap()).unwrap();
    let squid = Setup::Squid { login: None };
    let proxy = Proxy::start(&namespace, &squid, "127.0.0.1:3128".parse().unwrap()).unwrap();
    let mut server = Server::start(&namespace, "10.99.0.2:80".parse().unwrap(), &[]).unwrap();
    server.add_user("alice", "wonderland", &[]).unwrap();
    assert!(health(&namespace, &proxy).starts_with("HTTP/1.1 200"), "before");
    let fingerprint = server.fingerprint().to_owned();
    server.kill().unwrap();
    server.restart().unwrap();
    assert!(health(&namespace, &proxy).starts_with("HTTP/1.1 200"), "after");
    assert_eq!(server.fingerprint(), fingerprint, "clients pinned this certificate");
    assert!(server.program().terminate(Duration::from_secs(20)).unwrap().success());
}

#[test]
fn over_plain_http_no_command_is_taken() {
    let namespace = Namespace::new().unwrap();
    let server = Server::start(&namespace, "127.0.0.1:80".parse().unwrap(), &[]).unwrap();
    server.add_user("alice", "wonderland", &[]).unwrap();
    let body = r#"{"user":"alice","password":"wonderland","device":"desk"}"#;
    let mut stream = namespace.connect(server.address()).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST /v1/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert!(answer.contains("\"code\"") && !answer.contains("\"session\""), "{answer}");
}

fn health(namespace: &Namespace, proxy: &Proxy) -> String {
    let mut stream = namespace.connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = "GET http://10.99.0.2/v1/health HTTP/1.1\r\nHost: 10.99.0.2\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
