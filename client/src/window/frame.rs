//! One native window: its events go to egui, its drawing comes from a screen.

use std::{cell::Cell, sync::Arc, time::Instant};

use egui::{Ui, ViewportId};
use winit::{
    dpi::PhysicalPosition,
    event::{ElementState, MouseButton, WindowEvent},
    event_loop::{ActiveEventLoop, EventLoopProxy},
    keyboard::{Key, NamedKey},
    window::{ResizeDirection, Window, WindowAttributes, WindowId, WindowLevel},
};

use super::{
    Wake, WindowError, dock, edge,
    surface::{Drawing, Surface},
};
use crate::{
    app::Pictures,
    home::{TextSize, Theme},
    ui::{
        Fonts, Out, PicturePlace,
        theme::{self, Palette},
    },
};

/// A native window that can be drawn in.
pub struct Frame {
    pub window: Arc<Window>,
    surface: Surface,
    context: egui::Context,
    input: egui_winit::State,
    /// When it is to be drawn again by itself.
    due: Option<Instant>,
    edge: Option<ResizeDirection>,
    docked: bool,
    focused: bool,
    waits: Cell<Waits>,
    drawn: Option<Drawn>,
}

/// What is new since a window was drawn. The desktop may ask for it when nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    Nothing,
    Pictures,
    Everything,
}

/// A screen as it was drawn last: it stays while nothing but pictures is new.
struct Drawn {
    shapes: Vec<egui::ClippedPrimitive>,
    places: Vec<PicturePlace>,
    palette: &'static Palette,
    scale: f32,
}

impl Frame {
    /// Opens a window without a border. A docked one is not resized by its edges.
    pub fn open(
        events: &ActiveEventLoop,
        proxy: &EventLoopProxy<Wake>,
        fonts: &Fonts,
        attributes: WindowAttributes,
        level: WindowLevel,
        docked: bool,
    ) -> Result<Self, WindowError> {
        // Seen only once it can be drawn; a screen reader must find it before.
        let attributes = attributes.with_visible(false).with_decorations(false);
        let window = Arc::new(events.create_window(attributes)?);
        let surface = Surface::new(&window)?;
        let context = egui::Context::default();
        context.set_fonts(fonts.definitions.clone());
        context.options_mut(|options| options.fallback_theme = egui::Theme::Light);
        theme::dress(&context);
        let (id, waker) = (window.id(), proxy.clone());
        context.set_request_repaint_callback(move |info| {
            // A window that is gone needs no drawing.
            let at = Instant::now().checked_add(info.delay);
            if let Some(at) = at
                && waker.send_event(Wake::Repaint(id, at)).is_err()
            {
                tracing::debug!("a window asked to be drawn after the end");
            }
        });
        let (scale, largest) = (window.scale_factor() as f32, surface.largest_texture());
        let theme = window.theme();
        let mut input =
            egui_winit::State::new(context.clone(), ViewportId::ROOT, &*window, Some(scale), theme, Some(largest));
        input.init_accesskit(events, &window, proxy.clone());
        window.set_visible(true);
        // Lost if it is said before the window is seen.
        window.set_window_level(level);
        window.request_redraw();
        let waits = Cell::new(Waits::Everything);
        Ok(Self { window, surface, context, input, due: None, edge: None, docked, focused: false, waits, drawn: None })
    }

    pub fn id(&self) -> WindowId {
        self.window.id()
    }

    /// Draws it anew as soon as the desktop allows.
    pub fn redraw(&self) {
        self.waits.set(Waits::Everything);
        self.window.request_redraw();
    }

    /// Draws new pictures of a call into what it shows.
    pub fn redraw_pictures(&self) {
        if self.drawn.as_ref().is_some_and(|drawn| drawn.places.is_empty()) {
            return;
        }
        if self.waits.get() == Waits::Nothing {
            self.waits.set(Waits::Pictures);
        }
        self.window.request_redraw();
    }

    /// Gives the window its title.
    pub fn name(&self, title: &str) {
        if self.window.title() != title {
            self.window.set_title(title);
        }
    }

    pub fn is_focused(&self) -> bool {
        self.focused
    }

    /// `dark` says what the desktop is, for a window that its system does not tell.
    pub fn choose_theme(&self, theme: Theme, dark: bool) {
        let fallback = if dark { egui::Theme::Dark } else { egui::Theme::Light };
        self.context.options_mut(|options| options.fallback_theme = fallback);
        self.context.set_theme(match theme {
            Theme::System => egui::ThemePreference::System,
            Theme::Light => egui::ThemePreference::Light,
            Theme::Dark => egui::ThemePreference::Dark,
        });
    }

    /// How large everything is.
    pub fn choose_size(&self, size: TextSize) {
        self.context.set_zoom_factor(size.factor());
        self.redraw();
    }

    /// Draws it again at some time; the earliest of all times counts.
    pub fn draw_at(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Asks for the drawing that is due. Gives the time of the next one that is not yet.
    pub fn keep_time(&mut self, now: Instant) -> Option<Instant> {
        let due = self.due?;
        if due > now {
            return Some(due);
        }
        self.due = None;
        self.redraw();
        None
    }

    pub fn accessibility(&mut self, event: egui_winit::accesskit_winit::WindowEvent) {
        use egui_winit::accesskit_winit::WindowEvent::{
            AccessibilityDeactivated, ActionRequested, InitialTreeRequested,
        };
        match event {
            InitialTreeRequested => self.context.enable_accesskit(),
            ActionRequested(request) => self.input.on_accesskit_action_request(request),
            AccessibilityDeactivated => self.context.disable_accesskit(),
        }
        self.redraw();
    }

    /// Whether the person wants to paste.
    pub fn is_paste(&self, event: &WindowEvent) -> bool {
        let WindowEvent::KeyboardInput { event, .. } = event else { return false };
        let is_v = match &event.logical_key {
            Key::Character(text) => text.eq_ignore_ascii_case("v"),
            Key::Named(NamedKey::Paste) => return event.state == ElementState::Pressed,
            _ => false,
        };
        let command = self.input.egui_input().modifiers.command;
        is_v && command && event.state == ElementState::Pressed && !event.repeat
    }

    /// Takes in what happened to the window, apart from drawing and closing.
    pub fn take(&mut self, event: &WindowEvent) {
        match event {
            WindowEvent::Resized(size) => self.surface.resize(*size),
            WindowEvent::Focused(focused) => self.focused = *focused,
            WindowEvent::CursorMoved { position, .. } => self.look_at_edge(*position),
            WindowEvent::MouseInput { state: ElementState::Pressed, button: MouseButton::Left, .. } => {
                if let Some(edge) = self.edge {
                    if let Err(error) = self.window.drag_resize_window(edge) {
                        tracing::warn!(%error, "the window cannot be resized by its edge");
                    }
                    return;
                }
                if self.docked && !self.focused {
                    dock::take_keyboard(&self.window);
                }
            }
            _ => {}
        }
        if let WindowEvent::KeyboardInput { event, .. } = event
            && event.logical_key == Key::Named(NamedKey::ContextMenu)
        {
            self.press_menu_key(event.state == ElementState::Pressed);
        }
        if self.input.on_window_event(&self.window, event).repaint {
            self.redraw();
        }
    }

    /// The key for menus, which egui does not know, as the one that means the same.
    fn press_menu_key(&mut self, pressed: bool) {
        let modifiers = egui::Modifiers::SHIFT;
        let (key, physical_key) = (egui::Key::F10, None);
        let event = egui::Event::Key { key, physical_key, pressed, repeat: false, modifiers };
        self.input.egui_input_mut().events.push(event);
        self.redraw();
    }

    fn look_at_edge(&mut self, position: PhysicalPosition<f64>) {
        if self.docked {
            return;
        }
        let reach = f64::from(theme::size::EDGE) * self.window.scale_factor();
        let edge = edge::at(position, self.window.inner_size(), reach);
        if edge != self.edge {
            self.edge = edge;
            self.window.set_cursor(edge.map(edge::cursor).unwrap_or_default());
        }
    }

    /// Draws a screen.
    pub fn draw(&mut self, pictures: &Pictures, mut screen: impl FnMut(&mut Ui, &mut Out)) -> Out {
        self.waits.set(Waits::Nothing);
        let input = self.input.take_egui_input(&self.window);
        let mut out = Out::default();
        let output = self.context.run_ui(input, |ui| {
            // Drawn again when sizes were not known: where pictures are counts from the last time.
            out.pictures.clear();
            screen(ui, &mut out);
            border(ui);
        });
        self.input.handle_platform_output(&self.window, output.platform_output);
        if let Some(edge) = self.edge {
            self.window.set_cursor(edge::cursor(edge));
        }
        let scale = output.pixels_per_point;
        let shapes = self.context.tessellate(output.shapes, scale);
        let dark = self.context.theme() == egui::Theme::Dark;
        let palette = if dark { &theme::DARK } else { &theme::LIGHT };
        let drawn = Drawn { shapes, places: out.pictures.clone(), palette, scale };
        self.bring(&drawn, &output.textures_delta, pictures);
        self.drawn = Some(drawn);
        out
    }

    /// Draws only the pictures of a call anew, if nothing else is new. Says whether that was so.
    pub fn draw_pictures(&mut self, pictures: &Pictures) -> bool {
        if self.waits.get() != Waits::Pictures {
            return false;
        }
        let Some(drawn) = self.drawn.take() else { return false };
        self.waits.set(Waits::Nothing);
        self.bring(&drawn, &egui::TexturesDelta::default(), pictures);
        self.drawn = Some(drawn);
        true
    }

    fn bring(&mut self, drawn: &Drawn, textures: &egui::TexturesDelta, pictures: &Pictures) {
        let drawing = Drawing {
            ground: drawn.palette.ground,
            stage: drawn.palette.stage,
            places: &drawn.places,
            pictures,
            shapes: &drawn.shapes,
            textures,
            scale: drawn.scale,
        };
        if let Err(error) = self.surface.draw(&drawing) {
            tracing::error!(%error, "the window was not drawn");
        }
    }
}

/// A thin line around a window that the desktop draws no border for.
fn border(ui: &Ui) {
    let context = ui.ctx();
    let colour = theme::Palette::of(ui).line;
    let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::new("border"));
    let stroke = egui::Stroke::new(1.0, colour);
    context.layer_painter(layer).rect_stroke(context.content_rect(), 0.0, stroke, egui::StrokeKind::Inside);
}
