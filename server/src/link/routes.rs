//! The addresses of links: what opens one, what goes up and what comes down.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Extension, State as Shared},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use parking_lot::Mutex;
use relay::{
    MILLISECOND, Micros, SECOND,
    link::{ExchangeId, HEARTBEAT, record::MAGIC},
    seal::{Keys, LinkId},
    vocabulary::{Problem, code},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    down::{LONG_ANSWER_TIME, LongAnswer, short_answer},
    driver::Driver,
    duplex::DuplexAnswer,
    liveness::Patience,
    opening::{Opening, OpeningError, named, unmark},
    pulse::Pulses,
    session::{Answer, Session, SessionError},
    up::{self, UpError},
};
use crate::{
    connections::Origin,
    delivery::{COMMANDS_WAITING, EVENTS_WAITING, LinkHandle},
    http::{
        caller::Peer,
        extract::{Asked, At, Octets},
        problem::Refused,
        router::commands,
        routes::{Listed, Routes},
    },
    mailbox::mailbox,
    state::State,
};

/// Links that may be open at a time. Each costs a task and what it has in flight.
const MAX_LINKS: usize = 20_000;

/// Handshakes and their certificates are not longer.
const MAX_HANDSHAKE: usize = 80 * 1024;

/// The longest time a GET may ask to be held.
const MAX_HOLD: Duration = Duration::from_secs(30);

/// The most padding a long answer may be asked to begin with.
const MAX_PAD: usize = 16 * 1024;

/// How often a client may wish to hear something while its link is at rest.
const BEAT_MIN: Micros = SECOND;
const BEAT_MAX: Micros = 600 * SECOND;

const FAR_PORT: HeaderName = HeaderName::from_static(relay::link::FAR_PORT);
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What the listener serves for links.
pub fn routes(state: &Arc<State>) -> Router {
    let links = Arc::new(Links {
        opening: Opening::new(state.certificate.seal.clone()),
        commands: commands(state),
        state: state.clone(),
        open: Arc::default(),
        pulses: Pulses::new(state.clock),
    });
    exchanges().router.with_state(links)
}

/// The same as a list.
pub(crate) fn listed() -> Vec<Listed> {
    exchanges().listed
}

fn exchanges() -> Routes<Arc<Links>> {
    Routes::new()
        .on_up_to(MAX_HANDSHAKE, Method::POST, "/v1/link", open_inside_tls)
        .on_up_to(MAX_HANDSHAKE, Method::POST, "/v1/link/seal", begin_seal)
        .on_up_to(MAX_HANDSHAKE, Method::POST, "/v1/link/seal/{link}", finish_seal)
        .on(Method::POST, "/v1/link/{link}/up", send_up)
        .on(Method::GET, "/v1/link/{link}/down", bring_down)
        .on(Method::POST, "/v1/link/{link}/duplex", go_both_ways)
}

struct Links {
    state: Arc<State>,
    commands: Router,
    opening: Opening,
    open: Arc<Mutex<HashMap<LinkId, Arc<Session>>>>,
    pulses: Arc<Pulses>,
}

impl Links {
    fn find(&self, name: &str) -> Result<Arc<Session>, Refused> {
        let found = name.parse().ok().and_then(|link: LinkId| self.open.lock().get(&link).cloned());
        let gone = || {
            let detail = "This link has ended, or the server was started anew. Open a new one.";
            Problem::new(StatusCode::GONE.as_u16(), code::LINK_GONE, detail)
        };
        Ok(found.ok_or_else(gone)?)
    }

    /// A long answer of which a client would like to hear each `beat` milliseconds while the link is at rest.
    fn long_answer(&self, beat: Option<u64>) -> Answer {
        let beat = beat.map_or(HEARTBEAT, |beat| beat.saturating_mul(MILLISECOND).clamp(BEAT_MIN, BEAT_MAX));
        Answer::Long { at_rest: Patience::new(self.state.config.dead_after).ask_at_rest(beat) }
    }

    fn open(&self, link: LinkId, keys: Option<Keys>, origin: Origin) -> Result<(), Refused> {
        let session = Arc::new(Session::new(link, keys, self.state.clock, &self.pulses));
        let (commands, commanded) = mailbox(COMMANDS_WAITING);
        let (events, happened) = mailbox(EVENTS_WAITING);
        {
            let mut open = self.open.lock();
            if open.len() >= MAX_LINKS {
                let detail = "The server has as many links as it can carry. Try again in a moment.";
                return Err(Problem::new(503, code::OVERLOADED, detail).retry_after_ms(5_000).into());
            }
            open.insert(link, session.clone());
        }
        let handle = LinkHandle::new(link, commands, events);
        let (address, gauge) = (origin.address, Arc::downgrade(&session));
        let driver = Driver {
            session,
            state: self.state.clone(),
            router: self.commands.clone(),
            listed: self.state.connections.list(origin, handle.clone(), gauge),
            handle,
            address,
            commanded,
            happened,
        };
        let open = self.open.clone();
        tokio::spawn(async move {
            driver.run().await;
            open.lock().remove(&link);
        });
        Ok(())
    }
}

async fn open_inside_tls(
    Shared(links): Shared<Arc<Links>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Octets(body): Octets,
) -> Result<Response, Refused> {
    if !peer.secure {
        let detail = "Over plain http a link must be sealed: begin at /v1/link/seal, or use https.";
        return Err(Problem::new(403, code::NOT_SECURE, detail).into());
    }
    unmark(&body)?;
    let link = links.opening.name()?;
    links.open(link, None, Origin::new(peer.address, false, &headers))?;
    Ok(octets(named(link, &[]).into()))
}

async fn begin_seal(Shared(links): Shared<Arc<Links>>, Octets(body): Octets) -> Result<Response, Refused> {
    Ok(octets(links.opening.begin(&body)?.into()))
}

async fn finish_seal(
    Shared(links): Shared<Arc<Links>>,
    Extension(peer): Extension<Peer>,
    At(link): At<String>,
    headers: HeaderMap,
    Octets(body): Octets,
) -> Result<Response, Refused> {
    let link: LinkId = link.parse().map_err(|_| OpeningError::Unknown)?;
    // A proxy that repeats the request must not be told that the handshake is unknown.
    if !links.open.lock().contains_key(&link) {
        let keys = links.opening.finish(link, &body)?;
        links.open(link, Some(keys), Origin::new(peer.address, true, &headers))?;
    }
    Ok(octets(Bytes::from_static(MAGIC).into()))
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Up {
    /// Number of the exchange.
    x: u64,
}

async fn send_up(
    Shared(links): Shared<Arc<Links>>,
    At(link): At<String>,
    Asked(wish): Asked<Up>,
    body: Body,
) -> Result<Response, Refused> {
    let session = links.find(&link)?;
    match up::take(&session, ExchangeId(wish.x), body).await {
        Ok(answer) => Ok(octets(answer.into())),
        Err(error) => {
            up::note_refused(&session, ExchangeId(wish.x), &error);
            Err(error.into())
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Down {
    /// Number of the exchange.
    x: u64,
    /// Milliseconds to wait for something; absent for a long answer.
    hold: Option<u64>,
    /// Bytes of padding that a long answer begins with.
    #[serde(default)]
    pad: usize,
    /// Milliseconds between signs of life on a long answer while the link is at rest.
    beat: Option<u64>,
}

async fn bring_down(
    Shared(links): Shared<Arc<Links>>,
    At(link): At<String>,
    Asked(wish): Asked<Down>,
) -> Result<Response, Refused> {
    let session = links.find(&link)?;
    let exchange = ExchangeId(wish.x);
    let Some(hold) = wish.hold else {
        session.open_exchange(exchange, links.long_answer(wish.beat)).map_err(UpError::from)?;
        return Ok(octets(Body::new(LongAnswer::new(session, exchange, wish.pad.min(MAX_PAD), LONG_ANSWER_TIME))));
    };
    session.open_exchange(exchange, Answer::Short).map_err(UpError::from)?;
    let hold = Duration::from_millis(hold).min(MAX_HOLD);
    let batch = short_answer(&session, exchange, hold).await.map_err(UpError::from)?;
    Ok(octets(batch.into()))
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Duplex {
    /// Number of the exchange.
    x: u64,
    /// Bytes of padding that the answer begins with.
    #[serde(default)]
    pad: usize,
    /// Milliseconds between signs of life on the answer while the link is at rest.
    beat: Option<u64>,
}

async fn go_both_ways(
    Shared(links): Shared<Arc<Links>>,
    Extension(peer): Extension<Peer>,
    At(link): At<String>,
    Asked(wish): Asked<Duplex>,
    body: Body,
) -> Result<Response, Refused> {
    let session = links.find(&link)?;
    let exchange = ExchangeId(wish.x);
    session.open_exchange(exchange, links.long_answer(wish.beat)).map_err(UpError::from)?;
    session.expect_heartbeats(peer.line.clone());
    let far_port = peer.line.far_port();
    let answer = DuplexAnswer::new(session, exchange, body, wish.pad.min(MAX_PAD), peer.line);
    let mut response = octets(Body::new(answer));
    if let Some(port) = far_port {
        response.headers_mut().insert(FAR_PORT, port.into());
    }
    Ok(response)
}

/// An answer that proxies leave as it is and pass on as it comes.
fn octets(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

impl From<OpeningError> for Refused {
    fn from(error: OpeningError) -> Self {
        let (status, code) = match error {
            OpeningError::Magic | OpeningError::Handshake(_) => (400, code::MALFORMED),
            OpeningError::Unknown => (410, code::LINK_GONE),
            OpeningError::TooMany => (503, code::OVERLOADED),
            OpeningError::Random => (500, code::INTERNAL),
        };
        Problem::new(status, code, format!("{error}.")).into()
    }
}

impl From<UpError> for Refused {
    fn from(error: UpError) -> Self {
        let (status, code) = match &error {
            UpError::Session(SessionError::Ended(_)) => (410, code::LINK_GONE),
            UpError::Session(SessionError::Flooded) => (429, code::OVERLOADED),
            UpError::Session(SessionError::Link(_)) | UpError::Cut => (400, code::MALFORMED),
            UpError::Silent => (408, code::MALFORMED),
            UpError::TooLong => (413, code::TOO_LONG),
        };
        Problem::new(status, code, format!("{error}.")).into()
    }
}
