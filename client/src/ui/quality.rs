//! How a call goes, in figures with a little curve each, and as a text for whoever helps.

use egui::{Align2, Frame, Margin, Pos2, Rect, RichText, ScrollArea, Sense, Stroke, Ui, Vec2};

use super::{
    Scene, Value, controls, dates, icons,
    theme::{Palette, letter, regular, semibold, size, space},
};
use crate::{
    app::Signal,
    call::{REMEMBERED, Second},
    engine::{CallState, ConnectionState},
    link::Carriage,
};

/// One figure: its name, how it is now, and how it was in the last minute.
struct Figure {
    name: &'static str,
    unit: &'static str,
    now: Option<f32>,
    /// A curve is at least as high as this, so that small changes look small.
    scale: f32,
    curve: Vec<Option<f32>>,
}

/// The sign for how good a signal is: told apart by its shape.
pub fn sign(signal: Signal) -> (&'static str, &'static str) {
    match signal {
        Signal::Lost => (icons::WIFI_SLASH, "signal-lost"),
        Signal::Weak => (icons::CELL_SIGNAL_LOW, "signal-weak"),
        Signal::Fair => (icons::CELL_SIGNAL_MEDIUM, "signal-fair"),
        Signal::Good => (icons::CELL_SIGNAL_FULL, "signal-good"),
    }
}

/// Draws the panel, as high as there is room for. Says whether it is to be closed.
pub fn show(ui: &mut Ui, scene: &Scene<'_>, call: &CallState) -> bool {
    let palette = Palette::of(ui);
    let mut close = false;
    Frame::new().inner_margin(Margin::symmetric(12, 4)).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(RichText::new(scene.say("quality")).font(semibold(letter::HEADING)).color(palette.text));
            controls::from_the_right(ui, |ui| {
                close = controls::icon_button(ui, icons::X, &scene.say("quality-close")).clicked();
                copy_button(ui, scene, call);
            });
        });
        ScrollArea::vertical().auto_shrink([false, true]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            row(ui, &scene.say("quality-path"), &path(scene), None);
            if call.course.last().is_none() {
                ui.label(RichText::new(scene.say("quality-collects")).font(regular(letter::SMALL)).color(palette.soft));
                return;
            }
            for figure in figures(call) {
                row(ui, &scene.say(figure.name), &value(scene, figure.unit, figure.now), Some(&figure));
            }
            if let Some(size) = picture_size(call) {
                row(ui, &scene.say("quality-size"), &size, None);
            }
        });
    });
    close
}

fn copy_button(ui: &mut Ui, scene: &Scene<'_>, call: &CallState) {
    let id = egui::Id::new("report copied");
    let now = scene.now.at;
    let copied = ui.data(|data| data.get_temp::<u64>(id)).is_some_and(|at| now.saturating_sub(at) < 2_000);
    let name = if copied { "quality-copied" } else { "quality-copy" };
    if controls::small_button(ui, &scene.say(name), false).clicked() {
        ui.ctx().copy_text(report(scene, call));
        ui.data_mut(|data| data.insert_temp(id, now));
    }
}

/// Name on the left, curve in the middle, figure on the right. Words that are too long for that take a line of their own.
fn row(ui: &mut Ui, name: &str, value: &str, figure: Option<&Figure>) {
    let palette = Palette::of(ui);
    let width = ui.available_width();
    let name_width = (width * 0.36).min(150.0);
    let text = ui.painter().layout(value.to_owned(), regular(letter::SMALL), palette.text, width - name_width);
    let height = text.size().y.max(12.0) + 2.0 * space::TINY;
    let (area, response) = ui.allocate_exact_size(Vec2::new(width, height), Sense::hover());
    controls::line(
        ui,
        area.left_top() + Vec2::new(0.0, space::TINY),
        name_width,
        name,
        regular(letter::SMALL),
        palette.soft,
    );
    let right = if value.contains('\n') { area.left() + name_width } else { area.right() - text.size().x };
    let at = Pos2::new(right, area.center().y - text.size().y / 2.0);
    ui.painter().galley(at, text, palette.text);
    if let Some(figure) = figure {
        let left = area.left() + name_width + space::SMALL;
        let end = area.right() - value_width(width);
        draw_curve(ui, Rect::from_x_y_ranges(left..=end, area.top() + 3.0..=area.bottom() - 3.0), figure);
    }
    let spoken = format!("{name}: {value}");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, &spoken));
}

/// What figures may take at the right.
fn value_width(width: f32) -> f32 {
    (width * 0.33).clamp(96.0, 130.0)
}

/// The last minute from left to right; seconds without a figure are left out.
fn draw_curve(ui: &Ui, area: Rect, figure: &Figure) {
    let palette = Palette::of(ui);
    ui.painter().hline(area.x_range(), area.bottom(), Stroke::new(1.0, palette.line));
    let most = figure.curve.iter().flatten().copied().fold(figure.scale, f32::max);
    let first = REMEMBERED - figure.curve.len().min(REMEMBERED);
    let place = |index: usize, value: f32| {
        let x = area.left() + area.width() * (first + index) as f32 / (REMEMBERED - 1) as f32;
        Pos2::new(x, area.bottom() - area.height() * (value / most).clamp(0.0, 1.0))
    };
    let stroke = Stroke::new(1.5, palette.accent_text);
    let mut run = Vec::new();
    for (index, value) in figure.curve.iter().enumerate() {
        match value {
            Some(value) => run.push(place(index, *value)),
            None => draw_run(ui, &mut run, stroke),
        }
    }
    draw_run(ui, &mut run, stroke);
}

fn draw_run(ui: &Ui, run: &mut Vec<Pos2>, stroke: Stroke) {
    match &run[..] {
        [] => {}
        [alone] => drop(ui.painter().circle_filled(*alone, 1.2, stroke.color)),
        _ => drop(ui.painter().line(std::mem::take(run), stroke)),
    }
    run.clear();
}

fn figures(call: &CallState) -> Vec<Figure> {
    let figure = |name, unit, scale, of: fn(&Second) -> Option<f32>| {
        let curve: Vec<_> = call.course.seconds().map(of).collect();
        Figure { name, unit, now: curve.last().copied().flatten(), scale, curve }
    };
    let mut figures = vec![
        figure("quality-round-trip", "unit-ms", 50.0, |second| second.round_trip_ms),
        figure("quality-picture-delay", "unit-ms", 100.0, |second| second.video_delay_ms),
        figure("quality-sound-delay", "unit-ms", 100.0, |second| second.audio_delay_ms),
        figure("quality-buffer", "unit-ms", 60.0, |second| Some(second.buffer_ms)),
        figure("quality-received", "unit-kbps", 200.0, |second| Some(second.received_kbps)),
        figure("quality-sent", "unit-kbps", 200.0, |second| Some(second.sent_kbps)),
        figure("quality-shown", "unit-rate", 30.0, |second| Some(second.shown_rate)),
        figure("quality-shown-sent", "unit-rate", 30.0, |second| Some(second.sent_rate)),
        figure("quality-dropped", "unit-count", 5.0, |second| Some(second.dropped as f32)),
        figure("quality-cpu", "unit-percent", 100.0, |second| second.cpu.map(|cores| cores * 100.0)),
    ];
    if let Some(report) = &call.report {
        // The curve tells when; the number tells how many there were in all.
        let dropped = figures.iter_mut().find(|figure| figure.name == "quality-dropped");
        dropped.into_iter().for_each(|figure| figure.now = Some(report.video.dropped as f32));
    }
    figures
}

fn value(scene: &Scene<'_>, unit: &str, figure: Option<f32>) -> String {
    match figure {
        Some(figure) => scene.words.with(unit, &[("n", Value::Number(figure.max(0.0).round() as u64))]),
        None => scene.say("quality-unknown"),
    }
}

fn picture_size(call: &CallState) -> Option<String> {
    let video = &call.report.as_ref()?.video;
    (video.width > 0).then(|| format!("{} × {}", video.width, video.height))
}

fn path(scene: &Scene<'_>) -> String {
    let ConnectionState::Connected { path } = &scene.view.state.connection else {
        return scene.say("connection-none");
    };
    let carriage = |carriage| scene.say(if carriage == Carriage::Streaming { "path-streaming" } else { "path-short" });
    let way = match &path.proxy {
        Some(proxy) => scene.words.with("path-proxy", &[("proxy", Value::Text(proxy))]),
        None => scene.say("path-direct"),
    };
    let up = scene.words.with("path-up", &[("how", Value::Text(&carriage(path.up)))]);
    let down = scene.words.with("path-down", &[("how", Value::Text(&carriage(path.down)))]);
    format!("{way}\n{up}\n{down}")
}

/// All figures as plain text, for whoever helps; and below them, for programs, the report of the whole call as JSON.
fn report(scene: &Scene<'_>, call: &CallState) -> String {
    let mut lines = vec![
        scene.say("quality"),
        format!("{}: {}", scene.say("quality-version"), env!("CARGO_PKG_VERSION")),
        format!("{}: {}", scene.say("quality-path"), path(scene).replace('\n', " · ")),
    ];
    if let Some(report) = &call.report {
        lines.push(format!("{}: {}", scene.say("quality-length"), dates::length((report.duration_s * 1e3) as u64)));
    }
    for figure in figures(call) {
        let known = || figure.curve.iter().flatten().copied();
        let now = value(scene, figure.unit, figure.now);
        let told = match (known().reduce(f32::min), known().reduce(f32::max)) {
            (Some(least), Some(most)) => {
                let (least, most) = (value(scene, figure.unit, Some(least)), value(scene, figure.unit, Some(most)));
                let values =
                    [("value", Value::Text(&now)), ("least", Value::Text(&least)), ("most", Value::Text(&most))];
                scene.words.with("quality-range", &values)
            }
            _ => now,
        };
        lines.push(format!("{}: {told}", scene.say(figure.name)));
    }
    if let Some(size) = picture_size(call) {
        lines.push(format!("{}: {size}", scene.say("quality-size")));
    }
    match call.report.as_ref().map(serde_json::to_string) {
        Some(Ok(json)) => lines.push(json),
        Some(Err(error)) => tracing::error!(%error, "a report cannot be written as JSON"),
        None => {}
    }
    lines.join("\n") + "\n"
}

/// The panel over a picture that fills the window.
pub fn show_over(ui: &mut Ui, stage: Rect, scene: &Scene<'_>, call: &CallState) -> bool {
    let width = size::QUALITY.min(stage.width() - 2.0 * space::NORMAL);
    let at = stage.left_top() + Vec2::new(space::NORMAL, 52.0);
    let area = Rect::from_min_size(at, Vec2::new(width, (stage.height() - 152.0).min(size::QUALITY_HIGH)));
    let mut close = false;
    let builder = egui::UiBuilder::new().max_rect(area);
    ui.scope_builder(builder, |ui| {
        // What lies on a picture is dark in both themes.
        let dark = ui.ctx().style_of(egui::Theme::Dark);
        ui.set_style(dark);
        let palette = Palette::of(ui);
        Frame::new()
            .fill(palette.ground.gamma_multiply(0.93))
            .corner_radius(10.0)
            .inner_margin(Margin::symmetric(0, 6))
            .show(ui, |ui| close = show(ui, scene, call));
    });
    close
}

/// A pill with words on the stage of a call; its right lower corner is not known before it is drawn.
pub fn pill(ui: &Ui, at: Pos2, align: Align2, galley: std::sync::Arc<egui::Galley>, lead: f32) -> Rect {
    let palette = Palette::of(ui);
    let size = galley.size() + Vec2::new(16.0 + lead, 8.0);
    let area = align.anchor_size(at, size);
    ui.painter().rect_filled(area, 13.0, palette.stage.gamma_multiply(0.85));
    ui.painter().galley(area.left_top() + Vec2::new(8.0 + lead, 4.0), galley, palette.on_stage);
    area
}
