//! Lines on standard input about one's own account. Passwords come from files, so that no line has one.

use std::path::{Path, PathBuf};

use relay::vocabulary::ChangeProfile;

use super::input::{InputError, split};
use crate::engine::{Command, OwnAccount};

/// What `komado --help` says of them.
pub(super) const HELP: &str = "\
  Account: me · me name [TEXT] · me language [TAG] · me picture FILE|none · password FILE NEW-FILE
    sessions · end-session NUMBER|others · remove-account FILE (files with a password in their first line)
";

/// Reads a line about one's own account; `None` if it is about something else.
pub fn parse(word: &str, rest: &str) -> Option<Result<Command, InputError>> {
    let (first, more) = split(rest);
    let act = match word {
        "me" => me(first, more),
        "password" if more.is_empty() => Err(InputError::Usage("password FILE NEW-FILE")),
        "password" => both(first, more),
        "sessions" => Ok(OwnAccount::Sessions),
        "end-session" if first == "others" => Ok(OwnAccount::EndSession(None)),
        "end-session" => match first.parse() {
            Ok(session) => Ok(OwnAccount::EndSession(Some(session))),
            Err(_) => Err(InputError::Usage("end-session NUMBER, as `sessions` tells it, or end-session others")),
        },
        "remove-account" if first.is_empty() => Err(InputError::Usage("remove-account FILE, with the password in it")),
        "remove-account" => password(Path::new(first)).map(|password| OwnAccount::Leave { password }),
        _ => return None,
    };
    Some(act.map(Command::OwnAccount))
}

/// The first line of a file.
pub(super) fn password(file: &Path) -> Result<String, InputError> {
    let unread =
        |error: std::io::Error| InputError::Password { path: file.display().to_string(), reason: error.to_string() };
    let text = std::fs::read_to_string(file).map_err(unread)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn me(what: &str, value: &str) -> Result<OwnAccount, InputError> {
    let text = Some(value.to_owned());
    match what {
        "" => Ok(OwnAccount::Show),
        "name" => Ok(OwnAccount::Change(ChangeProfile { display_name: text, ..ChangeProfile::default() })),
        "language" => Ok(OwnAccount::Change(ChangeProfile { language: text, ..ChangeProfile::default() })),
        "picture" if value == "none" => Ok(OwnAccount::Picture(None)),
        "picture" if !value.is_empty() => Ok(OwnAccount::Picture(Some(PathBuf::from(value)))),
        _ => Err(InputError::Usage("me, me name [TEXT], me language [TAG] or me picture FILE|none")),
    }
}

fn both(old: &str, new: &str) -> Result<OwnAccount, InputError> {
    Ok(OwnAccount::Password { old: password(Path::new(old))?, new: password(Path::new(new))? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<OwnAccount, InputError> {
        let (word, rest) = split(line);
        parse(word, rest).unwrap().map(|command| match command {
            Command::OwnAccount(act) => act,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn lines_about_the_account_are_commands_or_say_what_is_wrong() {
        assert!(matches!(read("me"), Ok(OwnAccount::Show)));
        let called = read("me name Alice  A.").unwrap();
        assert!(matches!(called, OwnAccount::Change(change) if change.display_name.as_deref() == Some("Alice  A.")));
        let unnamed = read("me name").unwrap();
        assert!(matches!(unnamed, OwnAccount::Change(change) if change.display_name.as_deref() == Some("")));
        assert!(matches!(read("me language ja"), Ok(OwnAccount::Change(change)) if change.language.is_some()));
        assert!(matches!(read("me picture a b.png"), Ok(OwnAccount::Picture(Some(path))) if path.ends_with("a b.png")));
        assert!(matches!(read("me picture none"), Ok(OwnAccount::Picture(None))));
        assert!(matches!(read("end-session 7"), Ok(OwnAccount::EndSession(Some(7)))));
        assert!(matches!(read("end-session others"), Ok(OwnAccount::EndSession(None))));
        for line in ["me picture", "me taller", "password one", "end-session", "end-session x", "remove-account"] {
            assert!(matches!(read(line), Err(InputError::Usage(_))), "{line}");
        }
        assert!(matches!(read("remove-account /nowhere"), Err(InputError::Password { .. })));
        assert!(parse("say", "3 hello").is_none());
    }

    #[test]
    fn passwords_come_from_files_and_are_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("old"), "hunter2\nmore").unwrap();
        std::fs::write(path("new"), "battery staple").unwrap();
        let act = read(&format!("password {} {}", path("old"), path("new"))).unwrap();
        assert!(!format!("{act:?}").contains("hunter2"));
        let OwnAccount::Password { old, new } = act else { panic!("{act:?}") };
        assert_eq!((old.as_str(), new.as_str()), ("hunter2", "battery staple"));
    }
}
