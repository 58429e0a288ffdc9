//! Opening a link: the seal's handshake in two requests over http, one request under TLS.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use relay::{
    link::record::MAGIC,
    seal::{ClientHandshake, Fingerprint, HandshakeError, Keys, LinkId, ServerProof},
};
use thiserror::Error;

use crate::http::{Http, HttpError};

const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug, Error)]
pub enum OpenError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("{0}. If the server was set up anew, ask its administrator for the new fingerprint")]
    Proof(HandshakeError),
    #[error(transparent)]
    Handshake(HandshakeError),
    #[error("what answers at {0} is not a Komado server, or something on the path answered in its place")]
    NotKomado(String),
}

impl From<HandshakeError> for OpenError {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::Certificate(_) => Self::Proof(error),
            other => Self::Handshake(other),
        }
    }
}

/// What opening gives.
pub(super) struct Opened {
    pub link: LinkId,
    pub keys: Option<Keys>,
    pub fingerprint: Option<Fingerprint>,
}

pub(super) async fn open(http: &Http, proof: ServerProof) -> Result<Opened, OpenError> {
    if http.server().is_secure() {
        let answer = http.exchange(Method::POST, "/v1/link", Bytes::from_static(MAGIC), PATIENCE).await?;
        let (link, _) = named(http, &answer)?;
        return Ok(Opened { link, keys: None, fingerprint: None });
    }
    let (handshake, hello) = ClientHandshake::begin(http.server().host(), proof)?;
    let answer = http.exchange(Method::POST, "/v1/link/seal", marked(&hello), PATIENCE).await?;
    let (link, flight) = named(http, &answer)?;
    let (end, keys, fingerprint) = handshake.finish(link, flight)?;
    let path = format!("/v1/link/seal/{link}");
    let answer = http.exchange(Method::POST, &path, marked(&end), PATIENCE).await?;
    if !answer.starts_with(MAGIC) {
        return Err(OpenError::NotKomado(http.server().to_string()));
    }
    Ok(Opened { link, keys: Some(keys), fingerprint: Some(fingerprint) })
}

/// The fingerprint of the certificate that a server shows, whoever made it: for asking a person whether it is right.
pub async fn fingerprint(http: &Http) -> Result<Fingerprint, OpenError> {
    let (handshake, hello) = ClientHandshake::begin(http.server().host(), ServerProof::Unproven)?;
    let answer = http.exchange(Method::POST, "/v1/link/seal", marked(&hello), PATIENCE).await?;
    let (link, flight) = named(http, &answer)?;
    Ok(handshake.finish(link, flight)?.2)
}

/// Finds out whether a server is there and proves itself, without keeping anything open: the beginning of the seal's
/// handshake over http, its health over https.
pub async fn probe(http: &Http, proof: ServerProof) -> Result<(), OpenError> {
    if http.server().is_secure() {
        http.exchange(Method::GET, "/v1/health", Bytes::new(), PATIENCE).await?;
        return Ok(());
    }
    let (handshake, hello) = ClientHandshake::begin(http.server().host(), proof)?;
    let answer = http.exchange(Method::POST, "/v1/link/seal", marked(&hello), PATIENCE).await?;
    let (link, flight) = named(http, &answer)?;
    handshake.finish(link, flight)?;
    Ok(())
}

fn marked(bytes: &[u8]) -> Bytes {
    [MAGIC.as_slice(), bytes].concat().into()
}

fn named<'a>(http: &Http, answer: &'a [u8]) -> Result<(LinkId, &'a [u8]), OpenError> {
    let named = answer.strip_prefix(MAGIC.as_slice()).and_then(<[u8]>::split_first_chunk::<16>);
    let (name, rest) = named.ok_or_else(|| OpenError::NotKomado(http.server().to_string()))?;
    Ok((LinkId(*name), rest))
}
