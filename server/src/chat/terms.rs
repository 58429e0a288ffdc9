//! Search terms: a text becomes words, and where a script does not part words by spaces, pairs of characters.
//!
//! Every character of such a script begins a term: with the one that follows it, or alone at the end of a run. So one
//! character is found by what terms begin with, two are a term, more are several terms. Other scripts give words, found
//! by how they begin. The terms are written in hexadecimal digits, which any index takes as they are.

use std::collections::BTreeSet;
use std::fmt::Write;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest word that is told apart, in characters.
const WORD_MAX: usize = 32;
/// Most words of a search.
const WORDS_MAX: usize = 16;

/// The terms of a text.
pub(super) fn of(text: &str) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    for run in runs(&normal(text)) {
        match run {
            Run::Word(word) => {
                terms.insert(written(word.chars().take(WORD_MAX)));
            }
            Run::Unspaced(run) => terms.extend(pairs(run).into_iter().map(|(term, _)| term)),
        }
    }
    terms
}

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Terms that a line must have; those marked true may go on.
    pub(super) terms: Vec<(String, bool)>,
    words: Vec<(String, bool)>,
}

impl Wanted {
    /// Reads a search: every word of it must be in a line. `None` if there is nothing to search for.
    pub(super) fn parse(search: &str) -> Option<Self> {
        let normal = normal(search);
        let (mut terms, mut words) = (Vec::new(), Vec::new());
        for run in runs(&normal).into_iter().take(WORDS_MAX) {
            match run {
                Run::Word(word) => {
                    terms.push((written(word.chars().take(WORD_MAX)), true));
                    words.push((word.to_owned(), false));
                }
                Run::Unspaced(run) => {
                    let mut pairs = pairs(run);
                    // The last character alone goes on in any way; what begins with it is said by the pair before.
                    if pairs.len() > 1 {
                        pairs.pop();
                    }
                    terms.extend(pairs);
                    words.push((run.to_owned(), true));
                }
            }
        }
        if terms.is_empty() { None } else { Some(Self { terms, words }) }
    }

    /// Whether a text has what is searched for: the index knows only of pairs.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let normal = normal(text);
        let runs = runs(&normal);
        self.words.iter().all(|(wanted, unspaced)| {
            runs.iter().any(|run| match run {
                Run::Word(word) => !unspaced && word.starts_with(wanted.as_str()),
                Run::Unspaced(run) => *unspaced && run.contains(wanted.as_str()),
            })
        })
    }
}

/// A text as it is compared: full and half width, composed and not, capital and small are the same.
fn normal(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run<'a> {
    Word(&'a str),
    Unspaced(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Spaced,
    Unspaced,
}

fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let mut open: Option<(usize, Script)> = None;
    for (at, character) in text.char_indices().map(|(at, c)| (at, Some(c))).chain([(text.len(), None)]) {
        let script = character.and_then(|c| match open {
            // A mark belongs to what it stands on.
            Some((_, script)) if is_combining_mark(c) => Some(script),
            _ => script(c),
        });
        if open.map(|(_, script)| script) == script {
            continue;
        }
        if let Some((begin, script)) = open {
            let run = &text[begin..at];
            runs.push(if script == Script::Spaced { Run::Word(run) } else { Run::Unspaced(run) });
        }
        open = script.map(|script| (at, script));
    }
    runs
}

fn script(c: char) -> Option<Script> {
    if is_unspaced(c) {
        Some(Script::Unspaced)
    } else if c.is_alphanumeric() {
        Some(Script::Spaced)
    } else {
        None
    }
}

/// Scripts written without spaces, or with words that grow at both ends; and emoji, each of which is a word.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0eff         // Thai, Lao
        | 0x1000..=0x109f       // Myanmar
        | 0x1100..=0x11ff       // Hangul Jamo
        | 0x1780..=0x17ff       // Khmer
        | 0x2600..=0x27bf       // symbols
        | 0x3005..=0x3007       // 々〆〇
        | 0x3040..=0x318f       // Hiragana, Katakana, Bopomofo, Hangul
        | 0x31f0..=0x31ff       // Katakana
        | 0x3400..=0x4dbf       // Han
        | 0x4e00..=0x9fff
        | 0xac00..=0xd7af       // Hangul
        | 0xf900..=0xfaff       // Han
        | 0x1f300..=0x1faff     // emoji
        | 0x20000..=0x3ffff     // Han
    )
}

/// The term that each character of a run begins; true if it may go on.
fn pairs(run: &str) -> Vec<(String, bool)> {
    let characters: Vec<char> = run.chars().collect();
    let pair = |at: usize| {
        let pair = &characters[at..characters.len().min(at + 2)];
        (written(pair.iter().copied()), pair.len() == 1)
    };
    (0..characters.len()).map(pair).collect()
}

fn written(characters: impl Iterator<Item = char>) -> String {
    let mut term = String::new();
    let mut bytes = [0; 4];
    for character in characters {
        for byte in character.encode_utf8(&mut bytes).bytes() {
            // Writing into a string does not fail.
            write!(term, "{byte:02x}").unwrap_or_default();
        }
    }
    term
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As an index would: every term that is wanted is there, or begins one that is.
    fn indexed(wanted: &Wanted, text: &str) -> bool {
        let terms = of(text);
        wanted.terms.iter().all(|(term, goes_on)| match goes_on {
            true => terms.iter().any(|known| known.starts_with(term.as_str())),
            false => terms.contains(term),
        })
    }

    fn found(search: &str, text: &str) -> bool {
        let wanted = Wanted::parse(search).unwrap();
        let is_in = wanted.is_in(text);
        assert!(!is_in || indexed(&wanted, text), "{search:?} is in {text:?}, and the index does not know it");
        is_in
    }

    #[test]
    fn words_are_found_by_how_they_begin_and_characters_wherever_they_stand() {
        for (search, text) in [
            ("lunch", "Shall we have LUNCH?"),
            ("lun", "lunch"),
            ("have shall", "Shall we have lunch"),
            ("窓", "小窓を開ける"),
            ("小", "小窓"),
            ("小窓", "この小窓は"),
            ("開ける", "小窓を開ける"),
            ("京都", "東京都庁"),
            ("ｶﾀｶﾅ", "カタカナ"),
            ("ＡＢＣ", "abc"),
            ("가나", "우리가나라"),
            ("สวัส", "สวัสดีครับ"),
            ("café", "cafe\u{301} au lait"),
            ("straße", "STRASSE straße"),
            ("komado 窓", "Komadoの窓"),
            ("🎉", "done 🎉🎉"),
            ("42", "room 42b"),
        ] {
            assert!(found(search, text), "{search:?} in {text:?}");
        }
        for (search, text) in
            [("unch", "lunch"), ("lunch dinner", "lunch"), ("窓小", "小窓"), ("東都", "東京と京都"), ("abcd", "abc")]
        {
            assert!(!found(search, text), "{search:?} in {text:?}");
        }
        // Both pairs are there, but not together: only the text itself tells.
        let wanted = Wanted::parse("東京都").unwrap();
        assert!(indexed(&wanted, "東京と京都") && !wanted.is_in("東京と京都"));
        for nothing in ["", " ", "?!", "--"] {
            assert_eq!(Wanted::parse(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn terms_are_hexadecimal_digits_and_not_too_long() {
        let terms = of(&format!("{} 窓 a'b", "x".repeat(500)));
        assert!(terms.iter().all(|term| term.bytes().all(|b| b.is_ascii_hexdigit()) && term.len() <= WORD_MAX * 8));
        assert_eq!(terms.len(), 4);
        assert!(found(&"x".repeat(40), &"x".repeat(500)));
        assert!(!found(&"x".repeat(40), &"x".repeat(39)));
    }

    proptest! {
        #[test]
        fn whatever_is_cut_out_of_a_text_is_found_in_it(text in "[a-c窓小東京都がカ한🎉 .é]{1,30}", from in 0..30_usize, length in 1..6_usize) {
            let characters: Vec<char> = text.chars().collect();
            let cut: String = characters.iter().skip(from).take(length).collect();
            // Words are found by their beginnings only.
            let begins = from == 0 || characters.get(from - 1).is_none_or(|c| !c.is_ascii_alphanumeric() && *c != 'é');
            if let Some(wanted) = Wanted::parse(&cut) && begins {
                prop_assert!(wanted.is_in(&text), "{cut:?} in {text:?}");
                prop_assert!(indexed(&wanted, &text), "{cut:?} in {text:?} by its terms");
            }
        }

        #[test]
        fn anything_has_terms(text in "\\PC{0,100}") {
            let _terms = of(&text);
            if let Some(wanted) = Wanted::parse(&text) {
                prop_assert!(wanted.words.len() > 15 || wanted.is_in(&text));
            }
        }
    }
}
