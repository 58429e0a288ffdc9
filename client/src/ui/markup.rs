//! A line's text with its emphasis, code, quotes, lists and links, as egui lays it out.

use std::ops::Range;

use egui::{
    Color32, Stroke,
    text::{LayoutJob, TextFormat},
};
use relay::vocabulary::markup::{Block, Meaning, Span, parse};

use super::theme::{Palette, letter, regular, semibold};

/// A text that is ready to be laid out, with the places of its links.
#[derive(Debug, Default)]
pub struct Marked {
    pub job: LayoutJob,
    /// Characters, and where they lead.
    pub links: Vec<(Range<usize>, String)>,
    /// Characters of each block of code, and the code.
    pub code: Vec<(Range<usize>, String)>,
    characters: usize,
    /// The name of who reads it.
    me: String,
}

impl Marked {
    /// Reads the safe subset of Markdown. Mentions of `me` stand out from those of others.
    pub fn read(text: &str, palette: &Palette, width: f32, me: &str) -> Self {
        let mut marked = Self { me: me.to_owned(), ..Self::default() };
        marked.job.wrap.max_width = width;
        marked.job.break_on_newline = true;
        for (index, block) in parse(text).iter().enumerate() {
            if index > 0 {
                marked.put("\n", plain(palette));
            }
            marked.block(block, palette);
        }
        marked
    }

    fn block(&mut self, block: &Block<'_>, palette: &Palette) {
        match block {
            Block::Line(spans) => spans.iter().for_each(|span| self.span(span, palette, palette.text)),
            Block::Quote(spans) => {
                self.put("▏ ", TextFormat { color: palette.accent_text, ..plain(palette) });
                spans.iter().for_each(|span| self.span(span, palette, palette.soft));
            }
            Block::Item(number, spans) => {
                let sign = number.map_or_else(|| " •  ".to_owned(), |number| format!(" {number}. "));
                self.put(&sign, TextFormat { color: palette.soft, ..plain(palette) });
                spans.iter().for_each(|span| self.span(span, palette, palette.text));
            }
            Block::Code { text, .. } => {
                let begin = self.characters;
                self.put(text, TextFormat { background: Color32::TRANSPARENT, ..code(palette) });
                self.code.push((begin..self.characters, (*text).to_owned()));
            }
        }
    }

    fn span(&mut self, span: &Span<'_>, palette: &Palette, colour: Color32) {
        let mut format = TextFormat { color: colour, ..plain(palette) };
        if span.bold {
            format.font_id = semibold(letter::BODY);
        }
        format.italics = span.italic;
        if span.struck {
            format.strikethrough = Stroke::new(1.0, colour);
        }
        let begin = self.characters;
        match span.meaning {
            Meaning::Text => self.put(span.text, format),
            Meaning::Code => self.put(span.text, code(palette)),
            Meaning::Mention => {
                let is_me = !self.me.is_empty() && span.text[1..].eq_ignore_ascii_case(&self.me);
                let (color, background) = if is_me {
                    (palette.on_accent, palette.accent)
                } else {
                    (palette.accent_text, Color32::TRANSPARENT)
                };
                self.put(span.text, TextFormat { color, background, font_id: semibold(letter::BODY), ..format });
            }
            Meaning::Link(address) => {
                let underline = Stroke::new(1.0, palette.accent_text.gamma_multiply(0.6));
                self.put(span.text, TextFormat { color: palette.accent_text, underline, ..format });
                self.links.push((begin..self.characters, address.to_owned()));
            }
        }
    }

    /// Adds a few words of another kind.
    pub fn put(&mut self, text: &str, format: TextFormat) {
        self.characters += text.chars().count();
        self.job.append(text, 0.0, format);
    }

    /// The link at a character.
    pub fn link_at(&self, character: usize) -> Option<&str> {
        self.links.iter().find(|(range, _)| range.contains(&character)).map(|(_, address)| address.as_str())
    }
}

/// A text without its marks, as one line: for where there is place for no more.
pub fn preview(text: &str) -> String {
    let mut line = String::new();
    for block in parse(text) {
        if !line.is_empty() {
            line.push(' ');
        }
        match block {
            Block::Line(spans) | Block::Quote(spans) => spans.iter().for_each(|span| line.push_str(span.text)),
            Block::Item(_, spans) => {
                line.push_str("• ");
                spans.iter().for_each(|span| line.push_str(span.text));
            }
            Block::Code { text, .. } => line.extend(text.lines().flat_map(|code| [code, " "])),
        }
    }
    line.trim_end().to_owned()
}

/// How text usually looks. Lines stand a little apart: Japanese needs it, and Latin does not mind.
pub fn plain(palette: &Palette) -> TextFormat {
    TextFormat {
        font_id: regular(letter::BODY),
        color: palette.text,
        line_height: Some(letter::BODY * 1.45),
        ..TextFormat::default()
    }
}

fn code(palette: &Palette) -> TextFormat {
    TextFormat {
        font_id: egui::FontId::monospace(letter::BODY - 1.0),
        background: palette.text.gamma_multiply(0.07),
        ..plain(palette)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::LIGHT;

    #[test]
    fn links_are_found_by_their_characters() {
        let marked = Marked::read("小窓 see [the site](https://example.org) **now**\n> quoted", &LIGHT, 300.0, "");
        assert_eq!(marked.job.text, "小窓 see the site now\n▏ quoted");
        assert_eq!(marked.link_at(7), Some("https://example.org"));
        assert_eq!((marked.link_at(6), marked.link_at(15)), (None, None));
        let bold = marked.job.sections.iter().find(|section| section.format.font_id == semibold(letter::BODY));
        let bold = bold.unwrap().byte_range.clone();
        assert_eq!(&marked.job.text[bold.start.0..bold.end.0], "now");
    }

    #[test]
    fn a_preview_has_no_marks() {
        assert_eq!(
            preview("I will *send* it\n- `today`\n```rust\nlet a;\n```\n[here](https://a.b)"),
            "I will send it • today let a;  here"
        );
        assert_eq!(preview(""), "");
    }

    #[test]
    fn blocks_of_code_are_known_by_their_characters() {
        let marked = Marked::read("窓:\n```\nlet a;\nlet b;\n```\nend", &LIGHT, 300.0, "");
        assert_eq!(marked.code, [(3..16, "let a;\nlet b;".to_owned())]);
    }

    #[test]
    fn a_mention_of_oneself_stands_out() {
        let marked = Marked::read("@ada and @Haruka", &LIGHT, 300.0, "haruka");
        let filled: Vec<_> =
            marked.job.sections.iter().filter(|section| section.format.background == LIGHT.accent).collect();
        assert_eq!(filled.len(), 1);
        let place = filled[0].byte_range.clone();
        assert_eq!(&marked.job.text[place.start.0..place.end.0], "@Haruka");
    }
}
