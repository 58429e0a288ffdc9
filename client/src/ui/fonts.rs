//! The letters of the window: Inter, Phosphor and Noto Emoji are embedded, letters of Japanese and Chinese come from the
//! system.

use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily};

use super::theme::{SEMIBOLD, letter};

const INTER: &[u8] = include_bytes!("../../assets/inter-regular.ttf");
const INTER_SEMIBOLD: &[u8] = include_bytes!("../../assets/inter-semibold.ttf");
const PHOSPHOR: &[u8] = include_bytes!("../../assets/phosphor.ttf");
const EMOJI: &[u8] = include_bytes!("../../assets/noto-emoji.ttf");

/// Fonts with Japanese letters, the best first; those further down have other shapes of some letters.
const JAPANESE: [&str; 16] = [
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Source Han Sans JP",
    "Source Han Sans",
    "Hiragino Sans",
    "Hiragino Kaku Gothic ProN",
    "Yu Gothic UI",
    "Yu Gothic",
    "Meiryo",
    "BIZ UDPGothic",
    "IPAexGothic",
    "IPAPGothic",
    "TakaoPGothic",
    "VL PGothic",
    "Droid Sans Fallback",
    "WenQuanYi Micro Hei",
];

/// Fonts with signs that may be missing in the embedded ones, the best first. Those of several colours have no outlines
/// that could be drawn.
const SIGNS: [&str; 5] = ["Noto Emoji", "OpenMoji", "Segoe UI Emoji", "Symbola", "DejaVu Sans"];

/// The fonts with emoji behind one that has the box for what is missing. epaint says of whatever is in the font of that
/// box that it is missing, and among letters that font is the embedded one with emoji.
const EMOJI_AFTER_HACK: &str = "emoji after hack";

/// Whether the fonts at hand have a sign.
pub fn can_draw(context: &egui::Context, sign: &str) -> bool {
    let sign = sign.trim_end_matches('\u{fe0f}');
    let families = [FontFamily::Proportional, FontFamily::Name(EMOJI_AFTER_HACK.into())];
    context.fonts_mut(|fonts| {
        families.into_iter().any(|family| fonts.has_glyphs(&egui::FontId::new(letter::BODY, family), sign))
    })
}

/// The fonts of all windows.
#[derive(Clone)]
pub struct Fonts {
    pub definitions: FontDefinitions,
    /// Whether Japanese can be shown.
    pub has_japanese: bool,
}

impl Fonts {
    /// Looks once at what the system has; files are mapped, not read.
    pub fn find() -> Self {
        let mut system = fontdb::Database::new();
        system.load_system_fonts();
        let japanese = japanese(&mut system, fontdb::Weight::NORMAL);
        let japanese_bold = japanese.is_some().then(|| japanese_of(&mut system, fontdb::Weight::BOLD)).flatten();
        let emoji = SIGNS.iter().find_map(|family| load(&mut system, family, fontdb::Weight::NORMAL));
        Self::of(japanese, japanese_bold, emoji)
    }

    fn of(japanese: Option<FontData>, japanese_bold: Option<FontData>, emoji: Option<FontData>) -> Self {
        let mut definitions = FontDefinitions::empty();
        let has_japanese = japanese.is_some();
        let mut add = |name: &str, data: FontData| {
            definitions.font_data.insert(name.to_owned(), Arc::new(data));
        };
        add("inter", FontData::from_static(INTER));
        add("inter-semibold", FontData::from_static(INTER_SEMIBOLD));
        add("phosphor", FontData::from_static(PHOSPHOR));
        add("hack", FontData::from_static(epaint_default_fonts::HACK_REGULAR));
        add("emoji", FontData::from_static(EMOJI));
        let bold = if japanese_bold.is_some() { "japanese-bold" } else { "japanese" };
        japanese.into_iter().for_each(|data| add("japanese", data));
        add("emoji-icons", FontData::from_static(epaint_default_fonts::EMOJI_ICON));
        emoji.into_iter().for_each(|data| add("emoji-system", data));
        japanese_bold.into_iter().for_each(|data| add("japanese-bold", data));
        let known: Vec<String> = definitions.font_data.keys().cloned().collect();
        let semibold = FontFamily::Name(SEMIBOLD.into());
        for (family, letters) in [
            (FontFamily::Proportional, &["inter", "phosphor", "japanese"][..]),
            (semibold, &["inter-semibold", "phosphor", bold]),
            (FontFamily::Monospace, &["hack", "phosphor", "japanese"]),
            (FontFamily::Name(EMOJI_AFTER_HACK.into()), &["hack"]),
        ] {
            let fonts = letters.iter().chain(&["emoji", "emoji-system", "emoji-icons"]);
            let fonts = fonts.map(|font| (*font).to_owned()).filter(|font| known.contains(font)).collect();
            definitions.families.insert(family, fonts);
        }
        Self { definitions, has_japanese }
    }
}

fn japanese(system: &mut fontdb::Database, weight: fontdb::Weight) -> Option<FontData> {
    JAPANESE.iter().find_map(|family| load(system, family, weight))
}

/// A heavier weight, only if there really is one.
fn japanese_of(system: &mut fontdb::Database, weight: fontdb::Weight) -> Option<FontData> {
    JAPANESE.iter().find_map(|family| {
        let has =
            system.faces().any(|face| face.weight >= weight && face.families.iter().any(|(name, _)| name == family));
        has.then(|| load(system, family, weight)).flatten()
    })
}

fn load(system: &mut fontdb::Database, family: &str, weight: fontdb::Weight) -> Option<FontData> {
    let families = [fontdb::Family::Name(family)];
    let face = system.query(&fontdb::Query { families: &families, weight, ..fontdb::Query::default() })?;
    // SAFETY: the file is mapped and must not be shortened while the program runs. Package managers put new files in
    // the place of old ones and leave those that are open as they are.
    let (data, index) = unsafe { system.make_shared_face_data(face) }?;
    // Loaded once, and needed as long as the program runs: 20 MB that are mapped and shared with other programs.
    let data: &'static dyn AsRef<[u8]> = &**Box::leak(Box::new(data));
    Some(FontData { index, ..FontData::from_static(data.as_ref()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_japanese_still_has_all_families() {
        let fonts = Fonts::of(None, None, None);
        assert!(!fonts.has_japanese);
        for (family, names) in &fonts.definitions.families {
            assert!(names.len() >= 3, "{family:?} has {names:?}");
            assert!(names.iter().all(|name| fonts.definitions.font_data.contains_key(name)));
        }
    }
}
