//! Emoji by category and by name, from the table `client/assets/emoji.tsv`: names and words of the Unicode CLDR in English
//! and Japanese.

use std::sync::LazyLock;

use super::Tongue;

const TABLE: &str = include_str!("../../assets/emoji.tsv");

static ALL: LazyLock<Vec<Emoji>> = LazyLock::new(|| TABLE.lines().filter_map(Emoji::read).collect());

/// What an emoji is about: the groups of Unicode's `emoji-test.txt`, without skin tones and flags, for fonts of one colour
/// have neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    Faces,
    People,
    Nature,
    Food,
    Travel,
    Activities,
    Objects,
    Symbols,
}

impl Category {
    pub const ALL: [Self; 8] = [
        Self::Faces,
        Self::People,
        Self::Nature,
        Self::Food,
        Self::Travel,
        Self::Activities,
        Self::Objects,
        Self::Symbols,
    ];

    fn of_group(group: &str) -> Option<Self> {
        Some(match group {
            "0" => Self::Faces,
            "1" => Self::People,
            "3" => Self::Nature,
            "4" => Self::Food,
            "5" => Self::Travel,
            "6" => Self::Activities,
            "7" => Self::Objects,
            "8" => Self::Symbols,
            _ => return None,
        })
    }

    /// The one that stands for it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Faces => "😀",
            Self::People => "👋",
            Self::Nature => "🐻",
            Self::Food => "🍙",
            Self::Travel => "🚗",
            Self::Activities => "⚽",
            Self::Objects => "💡",
            Self::Symbols => "❤",
        }
    }

    /// The message that names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Faces => "emoji-faces",
            Self::People => "emoji-people",
            Self::Nature => "emoji-nature",
            Self::Food => "emoji-food",
            Self::Travel => "emoji-travel",
            Self::Activities => "emoji-activities",
            Self::Objects => "emoji-objects",
            Self::Symbols => "emoji-symbols",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emoji {
    pub sign: &'static str,
    pub category: Category,
    /// Its name and other words for it, divided by `|`.
    english: &'static str,
    japanese: &'static str,
    /// All words, as they are compared.
    words: String,
}

impl Emoji {
    fn read(line: &'static str) -> Option<Self> {
        let mut fields = line.split('\t');
        let category = Category::of_group(fields.next()?)?;
        let (sign, english, japanese) = (fields.next()?, fields.next()?, fields.next()?);
        let words = alike(&format!("{english}|{japanese}"));
        Some(Self { sign, category, english, japanese, words })
    }

    /// What it is called.
    pub fn name(&self, tongue: Tongue) -> &'static str {
        let words = match tongue {
            Tongue::English => self.english,
            Tongue::Japanese => self.japanese,
        };
        words.split('|').next().unwrap_or(self.sign)
    }

    /// How well it answers a search, the less the better; `None` if not at all.
    fn rank(&self, wanted: &str) -> Option<usize> {
        let mut rank = 0;
        for part in wanted.split_whitespace() {
            let begins = |word: &str| word.split([' ', '-']).any(|word| word.starts_with(part));
            let found = self.words.split('|').position(begins);
            // Japanese does not part words.
            let within = || (!part.is_ascii()).then(|| self.words.split('|').position(|w| w.contains(part)));
            rank += found.or_else(|| within().flatten())?;
        }
        Some(rank)
    }
}

/// All of them, in Unicode's order.
pub fn all() -> &'static [Emoji] {
    &ALL
}

/// The emoji of this sign.
pub fn of_sign(sign: &str) -> Option<&'static Emoji> {
    // Whether a sign asks for its colours makes it no other one.
    let plain = |sign: &'_ str| sign.trim_end_matches('\u{fe0f}').to_owned();
    ALL.iter().find(|emoji| plain(emoji.sign) == plain(sign))
}

/// Those that have all the words of `query` among theirs, in either language, the best first.
pub fn find(query: &str) -> Vec<&'static Emoji> {
    let wanted = alike(query);
    let mut found: Vec<_> = ALL.iter().filter_map(|emoji| emoji.rank(&wanted).map(|rank| (rank, emoji))).collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, emoji)| emoji).collect()
}

/// A text as it is compared: small letters, and hiragana as katakana, for people write either.
fn alike(text: &str) -> String {
    let katakana = |c: char| match c {
        'ぁ'..='ゖ' => char::from_u32(c as u32 + 0x60).unwrap_or(c),
        _ => c,
    };
    text.chars().map(katakana).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_can_be_read() {
        assert_eq!(all().len(), TABLE.lines().count());
        for category in Category::ALL {
            assert!(all().iter().filter(|emoji| emoji.category == category).count() > 50, "{category:?}");
            assert!(of_sign(category.sign()).is_some(), "{category:?}");
        }
        for emoji in all() {
            assert!(!emoji.name(Tongue::English).is_empty() && !emoji.name(Tongue::Japanese).is_empty(), "{emoji:?}");
            assert!(emoji.sign.len() <= relay::vocabulary::EMOJI_MAX, "{emoji:?} is no reaction");
        }
    }

    #[test]
    fn emoji_are_found_by_their_names_in_both_languages() {
        let signs = |query: &str| find(query).iter().map(|emoji| emoji.sign).collect::<Vec<_>>();
        assert_eq!(signs("pizza"), ["🍕"]);
        assert!(signs("CAT").contains(&"🐈") && signs("猫").contains(&"🐈"), "{:?}", signs("猫"));
        assert_eq!(signs("ねこ"), signs("ネコ"));
        assert!(signs("ぱんだ").contains(&"🐼"), "{:?}", signs("ぱんだ"));
        assert!(signs("grinning eyes").len() < signs("grinning").len());
        assert_eq!(signs("zzzz"), Vec::<&str>::new());
        assert_eq!(signs("").len(), all().len());
    }
}
