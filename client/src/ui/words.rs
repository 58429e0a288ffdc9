//! What the window says, in the person's language: Fluent messages of `client/locales`, exchangeable while it runs.

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

use crate::home::Language;

const ENGLISH: [&str; 5] = [
    include_str!("../../locales/en/entrance.ftl"),
    include_str!("../../locales/en/people.ftl"),
    include_str!("../../locales/en/chat.ftl"),
    include_str!("../../locales/en/quality.ftl"),
    include_str!("../../locales/en/window.ftl"),
];
const JAPANESE: [&str; 5] = [
    include_str!("../../locales/ja/entrance.ftl"),
    include_str!("../../locales/ja/people.ftl"),
    include_str!("../../locales/ja/chat.ftl"),
    include_str!("../../locales/ja/quality.ftl"),
    include_str!("../../locales/ja/window.ftl"),
];

/// One of the languages that the window speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    English,
    Japanese,
}

impl Tongue {
    /// The one that is preferred; `system` is what the system's locale says, such as `ja_JP.UTF-8`.
    pub fn choose(preferred: Language, system: Option<&str>) -> Self {
        match preferred {
            Language::English => Self::English,
            Language::Japanese => Self::Japanese,
            Language::System if system.is_some_and(|name| name.starts_with("ja")) => Self::Japanese,
            Language::System => Self::English,
        }
    }

    /// What the environment says about the language of messages (POSIX, chapter 8.2).
    pub fn of_environment() -> Option<String> {
        let mut values = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
        values.find(|value| !value.is_empty())
    }
}

/// All words in one language.
pub struct Words {
    bundle: FluentBundle<FluentResource>,
    tongue: Tongue,
}

/// A value within a message.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    Text(&'a str),
    Number(u64),
}

impl Words {
    pub fn new(tongue: Tongue) -> Self {
        let (language, sources) = match tongue {
            Tongue::English => ("en", ENGLISH),
            Tongue::Japanese => ("ja", JAPANESE),
        };
        let mut bundle = FluentBundle::new_concurrent(vec![language.parse::<LanguageIdentifier>().unwrap_or_default()]);
        // Signs for the direction of writing: no font shows them well, and both languages are written one way.
        bundle.set_use_isolating(false);
        for source in sources {
            // A file with a mistake in it does not pass the tests; what can be read of it counts.
            let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, errors)| {
                tracing::error!(?errors, "a file of words has mistakes");
                resource
            });
            bundle.add_resource_overriding(resource);
        }
        Self { bundle, tongue }
    }

    pub fn tongue(&self) -> Tongue {
        self.tongue
    }

    /// The message of this name.
    pub fn say(&self, name: &str) -> String {
        self.with(name, &[])
    }

    /// The message of this name with values in it.
    pub fn with(&self, name: &str, values: &[(&'static str, Value<'_>)]) -> String {
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            match value {
                Value::Text(text) => arguments.set(*name, (*text).to_owned()),
                Value::Number(number) => arguments.set(*name, *number),
            }
        }
        let Some(pattern) = self.bundle.get_message(name).and_then(|message| message.value()) else {
            tracing::error!(name, "there are no words for this");
            return name.to_owned();
        };
        let mut errors = Vec::new();
        let said = self.bundle.format_pattern(pattern, Some(&arguments), &mut errors);
        if !errors.is_empty() {
            tracing::error!(name, ?errors, "words lack a value");
        }
        said.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        path::Path,
    };

    use super::*;

    /// Names of all messages, with the names of the values in each.
    fn messages(sources: [&str; 5]) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::new();
        for source in sources {
            assert!(FluentResource::try_new(source.to_owned()).is_ok(), "a file of words has mistakes:\n{source}");
            let mut name = String::new();
            for line in source.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
                if !line.starts_with([' ', '}']) {
                    name = line.split(" =").next().unwrap().to_owned();
                    assert!(found.insert(name.clone(), BTreeSet::new()).is_none(), "{name} stands there twice");
                }
                let values = line.split('$').skip(1).map(|rest| {
                    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap().to_owned()
                });
                found.get_mut(&name).unwrap().extend(values);
            }
        }
        found
    }

    /// All sources of the rooms that speak, without their tests.
    fn sources() -> String {
        fn read(folder: &Path, into: &mut String) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    read(&path, into);
                } else {
                    let text = std::fs::read_to_string(&path).unwrap();
                    into.push_str(text.split("#[cfg(test)]").next().unwrap());
                }
            }
        }
        let mut all = String::new();
        for room in ["src/ui", "src/window"] {
            read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(room), &mut all);
        }
        all
    }

    #[test]
    fn both_languages_say_the_same_things_with_the_same_values() {
        assert_eq!(messages(ENGLISH), messages(JAPANESE));
    }

    #[test]
    fn every_message_is_used_and_every_word_that_is_used_is_there() {
        let (messages, sources) = (messages(ENGLISH), sources());
        let unused: Vec<&String> = messages.keys().filter(|name| !sources.contains(&format!("\"{name}\""))).collect();
        assert!(unused.is_empty(), "nobody says {unused:?}");
        for call in ["say(\"", ".with(\""] {
            for rest in sources.split(call).skip(1) {
                let name = rest.split('"').next().unwrap();
                assert!(messages.contains_key(name), "there are no words for {name}");
            }
        }
    }

    #[test]
    fn numbers_and_names_stand_in_messages() {
        let words = Words::new(Tongue::English);
        assert_eq!(words.with("unread", &[("count", Value::Number(1))]), "1 unread message");
        assert_eq!(words.with("unread", &[("count", Value::Number(3))]), "3 unread messages");
        let words = Words::new(Tongue::Japanese);
        assert_eq!(words.with("unread", &[("count", Value::Number(3))]), "未読メッセージ 3 件");
    }

    #[test]
    fn the_system_chooses_unless_the_person_does() {
        let choose = |preferred, system| Tongue::choose(preferred, system);
        assert_eq!(choose(Language::System, Some("ja_JP.UTF-8")), Tongue::Japanese);
        assert_eq!(choose(Language::System, Some("de_DE.UTF-8")), Tongue::English);
        assert_eq!(choose(Language::System, None), Tongue::English);
        assert_eq!(choose(Language::English, Some("ja_JP")), Tongue::English);
        assert_eq!(choose(Language::Japanese, None), Tongue::Japanese);
    }
}
