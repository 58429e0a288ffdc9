//! Problems as HTTP responses, and what each kind of error becomes.

use crate::call::Refusal;
use crate::chat::ChatRefusal;
use crate::database::DatabaseError;
use crate::delivery::LinkBusy;
use crate::identity::authority::Denied;
use crate::identity::{
    AccountsError, GrantError, HasherError, JoinError, NoRandomness, PictureError, ProfileError, ProofError, ResetError,
};
use crate::tracks::CreateError;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use relay::vocabulary::{Problem, VocabularyError, code};

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");
/// When to try again after an overload, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// A command that was refused: its problem as response, media type `application/problem+json` (RFC 9457).
#[derive(Debug)]
pub struct Refused(pub Problem);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry = self.0.retry_after_ms.map(|milliseconds| milliseconds.div_ceil(1000));
        let mut response = (status, axum::Json(self.0)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, MEDIA_TYPE);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<VocabularyError> for Refused {
    fn from(error: VocabularyError) -> Self {
        Self(Problem::from(&error))
    }
}

impl From<DatabaseError> for Refused {
    fn from(error: DatabaseError) -> Self {
        let detail = "Nothing was changed.";
        Self(match &error {
            DatabaseError::Full => Problem::new(
                507,
                code::DISK_FULL,
                "Nothing was stored. The server's administrator must free some space; then try again.",
            )
            .retry_after_ms(RETRY_MS * 10),
            DatabaseError::Overloaded => Problem::new(
                503,
                code::OVERLOADED,
                format!("Too many wait for the database. {detail} Try again in a moment."),
            )
            .retry_after_ms(RETRY_MS),
            DatabaseError::Unstorable => Problem::new(422, code::INVALID, format!("{error}.")),
            DatabaseError::Unreachable { .. } => {
                tracing::warn!(%error, "a command found no database");
                let detail = "The server's database does not answer. What you asked for may or may not have happened; \
                              try again in a moment.";
                Problem::new(503, code::DATABASE_UNAVAILABLE, detail).retry_after_ms(RETRY_MS)
            }
            other => {
                tracing::error!(error = %other, "the database failed a command");
                Problem::new(503, code::DATABASE_UNAVAILABLE, format!("{detail} The server's log says more."))
                    .retry_after_ms(RETRY_MS * 10)
            }
        })
    }
}

impl From<HasherError> for Refused {
    fn from(error: HasherError) -> Self {
        Self(match error {
            HasherError::Overloaded => {
                Problem::new(503, code::OVERLOADED, "Too many people log in at this moment. Try again shortly.")
                    .retry_after_ms(RETRY_MS)
            }
            HasherError::Unable => internal(&error),
        })
    }
}

impl From<AccountsError> for Refused {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::Hasher(error) => error.into(),
            AccountsError::Database(error) => error.into(),
            AccountsError::Unknown(_) => Self(Problem::new(404, code::NOT_FOUND, format!("{error}."))),
            AccountsError::Taken(_) => Self(Problem::new(409, code::NAME_TAKEN, format!("{error}."))),
            AccountsError::Name(_) | AccountsError::Password => {
                Self(Problem::new(422, code::INVALID, format!("{error}.")))
            }
            AccountsError::Rank => Self(Problem::new(403, code::NOT_ALLOWED, format!("{error}."))),
            AccountsError::LastAdministrator => Self(Problem::new(409, code::LAST_ADMINISTRATOR, format!("{error}."))),
        }
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        let (status, code) = match denied {
            Denied::NoSession => (401, code::NO_SESSION),
            Denied::SessionExpired => (401, code::SESSION_EXPIRED),
            Denied::Role { .. } | Denied::Nobody => (403, code::NOT_ALLOWED),
        };
        Self(Problem::new(status, code, format!("{denied}.")))
    }
}

impl From<ProofError> for Refused {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Hasher(error) => error.into(),
            ProofError::Database(error) => error.into(),
        }
    }
}

impl From<ResetError> for Refused {
    fn from(error: ResetError) -> Self {
        match error {
            ResetError::WrongCode => Self(Problem::new(401, code::WRONG_CODE, format!("{error}."))),
            ResetError::Accounts(error) => error.into(),
            ResetError::NoRandomness(error) => error.into(),
        }
    }
}

impl From<JoinError> for Refused {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::WrongCode => Self(Problem::new(401, code::WRONG_CODE, format!("{error}."))),
            JoinError::InvitationNeeded => Self(Problem::new(403, code::INVITATION_NEEDED, format!("{error}."))),
            JoinError::TooMany => Self(Problem::new(409, code::TOO_MANY, format!("{error}."))),
            JoinError::Accounts(error) => error.into(),
            JoinError::NoRandomness(error) => error.into(),
        }
    }
}

impl From<GrantError> for Refused {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Unknown => Self(Problem::new(404, code::NOT_FOUND, format!("{error}."))),
            GrantError::TooMany => Self(Problem::new(409, code::TOO_MANY, format!("{error}."))),
            GrantError::Database(error) => error.into(),
        }
    }
}

impl From<ProfileError> for Refused {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Picture(error) => {
                let status = if error == PictureError::TooLarge { 413 } else { 422 };
                Self(Problem::new(status, code::UNUSABLE_PICTURE, format!("{error}.")))
            }
            ProfileError::Database(error) => error.into(),
            ProfileError::Disk(error) if error.kind() == std::io::ErrorKind::StorageFull => DatabaseError::Full.into(),
            ProfileError::Disk(_) | ProfileError::Closing => Self(internal(&error)),
        }
    }
}

impl From<NoRandomness> for Refused {
    fn from(error: NoRandomness) -> Self {
        Self(internal(&error))
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match refusal {
            Refusal::InACall => (409, code::IN_A_CALL),
            Refusal::Nobody => (422, code::INVALID),
            Refusal::Unknown => (404, code::NOT_FOUND),
            Refusal::AnsweredElsewhere | Refusal::NotRinging => (409, code::CALL_MOVED_ON),
        };
        Self(Problem::new(status, code, format!("{refusal}.")))
    }
}

impl From<ChatRefusal> for Refused {
    fn from(refusal: ChatRefusal) -> Self {
        let (status, code) = match refusal {
            ChatRefusal::Database(error) => return error.into(),
            ChatRefusal::Contact(refusal) => return refusal.into(),
            ChatRefusal::Unknown
            | ChatRefusal::NoAccount(_)
            | ChatRefusal::Gone(_)
            | ChatRefusal::NotIn
            | ChatRefusal::NoLine(_)
            | ChatRefusal::NotScheduled => (404, code::NOT_FOUND),
            ChatRefusal::NotAllowed(_) => (403, code::NOT_ALLOWED),
            ChatRefusal::Declined => (403, code::CHAT_DECLINED),
            ChatRefusal::NotAccepted | ChatRefusal::NoRequest => (409, code::NOT_ACCEPTED),
            ChatRefusal::Full
            | ChatRefusal::TooManyReactions
            | ChatRefusal::TooManyPins(_)
            | ChatRefusal::TooManyScheduled(..) => (409, code::LIMIT_REACHED),
            ChatRefusal::Alone | ChatRefusal::NoFile(_) | ChatRefusal::NoPicture(_) | ChatRefusal::SendAt => {
                (422, code::INVALID)
            }
        };
        Self(said(status, code, &refusal))
    }
}

/// A problem whose detail is what an error says, as a sentence.
pub(super) fn said(status: u16, code: &'static str, error: &dyn std::fmt::Display) -> Problem {
    let mut detail = format!("{error}.");
    if let Some(first) = detail.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Problem::new(status, code, detail)
}

impl From<CreateError> for Refused {
    fn from(error: CreateError) -> Self {
        let (status, code) = match error {
            CreateError::Taken => (409, code::NAME_TAKEN),
            CreateError::TooMany => (503, code::OVERLOADED),
        };
        Self(Problem::new(status, code, format!("{error}.")))
    }
}

impl From<LinkBusy> for Refused {
    fn from(error: LinkBusy) -> Self {
        Self(Problem::new(503, code::OVERLOADED, format!("{error}.")).retry_after_ms(RETRY_MS))
    }
}

fn internal(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "a command failed inside the server");
    Problem::new(500, code::INTERNAL, "The fault is the server's. Its log says more.")
}
