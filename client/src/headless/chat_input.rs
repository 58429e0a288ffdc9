//! Lines about chats on standard input, beyond `chat` and `say`.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use relay::vocabulary::{AskIn, Change, ChangeChat, ChatRole, SendMessage, SetRole};

use super::input::{InputError, in_chat, split};
use crate::engine::{Attach, Command, InChat, Place};

/// Longest voice message, in seconds.
const VOICE_MAX: u64 = 3_600;

/// What `komado --help` says of them.
pub(super) const HELP: &str = "\
  Chats: chats [ignored] · chat NAME [FIRST LINE] · group-chat NAME,NAME[,…] [NAME OF THE CHAT] [| FIRST LINE]
    accept-chat CHAT · decline-chat CHAT · ignore-chat CHAT · invite CHAT NAME,NAME[,…] [TEXT] · members CHAT
    leave CHAT · remove CHAT ACCOUNT · role CHAT ACCOUNT member|moderator|owner
    name CHAT [NAME] · picture CHAT FILE|none · keep CHAT SECONDS|forever
  Lines: say CHAT TEXT · reply CHAT LINE TEXT · edit CHAT LINE TEXT · delete CHAT LINE · silent CHAT TEXT
    react CHAT LINE EMOJI · unreact CHAT LINE EMOJI · pin CHAT LINE · unpin CHAT LINE · pins CHAT
    send CHAT FILE [TEXT] · voice CHAT SECONDS · fetch FILE PATH · thumbnail FILE PATH
    later CHAT SECONDS TEXT · scheduled CHAT · take-back CHAT NUMBER
  Reading: read CHAT [LINE] · older CHAT · newer CHAT · around CHAT LINE · newest CHAT
    search TEXT · search-in CHAT TEXT · search-on NUMBER TEXT · watch CHAT · unwatch CHAT · typing CHAT on|off";

/// Reads a line whose first word was `word`.
pub(super) fn parse(word: &str, rest: &str) -> Result<Command, InputError> {
    let (chat, after) = split(rest);
    let act = |usage, act| Ok(Command::InChat { chat: number(chat, usage)?, act });
    match word {
        "group-chat" => {
            let usage = "group-chat NAME,NAME[,…] [NAME OF THE CHAT] [| FIRST LINE]";
            let names = names(chat).ok_or(InputError::Usage(usage))?;
            let (name, text) = after.split_once('|').unwrap_or((after, ""));
            let text = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
            Ok(Command::OpenGroup { names, name: name.trim().to_owned(), text })
        }
        "fetch" | "thumbnail" => {
            let usage = InputError::Usage("fetch FILE PATH, or thumbnail, with the id of a file");
            if chat.is_empty() || after.is_empty() {
                return Err(usage);
            }
            let (file, to) = (chat.to_owned(), PathBuf::from(after));
            Ok(Command::Fetch { file, to, small: word == "thumbnail" })
        }
        "search" if !rest.is_empty() => Ok(Command::Search { query: rest.to_owned(), chat: None, before: None }),
        "search" => Err(InputError::Usage("search TEXT")),
        "search-in" => {
            let (chat, query) = in_chat(rest, "search-in CHAT TEXT")?;
            Ok(Command::Search { query: query.to_owned(), chat: Some(chat), before: None })
        }
        "search-on" => {
            let usage = "search-on NUMBER TEXT, with the `next` of what was found before";
            let before = Some(number(chat, usage)?);
            Ok(Command::Search { query: filled(after, usage)?, chat: None, before })
        }
        "chats" => match rest {
            "" => Ok(Command::ListChats { ignored: false }),
            "ignored" => Ok(Command::ListChats { ignored: true }),
            _ => Err(InputError::Usage("chats, or chats ignored")),
        },
        "picture" => {
            let usage = "picture CHAT FILE|none";
            let file = filled(after, usage)?;
            act(usage, InChat::Picture(if file == "none" { None } else { Some(PathBuf::from(file)) }))
        }
        "accept-chat" => act("accept-chat CHAT", InChat::Accept),
        "decline-chat" => act("decline-chat CHAT", InChat::Decline),
        "ignore-chat" => act("ignore-chat CHAT", InChat::Ignore),
        "members" => act("members CHAT", InChat::Members),
        "leave" => act("leave CHAT", InChat::Leave),
        "older" => act("older CHAT", InChat::Look(Place::Older)),
        "newer" => act("newer CHAT", InChat::Look(Place::Newer)),
        "newest" => act("newest CHAT", InChat::ShowNewest),
        "pins" => act("pins CHAT", InChat::Pins),
        "scheduled" => act("scheduled CHAT", InChat::Scheduled),
        "watch" => act("watch CHAT", InChat::Watch(true)),
        "unwatch" => act("unwatch CHAT", InChat::Watch(false)),
        "name" => {
            let change = ChangeChat { name: Some(after.to_owned()), ..ChangeChat::default() };
            act("name CHAT [NAME]", InChat::Describe(change))
        }
        "read" => {
            let until = if after.is_empty() { None } else { Some(number(after, "read CHAT [LINE]")?) };
            act("read CHAT [LINE]", InChat::Read(until))
        }
        _ => with_more(word, chat, after),
    }
}

/// Lines that need more than a chat.
fn with_more(word: &str, chat: &str, after: &str) -> Result<Command, InputError> {
    let (next, text) = split(after);
    let (act, usage) = match word {
        "invite" => {
            let usage = "invite CHAT NAME,NAME[,…] [TEXT]";
            let names = names(next).ok_or(InputError::Usage(usage))?;
            (InChat::AskIn(AskIn { names, text: text.to_owned() }), usage)
        }
        "remove" => {
            let usage = "remove CHAT ACCOUNT, with the number of an account";
            (InChat::Remove(number(next, usage)?), usage)
        }
        "role" => {
            let usage = "role CHAT ACCOUNT member|moderator|owner";
            let role = ChatRole::ALL.into_iter().find(|role| role.word() == text);
            let role = role.ok_or(InputError::Usage(usage))?;
            (InChat::SetRole(number(next, usage)?, SetRole { role }), usage)
        }
        "keep" => {
            let usage = "keep CHAT SECONDS|forever";
            let seconds: u64 = if next == "forever" { 0 } else { number(next, usage)? };
            let retention_ms = Some(seconds.saturating_mul(1_000));
            (InChat::Describe(ChangeChat { retention_ms, ..ChangeChat::default() }), usage)
        }
        "silent" => {
            let message =
                SendMessage { text: filled(after, "silent CHAT TEXT")?, silent: true, ..SendMessage::default() };
            (InChat::Send(message), "silent CHAT TEXT")
        }
        "send" => {
            let usage = "send CHAT FILE [TEXT], the file without spaces in its path";
            let file = PathBuf::from(filled(next, usage)?);
            let message = SendMessage { text: text.to_owned(), ..SendMessage::default() };
            (InChat::Attach(message, vec![Attach::File(file)]), usage)
        }
        "voice" => {
            let usage = "voice CHAT SECONDS";
            let length = Duration::from_secs(number(next, usage)?.min(VOICE_MAX));
            (InChat::Attach(SendMessage::default(), vec![Attach::Voice(length)]), usage)
        }
        "reply" => {
            let usage = "reply CHAT LINE TEXT";
            let message = SendMessage {
                text: filled(text, usage)?,
                reply_to: Some(number(next, usage)?),
                ..SendMessage::default()
            };
            (InChat::Send(message), usage)
        }
        "later" => {
            let usage = "later CHAT SECONDS TEXT";
            let seconds: u64 = number(next, usage)?;
            let send_at = Some(now().saturating_add(seconds.saturating_mul(1_000)));
            (InChat::Send(SendMessage { text: filled(text, usage)?, send_at, ..SendMessage::default() }), usage)
        }
        "edit" => {
            let usage = "edit CHAT LINE TEXT";
            (InChat::Change(Change::Edit { of: number(next, usage)?, text: filled(text, usage)? }), usage)
        }
        "delete" => (InChat::Change(Change::Delete { of: number(next, "delete CHAT LINE")? }), "delete CHAT LINE"),
        "react" | "unreact" => {
            let usage = "react CHAT LINE EMOJI, or unreact";
            let (of, emoji) = (number(next, usage)?, filled(text, usage)?);
            (InChat::Change(Change::React { of, emoji, on: word == "react" }), usage)
        }
        "pin" | "unpin" => {
            let of = number(next, "pin CHAT LINE, or unpin")?;
            (InChat::Change(Change::Pin { of, on: word == "pin" }), "pin CHAT LINE, or unpin")
        }
        "take-back" => (InChat::TakeBack(number(next, "take-back CHAT NUMBER")?), "take-back CHAT NUMBER"),
        "around" => (InChat::Look(Place::Around(number(next, "around CHAT LINE")?)), "around CHAT LINE"),
        "typing" => match next {
            "on" | "off" => (InChat::Typing(next == "on"), "typing CHAT on|off"),
            _ => return Err(InputError::Usage("typing CHAT on|off")),
        },
        other => return Err(InputError::Unknown(other.to_owned())),
    };
    Ok(Command::InChat { chat: number(chat, usage)?, act })
}

fn number(text: &str, usage: &'static str) -> Result<u64, InputError> {
    text.parse().map_err(|_| InputError::Usage(usage))
}

fn filled(text: &str, usage: &'static str) -> Result<String, InputError> {
    if text.is_empty() { Err(InputError::Usage(usage)) } else { Ok(text.to_owned()) }
}

fn names(text: &str) -> Option<Vec<String>> {
    let names: Vec<String> = text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.is_empty() { None } else { Some(names) }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::input;
    use super::*;

    fn act(line: &str) -> InChat {
        match input::parse(line, None) {
            Ok(Some(Command::InChat { chat: 3, act })) => act,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_line_of_the_help_is_understood() {
        for line in [
            "accept-chat 3",
            "decline-chat 3",
            "ignore-chat 3",
            "invite 3 bob,carol Come in",
            "members 3",
            "leave 3",
            "remove 3 7",
            "role 3 7 moderator",
            "name 3",
            "keep 3 forever",
            "reply 3 1 yes",
            "edit 3 1 no",
            "delete 3 1",
            "send 3 a.png Look",
            "voice 3 5",
            "silent 3 hush",
            "react 3 1 👍",
            "unreact 3 1 👍",
            "pin 3 1",
            "unpin 3 1",
            "pins 3",
            "later 3 60 soon",
            "scheduled 3",
            "take-back 3 1",
            "read 3",
            "read 3 9",
            "older 3",
            "newer 3",
            "around 3 5",
            "newest 3",
            "watch 3",
            "unwatch 3",
            "typing 3 on",
        ] {
            act(line);
            let word = line.split(' ').next().unwrap();
            assert!(HELP.contains(&format!("{word} ")), "{word} is not in the help");
        }
        assert!(matches!(input::parse("group-chat bob,carol Our lunch", None),
            Ok(Some(Command::OpenGroup { names, name, .. })) if names == ["bob", "carol"] && name == "Our lunch"));
        assert!(matches!(input::parse("search 窓", None), Ok(Some(Command::Search { chat: None, .. }))));
        assert!(matches!(input::parse("search-in 3 窓", None), Ok(Some(Command::Search { chat: Some(3), .. }))));
    }

    #[test]
    fn what_is_missing_is_said() {
        for line in [
            "accept-chat",
            "accept-chat x",
            "group-chat",
            "group-chat ,",
            "invite 3",
            "role 3 7 king",
            "keep 3",
            "reply 3 1",
            "edit 3 x y",
            "react 3 1",
            "later 3 x y",
            "typing 3 maybe",
            "around 3",
            "search",
            "search-in 3",
            "read 3 x",
        ] {
            assert!(matches!(input::parse(line, None), Err(InputError::Usage(_))), "{line}");
        }
        assert!(matches!(act("keep 3 90"), InChat::Describe(ChangeChat { retention_ms: Some(90_000), .. })));
        assert!(matches!(act("reply 3 1 two  words"), InChat::Send(SendMessage { reply_to: Some(1), text, .. })
            if text == "two  words"));
    }
}
