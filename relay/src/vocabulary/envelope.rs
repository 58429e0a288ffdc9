//! The envelopes that carry a command through a link: request and response.

use super::{KEY_MAX, Problem, VERSION, VocabularyError, code};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Longest request, in bytes of JSON: a text of [`super::TEXT_MAX`] with every byte escaped, and its envelope.
pub const REQUEST_MAX: usize = 112 * 1024;
/// Longest response, in bytes of JSON.
pub const RESPONSE_MAX: usize = 1024 * 1024;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];
const PATH_MAX: usize = 512;

/// What can be read from a request even if the request itself cannot: enough to answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Envelope {
    /// The number that the response must carry.
    #[serde(default)]
    pub id: u64,
}

impl Envelope {
    /// Finds the number of a request that [`Request::parse`] refused; 0 if there is none.
    pub fn peek(bytes: &[u8]) -> Self {
        if bytes.len() > REQUEST_MAX {
            return Self { id: 0 };
        }
        serde_json::from_slice(bytes).unwrap_or(Self { id: 0 })
    }
}

/// A command inside a link: the same method, path and body as over plain https.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Chosen by the client, unique among its open requests; the response carries it.
    pub id: u64,
    /// `GET`, `POST`, `PUT`, `DELETE` or `PATCH`.
    pub method: String,
    /// Path and query, from `/v1/`.
    pub path: String,
    /// The client's own name for this command, if it may have to send it again over another link: with the same key it is
    /// carried out once. What `Idempotency-Key` is over https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The body, if the command has one.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
}

impl Request {
    /// A request with a body.
    ///
    /// # Errors
    /// [`VocabularyError::Malformed`] if the body cannot become JSON.
    pub fn new<T: Serialize>(id: u64, method: &str, path: &str, body: &T) -> Result<Self, VocabularyError> {
        let body = serde_json::to_value(body)
            .map_err(|error| VocabularyError::Malformed { what: "body", reason: error.to_string() })?;
        Ok(Self { id, method: method.to_owned(), path: path.to_owned(), key: None, body })
    }

    /// A request without a body.
    pub fn bare(id: u64, method: &str, path: &str) -> Self {
        Self { id, method: method.to_owned(), path: path.to_owned(), key: None, body: Value::Null }
    }

    /// The same with a key.
    #[must_use]
    pub fn keyed(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// The request as payload of a frame of kind `Request`.
    ///
    /// # Errors
    /// [`VocabularyError::TooLong`] beyond [`REQUEST_MAX`]; [`VocabularyError::Invalid`] for a method or path that
    /// the far end would refuse.
    pub fn encode(&self) -> Result<Vec<u8>, VocabularyError> {
        self.checked()?;
        super::encode("request", REQUEST_MAX, self)
    }

    /// Reads a frame's payload.
    ///
    /// # Errors
    /// [`VocabularyError`] for too many bytes, another version, another shape, a method or path that is not allowed.
    pub fn parse(bytes: &[u8]) -> Result<Self, VocabularyError> {
        let request: Self = super::parse("request", REQUEST_MAX, bytes)?;
        request.checked()?;
        Ok(request)
    }

    /// Whether method and path are what they may be; [`Request::parse`] has looked already.
    ///
    /// # Errors
    /// [`VocabularyError`] for a method or path that is not allowed.
    pub fn checked(&self) -> Result<(), VocabularyError> {
        if !METHODS.contains(&self.method.as_str()) {
            return Err(VocabularyError::Invalid {
                what: "method",
                reason: "use GET, POST, PUT, DELETE or PATCH in capitals",
            });
        }
        super::within("path", PATH_MAX, self.path.len())?;
        let plain = self.path.bytes().all(|b| b.is_ascii_graphic());
        if !plain || !self.path.starts_with('/') {
            return Err(VocabularyError::Invalid {
                what: "path",
                reason: "it must begin with '/' and hold only printable ASCII characters",
            });
        }
        if self.key.as_ref().is_some_and(|key| {
            key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic())
        }) {
            return Err(VocabularyError::Invalid { what: "key", reason: "use 1 to 64 visible ASCII characters" });
        }
        Ok(())
    }
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// The request's number.
    pub id: u64,
    /// An HTTP status.
    pub status: u16,
    /// The body; a [`Problem`] if the status is 400 or more.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
}

impl Response {
    /// The answer to a request that went wrong.
    pub fn problem(id: u64, problem: &Problem) -> Self {
        let body = serde_json::to_value(problem).unwrap_or(Value::Null);
        Self { id, status: problem.status, body }
    }

    /// The answer to a request that could not be understood.
    pub fn refused(id: u64, error: &VocabularyError) -> Self {
        Self::problem(id, &Problem::from(error))
    }

    /// The body as what the command promises, or the problem that it met.
    ///
    /// # Errors
    /// The [`Problem`] that the server sent; one of code [`code::MALFORMED`] if the body has another shape than expected.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, Problem> {
        let malformed = |error: serde_json::Error| {
            Problem::new(self.status, code::MALFORMED, format!("The server's answer cannot be understood: {error}"))
        };
        if self.status >= 400 {
            return Err(serde_json::from_value(self.body).unwrap_or_else(malformed));
        }
        serde_json::from_value(self.body).map_err(malformed)
    }

    /// The response as payload of a frame of kind `Response`.
    ///
    /// # Errors
    /// [`VocabularyError::TooLong`] beyond [`RESPONSE_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, VocabularyError> {
        super::encode("response", RESPONSE_MAX, self)
    }

    /// Reads a frame's payload.
    ///
    /// # Errors
    /// [`VocabularyError`] for too many bytes, another version or another shape.
    pub fn parse(bytes: &[u8]) -> Result<Self, VocabularyError> {
        super::parse("response", RESPONSE_MAX, bytes)
    }
}

impl From<&VocabularyError> for Problem {
    fn from(error: &VocabularyError) -> Self {
        let (status, code) = match error {
            VocabularyError::Version { .. } | VocabularyError::NoVersion => (400, code::UNSUPPORTED_VERSION),
            VocabularyError::Malformed { .. } => (400, code::MALFORMED),
            VocabularyError::TooLong { .. } => (413, code::TOO_LONG),
            VocabularyError::Invalid { .. } => (422, code::INVALID),
        };
        let detail = match error {
            VocabularyError::Version { found } => {
                format!(
                    "This server speaks version {VERSION}, the request is of version {found}. Update the older one."
                )
            }
            other => format!("{other}."),
        };
        Self::new(status, code, detail)
    }
}

/// A command or an answer with bytes of its own, as payload of a frame of kind `Bulk`: the length of the envelope in four
/// bytes, big endian, the envelope as JSON, then the bytes. An envelope of a command is a [`Request`] without a body, one
/// of an answer is a [`Response`] whose body says the `size` of the whole that the bytes are a part of.
#[derive(Debug, Clone, PartialEq)]
pub struct Bulk<T> {
    /// The envelope.
    pub envelope: T,
    /// The bytes.
    pub bytes: Bytes,
}

/// Most bytes that an envelope of [`Bulk`] has.
pub const BULK_ENVELOPE_MAX: usize = 4 * 1024;
/// Most bytes beside such an envelope.
pub const BULK_BYTES_MAX: usize = 128 * 1024;

impl<T: Serialize> Bulk<T> {
    /// The payload.
    ///
    /// # Errors
    /// [`VocabularyError::TooLong`] beyond the limits of either part.
    pub fn encode(&self) -> Result<Vec<u8>, VocabularyError> {
        let envelope = super::encode("envelope", BULK_ENVELOPE_MAX, &self.envelope)?;
        super::within("bytes", BULK_BYTES_MAX, self.bytes.len())?;
        let length = u32::try_from(envelope.len()).unwrap_or(u32::MAX);
        Ok([length.to_be_bytes().as_slice(), &envelope, &self.bytes].concat())
    }
}

impl<T: DeserializeOwned> Bulk<T> {
    /// Reads a frame's payload. The bytes share its buffer.
    ///
    /// # Errors
    /// [`VocabularyError`] for too many bytes, an envelope that does not end, another version or another shape.
    pub fn parse(payload: &Bytes) -> Result<Self, VocabularyError> {
        super::within("bulk", 4 + BULK_ENVELOPE_MAX + BULK_BYTES_MAX, payload.len())?;
        let cut = || VocabularyError::Malformed { what: "bulk", reason: "it ends inside its envelope".to_owned() };
        let (length, rest) = payload.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = u32::from_be_bytes(*length) as usize;
        let envelope = rest.get(..length).ok_or_else(cut)?;
        Ok(Self {
            envelope: super::parse("envelope", BULK_ENVELOPE_MAX, envelope)?,
            bytes: payload.slice(4 + length..),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bulk_carries_bytes_behind_its_envelope() {
        let bulk = Bulk {
            envelope: Request::bare(7, "PUT", "/v1/files/ab?at=0"),
            bytes: Bytes::from(vec![0xff; BULK_BYTES_MAX]),
        };
        let payload = Bytes::from(bulk.encode().unwrap());
        assert_eq!(Bulk::parse(&payload), Ok(bulk.clone()));
        assert!(payload.len() <= crate::link::BULK_MAX, "the largest fits a frame of the bulk track");
        for cut in [0, 3, 4, 10] {
            assert!(matches!(Bulk::<Request>::parse(&payload.slice(..cut)), Err(VocabularyError::Malformed { .. })));
        }
        let over = Bulk { bytes: Bytes::from(vec![0; BULK_BYTES_MAX + 1]), ..bulk };
        assert!(matches!(over.encode(), Err(VocabularyError::TooLong { .. })));
        let answer = Bulk { envelope: Response { id: 7, status: 206, body: Value::Null }, bytes: Bytes::new() };
        let payload = Bytes::from(answer.encode().unwrap());
        assert_eq!(Bulk::parse(&payload), Ok(answer));
    }

    #[test]
    fn a_request_is_the_documented_json() {
        let request = Request::new(7, "POST", "/v1/chats/3/messages", &json!({"text": "hi"})).unwrap();
        let bytes = request.encode().unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&bytes).unwrap(),
            json!({"v": 1, "id": 7, "method": "POST", "path": "/v1/chats/3/messages", "body": {"text": "hi"}})
        );
        assert_eq!(Request::parse(&bytes).unwrap(), request);
        let keyed = request.keyed("k-1");
        let bytes = keyed.encode().unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap()["key"], json!("k-1"));
        assert_eq!(Request::parse(&bytes).unwrap(), keyed);
        for bad in [String::new(), "k".repeat(KEY_MAX + 1), "two words".into(), "\r\nx: y".into(), "鍵".into()] {
            let refused = keyed.clone().keyed(bad).encode();
            assert!(matches!(refused, Err(VocabularyError::Invalid { what: "key", .. })), "{refused:?}");
        }
    }

    #[test]
    fn what_cannot_be_understood_says_why() {
        let parse = |text: &str| Request::parse(text.as_bytes()).unwrap_err();
        assert_eq!(parse(r#"{"v":9,"id":1}"#), VocabularyError::Version { found: 9 });
        assert_eq!(parse(r#"{"id":1,"method":"GET","path":"/"}"#), VocabularyError::NoVersion);
        assert!(matches!(parse("[]"), VocabularyError::Malformed { .. }));
        assert!(matches!(parse(r#"{"v":1,"id":-1,"method":"GET","path":"/"}"#), VocabularyError::Malformed { .. }));
        assert!(matches!(parse(r#"{"v":1,"id":1,"method":"get","path":"/"}"#), VocabularyError::Invalid { .. }));
        assert!(matches!(parse(r#"{"v":1,"id":1,"method":"GET","path":"v1"}"#), VocabularyError::Invalid { .. }));
        assert!(matches!(parse(&"[".repeat(4000)), VocabularyError::Malformed { .. }));
        assert!(matches!(parse(&" ".repeat(REQUEST_MAX + 1)), VocabularyError::TooLong { .. }));
        assert_eq!(Envelope::peek(br#"{"v":9,"id":44,"method":3}"#).id, 44);
        assert_eq!(Envelope::peek(b"garbage").id, 0);
    }

    #[test]
    fn unknown_fields_are_ignored() {
        let request = Request::parse(br#"{"v":1,"id":1,"method":"GET","path":"/v1/chats","colour":"red"}"#).unwrap();
        assert_eq!(request, Request::bare(1, "GET", "/v1/chats"));
    }

    #[test]
    fn a_response_gives_its_body_or_its_problem() {
        let fine = Response { id: 1, status: 201, body: json!({"sequence": 4, "at": 9}) };
        let fine = Response::parse(&fine.encode().unwrap()).unwrap();
        assert_eq!(fine.read::<crate::vocabulary::MessageAccepted>().unwrap().sequence, 4);
        let refused = Response::refused(2, &VocabularyError::Version { found: 3 });
        let problem = refused.read::<Value>().unwrap_err();
        assert_eq!((problem.status, &*problem.code), (400, code::UNSUPPORTED_VERSION));
    }

    #[test]
    fn the_longest_text_fits_into_a_request_however_it_is_escaped() {
        let text = "\u{1}".repeat(crate::vocabulary::TEXT_MAX);
        let body = crate::vocabulary::SendMessage::line(text, "k".repeat(crate::vocabulary::KEY_MAX));
        let request = Request::new(u64::MAX, "POST", "/v1/chats/1/messages", &body).unwrap();
        assert!(request.encode().is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_parsers_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = (Request::parse(&bytes), Response::parse(&bytes), Envelope::peek(&bytes));
            let _ = (crate::vocabulary::Event::parse(&bytes), crate::vocabulary::Message::parse(&bytes));
            let _ = Bulk::<Request>::parse(&Bytes::from(bytes));
        }
    }
}
