//! Lines on standard input, and what they ask for.

use relay::vocabulary::{CallId, ChatId};
use thiserror::Error;

use super::{account_input, chat_input, people};
use crate::engine::Command;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InputError {
    #[error("\"{0}\" is not a command: `komado --help` lists them all")]
    Unknown(String),
    #[error("write: {0}")]
    Usage(&'static str),
    #[error("no call rings")]
    NoCall,
    #[error("cannot read the password from {path}: {reason}")]
    Password { path: String, reason: String },
}

/// Reads one line; `ringing` is the call that a bare `accept` or `decline` is about. Empty lines ask for nothing.
pub fn parse(line: &str, ringing: Option<CallId>) -> Result<Option<Command>, InputError> {
    let line = line.trim();
    let (word, rest) = split(line);
    let number = |usage| rest.parse().map_err(|_| InputError::Usage(usage));
    let call = |usage| match rest {
        "" => ringing.ok_or(InputError::NoCall),
        text => text.parse().map_err(|_| InputError::Usage(usage)),
    };
    Ok(Some(match word {
        "" => return Ok(None),
        "chat" if !rest.is_empty() => {
            let (with, text) = split(rest);
            Command::OpenChat { with: with.to_owned(), text: Some(text.to_owned()).filter(|text| !text.is_empty()) }
        }
        "chat" => return Err(InputError::Usage("chat NAME [FIRST LINE]")),
        "say" => {
            let (chat, text) = in_chat(rest, "say CHAT TEXT, with the number of a chat")?;
            Command::Say { chat, text: text.to_owned() }
        }
        "call" => Command::Call { chat: number("call CHAT, with the number of a chat")? },
        "accept" => Command::Accept { call: call("accept [CALL], with the number of a call")? },
        "decline" => Command::Decline { call: call("decline [CALL], with the number of a call")? },
        "hangup" => Command::HangUp,
        "logout" => Command::LogOut,
        "quit" => Command::Quit,
        other => match people::parse(other, rest).or_else(|| account_input::parse(other, rest)) {
            Some(command) => command?,
            None => return chat_input::parse(other, rest).map(Some),
        },
    }))
}

/// The first word, and what follows it.
pub(super) fn split(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

/// A chat's number, and what must follow it.
pub(super) fn in_chat<'a>(rest: &'a str, usage: &'static str) -> Result<(ChatId, &'a str), InputError> {
    let (chat, text) = split(rest);
    let chat = chat.parse().map_err(|_| InputError::Usage(usage))?;
    if text.is_empty() { Err(InputError::Usage(usage)) } else { Ok((chat, text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_commands_or_say_what_is_wrong() {
        assert!(
            matches!(parse("  chat bob ", None), Ok(Some(Command::OpenChat { with, text: None })) if with == "bob")
        );
        let first = parse("chat bob Are you there?", None).unwrap();
        assert!(matches!(first, Some(Command::OpenChat { text: Some(text), .. }) if text == "Are you there?"));
        assert!(
            matches!(parse("say 3 hello  you", None), Ok(Some(Command::Say { chat: 3, text })) if text == "hello  you")
        );
        assert!(matches!(parse("accept", Some(7)), Ok(Some(Command::Accept { call: 7 }))));
        assert!(matches!(parse("decline 9", Some(7)), Ok(Some(Command::Decline { call: 9 }))));
        assert!(matches!(parse("", None), Ok(None)));
        assert_eq!(parse("accept", None).unwrap_err(), InputError::NoCall);
        assert!(matches!(parse("say hello", None), Err(InputError::Usage(_))));
        assert!(matches!(parse("say 3", None), Err(InputError::Usage(_))));
        assert!(matches!(parse("dance", None), Err(InputError::Unknown(_))));
    }
}
