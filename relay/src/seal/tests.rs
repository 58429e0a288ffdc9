//! Handshakes, proofs, and records that must not open.

use std::sync::Arc;

use bytes::BytesMut;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;

struct Server {
    config: Arc<rustls::ServerConfig>,
    certificate: CertificateDer<'static>,
}

fn server() -> Server {
    let made = rcgen::generate_simple_self_signed(vec!["komado.test".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    Server { config: server_config(vec![certificate.clone()], key).unwrap(), certificate }
}

fn shake(server: &Server, proof: ServerProof) -> Result<(Keys, Keys, Fingerprint), HandshakeError> {
    let link = LinkId([7; 16]);
    let (client, hello) = ClientHandshake::begin("komado.test", proof)?;
    let (at_server, flight) = ServerHandshake::begin(server.config.clone(), link, &hello)?;
    let (end, client_keys, shown) = client.finish(link, &flight)?;
    Ok((client_keys, at_server.finish(&end)?, shown))
}

#[test]
fn both_ends_seal_and_open_alike() {
    let server = server();
    let pin = Fingerprint::of(&server.certificate);
    let (client, at_server, shown) = shake(&server, ServerProof::Pinned(pin)).unwrap();
    assert_eq!(shown, pin);
    let mut sealer = client.sealer(Direction::Up);
    let mut opener = at_server.opener(Direction::Up);
    // Numbers on both sides of a change of keys, out of order.
    for number in [0, 1, (1 << 20) - 1, 1 << 20, 5, 1 << 21] {
        let mut content = BytesMut::from(&b"hello"[..]);
        let tag = sealer.seal(number, &mut content).unwrap();
        content.extend_from_slice(&tag);
        assert_eq!(content.len(), 5 + TAG_LENGTH);
        assert!(!content.windows(5).any(|bytes| bytes == b"hello"));
        opener.open(number, &mut content).unwrap();
        assert_eq!(&content[..], b"hello");
    }
}

#[test]
fn what_was_changed_or_meant_for_another_does_not_open() {
    let server = server();
    let (client, at_server, _) = shake(&server, ServerProof::Unproven).unwrap();
    let (_, other, _) = shake(&server, ServerProof::Unproven).unwrap();
    let mut sealed = BytesMut::from(&b"hello"[..]);
    let tag = client.sealer(Direction::Up).seal(3, &mut sealed).unwrap();
    sealed.extend_from_slice(&tag);
    assert_eq!(at_server.opener(Direction::Up).open(4, &mut sealed.clone()), Err(OpenError(4)));
    assert_eq!(at_server.opener(Direction::Down).open(3, &mut sealed.clone()), Err(OpenError(3)));
    assert_eq!(other.opener(Direction::Up).open(3, &mut sealed.clone()), Err(OpenError(3)));
    let mut cut = BytesMut::from(&sealed[..9]);
    assert_eq!(at_server.opener(Direction::Up).open(3, &mut cut), Err(OpenError(3)));
    sealed[0] ^= 1;
    assert_eq!(at_server.opener(Direction::Up).open(3, &mut sealed), Err(OpenError(3)));
}

#[test]
fn another_certificate_than_the_pinned_one_is_refused() {
    let pin = Fingerprint::of(&server().certificate);
    let refused = shake(&server(), ServerProof::Pinned(pin));
    assert!(matches!(refused, Err(HandshakeError::Certificate(_))));
    let unknown = ServerProof::Authorities(Arc::new({
        let mut roots = rustls::RootCertStore::empty();
        roots.add(server().certificate.clone()).unwrap();
        roots
    }));
    assert!(matches!(shake(&server(), unknown), Err(HandshakeError::Certificate(_))));
}

#[test]
fn a_handshake_cut_short_or_of_garbage_is_a_clear_error() {
    let server = server();
    let link = LinkId([1; 16]);
    let (client, hello) = ClientHandshake::begin("10.0.0.1", ServerProof::Unproven).unwrap();
    assert!(matches!(
        ServerHandshake::begin(server.config.clone(), link, &hello[..40]),
        Err(HandshakeError::Incomplete)
    ));
    assert!(matches!(ServerHandshake::begin(server.config.clone(), link, b"<html>"), Err(HandshakeError::Tls(_))));
    let (_, flight) = ServerHandshake::begin(server.config.clone(), link, &hello).unwrap();
    assert!(client.finish(link, &flight[..flight.len() / 2]).is_err());
    assert!(matches!(ClientHandshake::begin("no name", ServerProof::Unproven), Err(HandshakeError::Name(_))));
}

#[test]
fn names_of_links_and_fingerprints_are_read_as_written() {
    let link = LinkId(std::array::from_fn(|index| index as u8 * 17));
    assert_eq!(link.to_string().parse(), Ok(link));
    assert!("zz".parse::<LinkId>().is_err());
    let fingerprint = Fingerprint::of(b"certificate");
    assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
    assert_eq!("00".parse::<Fingerprint>(), Err(FingerprintError));
}
