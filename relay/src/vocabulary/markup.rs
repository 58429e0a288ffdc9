//! Markup: the safe subset of Markdown in a line's text, parsed into blocks and spans of the text itself. Never HTML.
//!
//! | written | is |
//! |---|---|
//! | `**bold**`, `*italic*` or `_italic_`, `~~struck~~` | emphasis, within one line of text |
//! | `` `code` `` | code, in which nothing else means anything |
//! | lines between two lines that begin with three backticks | a block of code, with its language after the first |
//! | `[label](https://…)`, `https://…` | a link: `http`, `https` and `mailto` only; no label can pretend another address |
//! | `@name` at the beginning of a word | a mention |
//! | `> ` or `- `, `* `, `1. ` at the beginning of a line | a quote, an item of a list |
//! | `\` before one of the signs above | that sign itself |
//!
//! Everything else is text. Parsing takes time in proportion to the text's length and cannot fail.

/// One line of a text, or a block of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block<'a> {
    /// A line.
    Line(Vec<Span<'a>>),
    /// A quoted line.
    Quote(Vec<Span<'a>>),
    /// An item of a list, with its number if the list is numbered.
    Item(Option<u32>, Vec<Span<'a>>),
    /// Several lines of code.
    Code {
        /// What stands after the opening backticks, such as `rust`; may be empty.
        language: &'a str,
        /// The lines, without the last one's end.
        text: &'a str,
    },
}

/// A piece of text that looks the same throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span<'a> {
    /// What is shown: a slice of the source.
    pub text: &'a str,
    /// Strong.
    pub bold: bool,
    /// Slanted.
    pub italic: bool,
    /// Struck through.
    pub struck: bool,
    /// What it is besides text.
    pub meaning: Meaning<'a>,
}

/// What a span is besides text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// Nothing else.
    Text,
    /// Code.
    Code,
    /// A link to this address.
    Link(&'a str),
    /// A mention, `@` included.
    Mention,
}

/// Longest address of a link, in bytes; longer ones are text.
const ADDRESS_MAX: usize = 2048;
const FENCE: &str = "```";

/// Parses a text.
pub fn parse(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = first_line(rest);
        if let Some(language) = line.strip_prefix(FENCE).filter(|language| !language.contains('`')) {
            let (code, after) = fenced(after);
            blocks.push(Block::Code { language: language.trim(), text: code });
            rest = after;
        } else {
            blocks.push(block(line));
            rest = after;
        }
    }
    blocks
}

/// The first line without its end, and what follows it.
fn first_line(text: &str) -> (&str, &str) {
    let (line, after) = text.split_once('\n').unwrap_or(text.split_at(text.len()));
    (line.strip_suffix('\r').unwrap_or(line), after)
}

/// What stands before the closing fence, or all of it if there is none.
fn fenced(text: &str) -> (&str, &str) {
    let mut at = 0;
    while at < text.len() {
        let (line, after) = first_line(&text[at..]);
        if line.trim_end() == FENCE {
            let code = &text[..at];
            return (code.strip_suffix('\n').unwrap_or(code), after);
        }
        at = text.len() - after.len();
    }
    (text.strip_suffix('\n').unwrap_or(text), &text[text.len()..])
}

fn block(line: &str) -> Block<'_> {
    if let Some(quoted) = line.strip_prefix("> ").or_else(|| line.strip_prefix('>')) {
        return Block::Quote(spans(quoted));
    }
    if let Some(item) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
        return Block::Item(None, spans(item));
    }
    let numbered = line
        .split_once(". ")
        .filter(|(number, _)| (1..=4).contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit()));
    if let Some((number, item)) = numbered {
        return Block::Item(number.parse().ok(), spans(item));
    }
    Block::Line(spans(line))
}

/// A place in a line where something begins or ends that is not shown, or that looks different.
#[derive(Debug, Clone, Copy)]
struct Mark<'a> {
    at: usize,
    length: usize,
    sign: Sign<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign<'a> {
    /// Begins or ends an emphasis, once its other end is found.
    Emphasis(Emphasis),
    Bracket,
    LinkBegins(&'a str),
    LinkEnds,
    /// Shown as it is, from one end of the mark to the other.
    Whole(Meaning<'a>),
    /// A backslash that is not shown.
    Escape,
    /// Nothing: shown as text.
    Literal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Emphasis {
    Bold,
    Star,
    Underscore,
    Struck,
}

/// What was opened and not closed yet, with how many there are of each kind, so that asking costs nothing.
#[derive(Debug, Default)]
struct Open {
    marks: Vec<usize>,
    counts: [usize; 5],
}

impl Open {
    fn kind(sign: Sign<'_>) -> usize {
        match sign {
            Sign::Emphasis(Emphasis::Bold) => 0,
            Sign::Emphasis(Emphasis::Star) => 1,
            Sign::Emphasis(Emphasis::Underscore) => 2,
            Sign::Emphasis(Emphasis::Struck) => 3,
            _ => 4,
        }
    }

    fn push(&mut self, mark: usize, sign: Sign<'_>) {
        self.marks.push(mark);
        self.counts[Self::kind(sign)] += 1;
    }

    /// The last one of this kind; what was opened after it stays text.
    fn close(&mut self, sign: Sign<'_>, marks: &mut [Mark<'_>]) -> Option<usize> {
        let kind = Self::kind(sign);
        if self.counts[kind] == 0 {
            return None;
        }
        while let Some(mark) = self.marks.pop() {
            let found = Self::kind(marks[mark].sign);
            self.counts[found] -= 1;
            if found == kind {
                return Some(mark);
            }
            marks[mark].sign = Sign::Literal;
        }
        None
    }
}

fn spans(line: &str) -> Vec<Span<'_>> {
    shown(line, &marks(line))
}

fn marks(line: &str) -> Vec<Mark<'_>> {
    let mut marks: Vec<Mark<'_>> = Vec::new();
    let mut open = Open::default();
    // Where the last backtick of the line is, and where an address was seen last.
    let last_tick = line.rfind('`').unwrap_or(0);
    let mut address_at = None;
    let mut at = 0;
    while let Some(character) = line[at..].chars().next() {
        let rest = &line[at..];
        let mut length = character.len_utf8();
        match character {
            '\\' if rest[1..].starts_with(|next| "\\`*_~[]>@-".contains(next)) => {
                marks.push(Mark { at, length: 1, sign: Sign::Escape });
                length = 2;
            }
            '`' if at < last_tick => {
                let inside = rest[1..].find('`').unwrap_or(0);
                if inside > 0 {
                    length = inside + 2;
                    marks.push(Mark { at, length, sign: Sign::Whole(Meaning::Code) });
                }
            }
            '*' | '_' | '~' => length = emphasis(line, at, &mut marks, &mut open),
            '[' => {
                open.push(marks.len(), Sign::Bracket);
                marks.push(Mark { at, length: 1, sign: Sign::Bracket });
            }
            ']' => {
                if let Some((address, end)) = target(rest)
                    && let Some(begin) = open.close(Sign::Bracket, &mut marks)
                {
                    let label_at = marks[begin].at + 1;
                    // A label that shows an address could show another one than it leads to.
                    if label_at < at && address_at.is_none_or(|seen| seen < label_at) {
                        marks[begin].sign = Sign::LinkBegins(address);
                        marks.push(Mark { at, length: end, sign: Sign::LinkEnds });
                        length = end;
                    } else {
                        marks[begin].sign = Sign::Literal;
                    }
                }
            }
            'h' if begins_word(line, at) => {
                if let Some(end) = address(rest) {
                    marks.push(Mark { at, length: end, sign: Sign::Whole(Meaning::Link(&rest[..end])) });
                    address_at = Some(at);
                    length = end;
                }
            }
            '@' if begins_word(line, at) => {
                let of_name = |c: char| c.is_alphanumeric() || "._-@".contains(c);
                let name = leading(&rest[1..], super::NAME_MAX, of_name).trim_end_matches(['.', '-', '_', '@']);
                if !name.is_empty() {
                    length = 1 + name.len();
                    marks.push(Mark { at, length, sign: Sign::Whole(Meaning::Mention) });
                }
            }
            _ => {}
        }
        at += length;
    }
    for mark in open.marks {
        marks[mark].sign = Sign::Literal;
    }
    marks
}

/// Takes one or two signs of emphasis: they end what is open, or begin something. Gives their length.
fn emphasis<'a>(line: &'a str, at: usize, marks: &mut Vec<Mark<'a>>, open: &mut Open) -> usize {
    let rest = &line[at..];
    let (kind, length) = if rest.starts_with("**") {
        (Emphasis::Bold, 2)
    } else if rest.starts_with("~~") {
        (Emphasis::Struck, 2)
    } else if rest.starts_with('*') {
        (Emphasis::Star, 1)
    } else if rest.starts_with('_') {
        (Emphasis::Underscore, 1)
    } else {
        return 1;
    };
    let before = line[..at].chars().next_back();
    let after = rest[length..].chars().next();
    let within_word = kind == Emphasis::Underscore && before.is_some_and(char::is_alphanumeric);
    let ends = before.is_some_and(|c| !c.is_whitespace())
        && !(kind == Emphasis::Underscore && after.is_some_and(char::is_alphanumeric));
    let begins = after.is_some_and(|c| !c.is_whitespace()) && !within_word;
    let sign = Sign::Emphasis(kind);
    if ends && let Some(begin) = open.close(sign, marks) {
        // Nothing stands between them: both are text.
        let sign = if marks[begin].at + marks[begin].length < at { sign } else { Sign::Literal };
        marks[begin].sign = sign;
        marks.push(Mark { at, length, sign });
    } else if begins {
        open.push(marks.len(), sign);
        marks.push(Mark { at, length, sign });
    }
    length
}

/// The address in `](address)`, and the length of all that.
fn target(rest: &str) -> Option<(&str, usize)> {
    let inside = rest.strip_prefix("](")?;
    let window = &inside.as_bytes()[..inside.len().min(ADDRESS_MAX + 1)];
    let end = window.iter().position(|byte| *byte == b')' || byte.is_ascii_whitespace() || byte.is_ascii_control())?;
    let address = &inside[..end];
    let known = ["https://", "http://", "mailto:"].iter().any(|scheme| {
        address.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
            && address.len() > scheme.len()
    });
    (window[end] == b')' && known).then_some((address, 2 + end + 1))
}

/// The length of an address that stands by itself.
fn address(rest: &str) -> Option<usize> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| rest.starts_with(scheme))?;
    let mut address =
        leading(rest, ADDRESS_MAX + 1, |c| !(c.is_whitespace() || c.is_control() || "<>[]\"`".contains(c)));
    if address.len() > ADDRESS_MAX {
        return None;
    }
    // What ends a sentence does not belong to it, nor a bracket that was opened before it.
    loop {
        let shorter = match address.chars().next_back() {
            Some('.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' | '、' | '。') => true,
            Some(')') => !address.contains('('),
            _ => false,
        };
        match address.char_indices().next_back() {
            Some((last, _)) if shorter => address = &address[..last],
            _ => break,
        }
    }
    (address.len() > scheme.len()).then_some(address.len())
}

/// The characters at the front that are wanted, about `limit` bytes of them at most.
fn leading(text: &str, limit: usize, wanted: impl Fn(char) -> bool) -> &str {
    let end = text.char_indices().find(|(at, c)| *at >= limit || !wanted(*c)).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

fn begins_word(line: &str, at: usize) -> bool {
    line[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric())
}

/// The spans between and of the marks.
fn shown<'a>(line: &'a str, marks: &[Mark<'a>]) -> Vec<Span<'a>> {
    let mut spans = Vec::new();
    let mut look = Span { text: "", bold: false, italic: false, struck: false, meaning: Meaning::Text };
    let mut slants = [false; 2];
    let mut from = 0;
    let mut push = |text: &'a str, look: Span<'a>| {
        if !text.is_empty() {
            spans.push(Span { text, ..look });
        }
    };
    for mark in marks {
        let end = mark.at + mark.length;
        if mark.sign == Sign::Literal || mark.sign == Sign::Bracket {
            continue;
        }
        push(&line[from..mark.at], look);
        from = end;
        match mark.sign {
            Sign::Emphasis(Emphasis::Bold) => look.bold = !look.bold,
            Sign::Emphasis(Emphasis::Struck) => look.struck = !look.struck,
            Sign::Emphasis(Emphasis::Star) => slants[0] = !slants[0],
            Sign::Emphasis(Emphasis::Underscore) => slants[1] = !slants[1],
            Sign::LinkBegins(address) => look.meaning = Meaning::Link(address),
            Sign::LinkEnds => look.meaning = Meaning::Text,
            Sign::Whole(meaning) => {
                let linked = matches!(look.meaning, Meaning::Link(_));
                let text = &line[mark.at..end];
                let text = if meaning == Meaning::Code { &text[1..text.len() - 1] } else { text };
                push(text, Span { meaning: if linked { look.meaning } else { meaning }, ..look });
            }
            Sign::Escape | Sign::Bracket | Sign::Literal => {}
        }
        look.italic = slants[0] || slants[1];
    }
    push(&line[from..], look);
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write;

    /// One line as a person would describe it.
    fn told(text: &str) -> String {
        let mut told = String::new();
        for block in parse(text) {
            let (name, spans) = match block {
                Block::Line(spans) => (String::new(), spans),
                Block::Quote(spans) => ("quote:".to_owned(), spans),
                Block::Item(number, spans) => (format!("item{}:", number.unwrap_or_default()), spans),
                Block::Code { language, text } => {
                    write!(told, "code({language}):{text};").unwrap();
                    continue;
                }
            };
            told += &name;
            for span in spans {
                let mut looks = String::new();
                for (has, sign) in [(span.bold, 'b'), (span.italic, 'i'), (span.struck, 's')] {
                    looks.extend(has.then_some(sign));
                }
                match span.meaning {
                    Meaning::Text => {}
                    Meaning::Code => looks += "c",
                    Meaning::Link(address) => write!(looks, "→{address}").unwrap(),
                    Meaning::Mention => looks += "@",
                }
                if looks.is_empty() { told += span.text } else { write!(told, "<{looks}|{}>", span.text).unwrap() }
            }
            told += ";";
        }
        told
    }

    #[test]
    fn the_subset_is_as_documented() {
        for (text, wanted) in [
            ("plain", "plain;"),
            ("**bold** and *italic* and _italic_", "<b|bold> and <i|italic> and <i|italic>;"),
            ("~~gone~~ ~not~", "<s|gone> ~not~;"),
            ("**bold *both* bold**", "<b|bold ><bi|both><b| bold>;"),
            ("`a*b*` x", "<c|a*b*> x;"),
            ("\\*no\\* \\x", "*no* \\x;"),
            ("snake_case_name", "snake_case_name;"),
            ("2 * 3 * 4", "2 * 3 * 4;"),
            ("**open *closed*", "**open <i|closed>;"),
            ("****", "****;"),
            ("[us](https://komado.example/a)", "<→https://komado.example/a|us>;"),
            ("[a **b**](http://x.y)", "<→http://x.y|a ><b→http://x.y|b>;"),
            ("[x](javascript:alert(1))", "[x](javascript:alert(1));"),
            ("[x](data:text/html,hi)", "[x](data:text/html,hi);"),
            ("see https://a.b/c_d_(e).", "see <→https://a.b/c_d_(e)|https://a.b/c_d_(e)>.;"),
            ("(https://a.b)", "(<→https://a.b|https://a.b>);"),
            (
                "[https://bank.example](https://evil.example)",
                "[<→https://bank.example|https://bank.example>](<→https://evil.example|https://evil.example>);",
            ),
            ("hi @bob, @carol.", "hi <@|@bob>, <@|@carol>.;"),
            ("mail a@b.c", "mail a@b.c;"),
            ("> said\n- one\n2. two", "quote:said;item0:one;item2:two;"),
            ("```rust\nlet x = *y;\n```\nafter", "code(rust):let x = *y;;after;"),
            ("```\nnever closed", "code():never closed;"),
            ("<b>no</b> &amp;", "<b>no</b> &amp;;"),
            ("窓**小窓**。", "窓<b|小窓>。;"),
            ("", ""),
        ] {
            assert_eq!(told(text), wanted, "{text:?}");
        }
    }

    fn texts<'a>(blocks: &[Block<'a>]) -> Vec<&'a str> {
        let of = |block: &Block<'a>| match block {
            Block::Line(spans) | Block::Quote(spans) | Block::Item(_, spans) => {
                spans.iter().map(|span| span.text).collect()
            }
            Block::Code { text, .. } => vec![*text],
        };
        blocks.iter().flat_map(of).collect()
    }

    /// Whatever is shown is a slice of the source, each further on than the one before; links lead where they may.
    fn check(text: &str) {
        let blocks = parse(text);
        let mut reached = text.as_ptr() as usize;
        for shown in texts(&blocks) {
            assert!(shown.as_ptr() as usize >= reached, "{text:?} is shown out of order");
            reached = shown.as_ptr() as usize + shown.len();
        }
        assert!(reached <= text.as_ptr() as usize + text.len());
        for block in &blocks {
            let (Block::Line(spans) | Block::Quote(spans) | Block::Item(_, spans)) = block else { continue };
            for span in spans {
                if let Meaning::Link(address) = span.meaning {
                    let address = address.to_ascii_lowercase();
                    assert!(["http://", "https://", "mailto:"].iter().any(|scheme| address.starts_with(scheme)));
                    assert!(!address.contains(char::is_whitespace));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn anything_is_parsed(text in "\\PC{0,200}") {
            check(&text);
        }

        #[test]
        fn signs_in_any_order_are_parsed(text in proptest::collection::vec(
            prop_oneof![
                Just("**"), Just("*"), Just("_"), Just("~~"), Just("`"), Just("```"), Just("["), Just("]("), Just(")"),
                Just("https://a"), Just("mailto:x"), Just("\\"), Just("\n"), Just("\r\n"), Just("> "), Just("1. "),
                Just("@a"), Just(" "), Just("x"), Just("窓"), Just("é")
            ],
            0..60,
        )) {
            check(&text.concat());
        }
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "how long parsing takes is measured by a clock; the parser gets none"
    )]
    fn the_worst_texts_take_no_longer_than_others() {
        let long = |piece: &str| piece.repeat(super::super::TEXT_MAX / piece.len());
        let bound = std::time::Duration::from_secs(2);
        let texts: Vec<String> = [
            "*",
            "**a",
            "*a",
            "_a ",
            "[",
            "[](",
            "[a](https://",
            "](",
            "`",
            "`a",
            "@",
            "https://",
            "```\n",
            "~~a*",
            "\\",
        ]
        .into_iter()
        .map(long)
        .collect();
        let clock = std::time::Instant::now();
        texts.iter().for_each(|text| check(text));
        assert!(clock.elapsed() < bound, "{:?}", clock.elapsed());
    }
}
