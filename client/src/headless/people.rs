//! Lines on standard input about people: contacts, groups, blocks, presence, the directory.

use relay::vocabulary::Wish;

use super::input::InputError;
use crate::engine::{Command, Deed};

/// Reads a line about people; `None` if it is about something else.
pub fn parse(word: &str, rest: &str) -> Option<Result<Command, InputError>> {
    Some(match word {
        "contact" => contact(rest),
        "group" => group(rest),
        "contacts" => Ok(Command::ListContacts),
        "block" => named(rest, Deed::Block, "block NAME"),
        "unblock" => named(rest, Deed::Unblock, "unblock NAME"),
        "presence" => state(rest)
            .map(|state| Command::SetPresence { state: Some(state), status: None })
            .ok_or(InputError::Usage("presence available, presence away or presence dnd")),
        "status" => Ok(Command::SetPresence { state: None, status: Some(rest.to_owned()) }),
        "idle" => match rest {
            "on" => Ok(Command::SetIdle { idle: true }),
            "off" => Ok(Command::SetIdle { idle: false }),
            _ => Err(InputError::Usage("idle on or idle off")),
        },
        "blocks" => Ok(Command::ListBlocks),
        "directory" => {
            let (prefix, after) = split(rest);
            Ok(Command::SearchDirectory { prefix: prefix.to_owned(), after: after.to_owned() })
        }
        _ => return None,
    })
}

/// What a person can choose to be.
pub fn state(word: &str) -> Option<Wish> {
    match word {
        "available" => Some(Wish::Available),
        "away" => Some(Wish::Away),
        "dnd" => Some(Wish::DoNotDisturb),
        _ => None,
    }
}

fn contact(rest: &str) -> Result<Command, InputError> {
    let (deed, rest) = split(rest);
    match deed {
        "add" => {
            let (name, text) = split(rest);
            let command = Command::AskContact { name: name.to_owned(), text: text.to_owned() };
            if name.is_empty() { Err(InputError::Usage("contact add NAME [TEXT]")) } else { Ok(command) }
        }
        "accept" => named(rest, Deed::Accept, "contact accept NAME"),
        "decline" => named(rest, Deed::Decline, "contact decline NAME"),
        "withdraw" => named(rest, Deed::Withdraw, "contact withdraw NAME"),
        "remove" => named(rest, Deed::Remove, "contact remove NAME"),
        "group" => {
            let (name, groups) = split(rest);
            let groups = groups.split(',').map(str::trim).filter(|group| !group.is_empty()).map(str::to_owned);
            named(name, Deed::Group(groups.collect()), "contact group NAME [GROUP, ...]")
        }
        _ => Err(InputError::Usage("contact add, accept, decline, withdraw, remove or group, with a name")),
    }
}

fn group(rest: &str) -> Result<Command, InputError> {
    let (deed, rest) = split(rest);
    let renames = |from: &str, to: Option<&str>| {
        Ok(Command::RenameGroup { from: from.trim().to_owned(), to: to.map(|to| to.trim().to_owned()) })
    };
    match (deed, rest.split_once(',')) {
        ("rename", Some((from, to))) => renames(from, Some(to)),
        ("dissolve", None) if !rest.is_empty() => renames(rest, None),
        _ => Err(InputError::Usage("group rename OLD, NEW or group dissolve GROUP")),
    }
}

fn named(name: &str, deed: Deed, usage: &'static str) -> Result<Command, InputError> {
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(InputError::Usage(usage));
    }
    Ok(Command::Contact { name: name.to_owned(), deed })
}

fn split(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, InputError> {
        let (word, rest) = split(line);
        parse(word, rest).unwrap()
    }

    #[test]
    fn lines_about_people_are_commands_or_say_what_is_wrong() {
        assert!(matches!(
            read("contact add bob It is me").unwrap(),
            Command::AskContact { name, text } if name == "bob" && text == "It is me"
        ));
        for (line, deed) in [
            ("contact accept bob", Deed::Accept),
            ("contact decline bob", Deed::Decline),
            ("contact withdraw bob", Deed::Withdraw),
            ("contact remove bob", Deed::Remove),
            ("contact group bob", Deed::Group(Vec::new())),
            ("contact group bob Work, My Family", Deed::Group(vec!["Work".into(), "My Family".into()])),
            ("block bob", Deed::Block),
            ("unblock bob", Deed::Unblock),
        ] {
            let Ok(Command::Contact { name, deed: read }) = read(line) else { panic!("{line}") };
            assert_eq!((name.as_str(), read), ("bob", deed), "{line}");
        }
        assert!(matches!(read("presence dnd"), Ok(Command::SetPresence { state: Some(Wish::DoNotDisturb), .. })));
        assert!(
            matches!(read("status in the lab"), Ok(Command::SetPresence { status: Some(s), .. }) if s == "in the lab")
        );
        assert!(matches!(read("group rename A b, C"), Ok(Command::RenameGroup { from, to: Some(_) }) if from == "A b"));
        assert!(matches!(read("group dissolve A b"), Ok(Command::RenameGroup { to: None, .. })));
        for line in
            ["contact", "contact add", "contact hug bob", "block", "block a b", "presence asleep", "idle", "group"]
        {
            assert!(matches!(read(line), Err(InputError::Usage(_))), "{line}");
        }
        assert!(parse("call", "3").is_none());
    }
}
