//! All colours, sizes, radii, spacing and type of the window, light and dark: paper and ink, with indigo for what acts.

use std::sync::Arc;

use egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Style, TextStyle, Ui, Vec2,
    style::{ScrollStyle, Selection, WidgetVisuals, Widgets},
};

/// Steps of spacing, in points.
pub mod space {
    pub const HAIR: f32 = 2.0;
    pub const TINY: f32 = 4.0;
    pub const SMALL: f32 = 8.0;
    pub const NORMAL: f32 = 12.0;
    pub const WIDE: f32 = 16.0;
    pub const LARGE: f32 = 24.0;
    pub const HUGE: f32 = 40.0;
}

/// Radii of corners, in points.
pub mod radius {
    pub const SMALL: u8 = 6;
    pub const NORMAL: u8 = 10;
    pub const BUBBLE: u8 = 14;
    pub const ROUND: u8 = 255;
}

/// Sizes of things, in points.
pub mod size {
    /// The title bar of each window.
    pub const TITLE_BAR: f32 = 34.0;
    pub const ICON_BUTTON: f32 = 30.0;
    /// A button that answers a call.
    pub const CALL_BUTTON: f32 = 48.0;
    pub const BUTTON: f32 = 36.0;
    pub const FIELD: f32 = 36.0;
    pub const AVATAR: f32 = 38.0;
    pub const AVATAR_SMALL: f32 = 28.0;
    pub const AVATAR_LARGE: f32 = 72.0;
    /// A person's own picture, where it is changed.
    pub const PORTRAIT: f32 = 112.0;
    /// A group's members at the side of their chat, where the window is as wide as that.
    pub const SIDE: f32 = 248.0;
    pub const SIDE_FROM: f32 = 600.0;
    /// The head of a chat that is narrower than this keeps some of its buttons in a menu.
    pub const HEAD_NARROW: f32 = 400.0;
    pub const CONTACT_ROW: f32 = 54.0;
    /// A window that is narrower than this is a strip.
    pub const STRIP_BELOW: f32 = 140.0;
    pub const STRIP: f32 = 68.0;
    /// What a docked window may be wide.
    pub const DOCKED: std::ops::RangeInclusive<f32> = 320.0..=480.0;
    pub const DOCKED_USUAL: f32 = 360.0;
    pub const CHAT: egui::Vec2 = egui::Vec2::new(420.0, 560.0);
    /// A call's own window, and how wide it is at least to have its chat beside the picture.
    pub const CALL: egui::Vec2 = egui::Vec2::new(720.0, 440.0);
    pub const CALL_WIDE: f32 = 700.0;
    pub const CALL_CHAT: f32 = 300.0;
    /// The border between two regions, what each of them is high at least, and a folded one.
    pub const BORDER: f32 = 12.0;
    pub const DISPLAY_LEAST: f32 = 130.0;
    pub const FUNCTIONS: f32 = 38.0;
    pub const CONTACTS_LEAST: f32 = 120.0;
    pub const MESSAGES_LEAST: f32 = 72.0;
    pub const FOLDED: f32 = 42.0;
    pub const FOLDED_SLIM: f32 = 24.0;
    /// The field for a path, and what is in its folder.
    pub const PATH: f32 = 420.0;
    pub const PATH_LIST: f32 = 220.0;
    /// A form is not wider.
    pub const FORM: f32 = 320.0;
    /// A bubble is at most this part of its window.
    pub const BUBBLE_PART: f32 = 0.8;
    /// The figures of a call over its picture: wide, and at most high.
    pub const QUALITY: f32 = 320.0;
    pub const QUALITY_HIGH: f32 = 420.0;
    /// How near to an edge of a window a press resizes it.
    pub const EDGE: f32 = 5.0;
}

/// Sizes of letters, in points.
pub mod letter {
    pub const TITLE: f32 = 20.0;
    pub const HEADING: f32 = 15.5;
    pub const BODY: f32 = 14.0;
    pub const SMALL: f32 = 12.0;
    pub const TINY: f32 = 11.0;
    pub const ICON: f32 = 18.0;
}

/// What a picture is multiplied with so that it stays as it is.
pub const UNTINTED: Color32 = Color32::WHITE;

/// The heavier of the two weights.
pub const SEMIBOLD: &str = "semibold";

/// Letters of a size in the heavier weight.
pub fn semibold(points: f32) -> FontId {
    FontId::new(points, FontFamily::Name(SEMIBOLD.into()))
}

/// Letters of a size.
pub fn regular(points: f32) -> FontId {
    FontId::new(points, FontFamily::Proportional)
}

/// Colours by what they are for. Each pair that a text and its ground make is tested for its contrast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Behind everything.
    pub ground: Color32,
    /// Bubbles of others, fields, cards.
    pub surface: Color32,
    /// A surface that the pointer is on.
    pub hover: Color32,
    /// A surface that is pressed or chosen.
    pub chosen: Color32,
    /// Lines between things.
    pub line: Color32,
    /// Edges of fields: what must be seen to be used.
    pub edge: Color32,
    pub text: Color32,
    /// Text that is less important.
    pub soft: Color32,
    /// What acts: primary buttons.
    pub accent: Color32,
    pub accent_hover: Color32,
    pub on_accent: Color32,
    /// Links, chosen words, the caret.
    pub accent_text: Color32,
    /// Own bubbles.
    pub own: Color32,
    /// Taking a call, being available.
    pub good: Color32,
    pub on_good: Color32,
    /// Being away.
    pub away: Color32,
    /// Ending, refusing, do not disturb.
    pub bad: Color32,
    pub on_bad: Color32,
    /// Words about what went wrong.
    pub bad_text: Color32,
    /// Behind words about what went wrong.
    pub bad_ground: Color32,
    /// Behind pictures of a call.
    pub stage: Color32,
    pub on_stage: Color32,
    /// Behind the signs of buttons on the stage.
    pub stage_button: Color32,
    /// Grounds of initials.
    pub faces: [Color32; 8],
    pub on_face: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const FACES: [Color32; 8] = [
    rgb(0x4A6491),
    rgb(0x3B7A6A),
    rgb(0x96603A),
    rgb(0x8A5277),
    rgb(0x5D6F35),
    rgb(0x6A5B97),
    rgb(0xA04F4A),
    rgb(0x3C7390),
];

pub const LIGHT: Palette = Palette {
    ground: rgb(0xF7F5F0),
    surface: rgb(0xFFFEFC),
    hover: rgb(0xEFECE4),
    chosen: rgb(0xE5E1D6),
    line: rgb(0xE2DED4),
    edge: rgb(0x8A877E),
    text: rgb(0x24262B),
    soft: rgb(0x62646B),
    accent: rgb(0x2F4F82),
    accent_hover: rgb(0x26426F),
    on_accent: rgb(0xFFFFFF),
    accent_text: rgb(0x2F4F82),
    own: rgb(0xDFE6F1),
    good: rgb(0x2E7856),
    on_good: rgb(0xFFFFFF),
    away: rgb(0xA06D12),
    bad: rgb(0xB3402F),
    on_bad: rgb(0xFFFFFF),
    bad_text: rgb(0x9C3325),
    bad_ground: rgb(0xF8E6E1),
    stage: rgb(0x14161A),
    on_stage: rgb(0xF2EFE8),
    stage_button: rgb(0x454A52),
    faces: FACES,
    on_face: rgb(0xFFFFFF),
};

pub const DARK: Palette = Palette {
    ground: rgb(0x191B1F),
    surface: rgb(0x24272C),
    hover: rgb(0x2A2E34),
    chosen: rgb(0x343940),
    line: rgb(0x2E3238),
    edge: rgb(0x767B84),
    text: rgb(0xE8E5DE),
    soft: rgb(0xA6A9B0),
    accent: rgb(0x4470B0),
    accent_hover: rgb(0x3A649F),
    on_accent: rgb(0xFFFFFF),
    accent_text: rgb(0x9DBDEB),
    own: rgb(0x2A3B57),
    good: rgb(0x2F7F5B),
    on_good: rgb(0xFFFFFF),
    away: rgb(0xD9A84E),
    bad: rgb(0xBC4B3A),
    on_bad: rgb(0xFFFFFF),
    bad_text: rgb(0xF2A597),
    bad_ground: rgb(0x3B2522),
    stage: rgb(0x0E1013),
    on_stage: rgb(0xF2EFE8),
    stage_button: rgb(0x454A52),
    faces: FACES,
    on_face: rgb(0xFFFFFF),
};

impl Palette {
    /// The palette that `ui` is drawn in.
    pub fn of(ui: &Ui) -> &'static Self {
        if ui.visuals().dark_mode { &DARK } else { &LIGHT }
    }

    /// The ground of someone's initials, the same each time.
    pub fn face(&self, account: u64) -> Color32 {
        self.faces[(account % self.faces.len() as u64) as usize]
    }
}

/// Gives both themes to a context; which of them is seen is chosen with `Context::set_theme`.
pub fn dress(context: &Context) {
    context.set_style_of(egui::Theme::Light, Arc::new(style(&LIGHT, false)));
    context.set_style_of(egui::Theme::Dark, Arc::new(style(&DARK, true)));
}

fn style(palette: &Palette, dark: bool) -> Style {
    let mut style = if dark { egui::Theme::Dark.default_style() } else { egui::Theme::Light.default_style() };
    style.text_styles = [
        (TextStyle::Small, regular(letter::SMALL)),
        (TextStyle::Body, regular(letter::BODY)),
        (TextStyle::Button, regular(letter::BODY)),
        (TextStyle::Heading, semibold(letter::HEADING)),
        (TextStyle::Monospace, FontId::monospace(letter::BODY - 1.0)),
    ]
    .into();
    style.animation_time = 0.1;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    let spacing = &mut style.spacing;
    spacing.item_spacing = Vec2::new(space::SMALL, space::SMALL);
    spacing.button_padding = Vec2::new(space::NORMAL, 7.0);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(space::WIDE as i8);
    spacing.interact_size = Vec2::new(size::ICON_BUTTON, size::ICON_BUTTON);
    spacing.scroll =
        ScrollStyle { bar_width: 8.0, floating_width: 4.0, foreground_color: true, ..ScrollStyle::floating() };
    spacing.scroll.fade.strength = 0.0;
    let visuals = &mut style.visuals;
    visuals.widgets = widgets(palette);
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(palette.soft);
    visuals.hyperlink_color = palette.accent_text;
    visuals.faint_bg_color = palette.hover;
    visuals.extreme_bg_color = palette.surface;
    visuals.text_edit_bg_color = Some(palette.surface);
    visuals.code_bg_color = palette.hover;
    visuals.warn_fg_color = palette.away;
    visuals.error_fg_color = palette.bad_text;
    visuals.panel_fill = palette.ground;
    visuals.window_fill = palette.surface;
    visuals.window_stroke = Stroke::new(1.0, palette.line);
    visuals.window_corner_radius = CornerRadius::same(radius::NORMAL);
    visuals.menu_corner_radius = CornerRadius::same(radius::NORMAL);
    let shadow =
        Shadow { offset: [0, 4], blur: 18, spread: 0, color: Color32::from_black_alpha(if dark { 110 } else { 36 }) };
    visuals.popup_shadow = shadow;
    visuals.window_shadow = shadow;
    visuals.selection = Selection {
        bg_fill: palette.accent_text.gamma_multiply(if dark { 0.35 } else { 0.25 }),
        stroke: Stroke::new(1.5, palette.accent_text),
    };
    visuals.text_cursor.stroke = Stroke::new(1.5, palette.accent_text);
    // A caret that blinks would draw a window twice a second for nothing.
    visuals.text_cursor.blink = false;
    style
}

fn widgets(palette: &Palette) -> Widgets {
    let state = |fill: Color32, edge: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, edge),
        corner_radius: CornerRadius::same(radius::SMALL),
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    Widgets {
        noninteractive: state(palette.ground, palette.line, palette.text),
        inactive: state(palette.hover, Color32::TRANSPARENT, palette.text),
        hovered: state(palette.chosen, Color32::TRANSPARENT, palette.text),
        active: state(palette.chosen, palette.accent_text, palette.text),
        open: state(palette.chosen, Color32::TRANSPARENT, palette.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(colour: Color32) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn the_measure_is_right() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 1e-9);
        assert!((contrast(rgb(0x777777), Color32::WHITE) - 4.48).abs() < 0.01);
    }

    #[test]
    fn texts_keep_wcag_aa_in_both_themes() {
        for (name, p) in [("light", LIGHT), ("dark", DARK)] {
            let grounds = [p.ground, p.surface, p.hover, p.own, p.chosen];
            let mut pairs = vec![
                (p.on_accent, p.accent),
                (p.on_accent, p.accent_hover),
                (p.on_good, p.good),
                (p.on_bad, p.bad),
                (p.bad_text, p.bad_ground),
                (p.text, p.bad_ground),
                (p.bad_text, p.ground),
                (p.bad_text, p.surface),
                (p.on_stage, p.stage),
                (p.on_stage, p.stage_button),
            ];
            pairs.extend(grounds.iter().flat_map(|ground| [p.text, p.soft, p.accent_text].map(|text| (text, *ground))));
            pairs.extend(p.faces.iter().map(|face| (p.on_face, *face)));
            for (text, ground) in pairs {
                let contrast = contrast(text, ground);
                assert!(contrast >= 4.5, "{name}: {text:?} on {ground:?} has only {contrast:.2}");
            }
        }
    }

    #[test]
    fn signs_and_edges_can_be_told_from_their_ground() {
        for (name, p) in [("light", LIGHT), ("dark", DARK)] {
            for sign in [p.good, p.away, p.bad, p.edge, p.accent, p.soft] {
                for ground in [p.ground, p.surface, p.hover] {
                    // The fills of buttons carry words of their own.
                    let least =
                        if sign == p.accent || name == "dark" && (sign == p.good || sign == p.bad) { 2.7 } else { 3.0 };
                    let contrast = contrast(sign, ground);
                    assert!(contrast >= least, "{name}: {sign:?} on {ground:?} has only {contrast:.2}");
                }
            }
        }
    }
}
