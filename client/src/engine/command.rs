//! What a window, a script or a bot can ask of the engine.

use relay::vocabulary::{CallId, ChatId};

/// How an account proves itself.
#[derive(Clone)]
pub enum Credentials {
    /// Name and password; gives a session.
    Password { user: String, password: String },
    /// A session from an earlier login.
    Session(String),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Password { user, .. } => f.debug_struct("Password").field("user", user).finish_non_exhaustive(),
            Self::Session(_) => f.write_str("Session"),
        }
    }
}

#[derive(Debug, Clone)]
pub enum Command {
    LogIn(Credentials),
    /// Ends the session, here and at the server.
    LogOut,
    /// Opens the chat with an account, by its name.
    OpenChat {
        with: String,
    },
    /// Sends a line. It is sent again until the server has it, and stored there once.
    Say {
        chat: ChatId,
        text: String,
    },
    /// Calls the other member of a chat.
    Call {
        chat: ChatId,
    },
    Accept {
        call: CallId,
    },
    Decline {
        call: CallId,
    },
    /// Ends a call, or stops ringing.
    HangUp,
    /// Ends the engine.
    Quit,
}
