//! All windows of the program: which there are, what each shows, and what is done when a person wants something.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use jiff::tz::TimeZone;
use relay::vocabulary::ChatId;
use winit::{
    application::ApplicationHandler,
    event::WindowEvent,
    event_loop::{ActiveEventLoop, ControlFlow, EventLoopProxy},
    monitor::MonitorHandle,
    window::{Fullscreen, UserAttentionType, Window, WindowId, WindowLevel},
};

use super::{Wake, WindowError, dock, frame::Frame};
use crate::{
    app::{App, View},
    engine::{Command, Event},
    home::{Dock, Preferences},
    ui::{
        Action, ChatScreen, Fonts, MainScreen, Moment, Native, Notices, Scene, Then, Tongue, Words, direct_chat_with,
        theme,
    },
};

/// Everything that is open.
pub struct Desk {
    pub(super) app: App,
    /// Whether the loop was woken and has not looked yet.
    woken: Arc<AtomicBool>,
    pub(super) proxy: EventLoopProxy<Wake>,
    fonts: Fonts,
    pub(super) words: Words,
    /// What the environment says about the language.
    system: Option<String>,
    zone: TimeZone,
    preferences: Preferences,
    path: PathBuf,
    pub(super) notices: Notices,
    /// Files that were saved, and where.
    pub(super) saved: HashMap<String, PathBuf>,
    /// Pictures of people that were made to be sent; they go with the window.
    pub(super) portraits: Vec<tempfile::TempPath>,
    view: View,
    main: Option<(Frame, Option<MonitorHandle>)>,
    main_screen: MainScreen,
    pub(super) chats: Vec<(ChatScreen, Frame)>,
    /// Whom to meet once there is a chat with them.
    meets: Vec<(String, Then)>,
    /// Numbers of the pictures that were drawn last.
    drawn: (Option<u64>, Option<u64>),
    /// Whether a docked window has been exchanged for one that fills the screen.
    fills: bool,
    failed: Option<WindowError>,
}

impl Desk {
    pub fn new(
        app: App,
        woken: Arc<AtomicBool>,
        proxy: EventLoopProxy<Wake>,
        fonts: Fonts,
        preferences: Preferences,
        path: PathBuf,
        complaint: Option<String>,
    ) -> Self {
        let system = Tongue::of_environment();
        let words = Words::new(Tongue::choose(preferences.language, system.as_deref()));
        let mut notices = Notices::default();
        if let Some(text) = complaint {
            notices.take(&Event::Warning { text }, &words, now());
        }
        Self {
            view: app.view(),
            app,
            woken,
            proxy,
            fonts,
            words,
            system,
            zone: TimeZone::system(),
            preferences,
            path,
            notices,
            saved: HashMap::new(),
            portraits: Vec::new(),
            main: None,
            main_screen: MainScreen::default(),
            chats: Vec::new(),
            meets: Vec::new(),
            drawn: (None, None),
            fills: false,
            failed: None,
        }
    }

    /// Gives what made the windows impossible, if anything did.
    pub fn end(mut self) -> Result<(), WindowError> {
        self.remember_place();
        self.failed.take().map_or(Ok(()), Err)
    }

    fn open_main(&mut self, events: &ActiveEventLoop) -> Result<(), WindowError> {
        let monitor = dock::monitor(events, &self.preferences);
        let attributes = dock::attributes(monitor.as_ref(), &self.preferences).with_title(self.words.say("app-name"));
        let (level, docked) = (dock::level(&self.preferences), self.preferences.dock != Dock::Free);
        let attributes = match self.fills {
            true => Window::default_attributes()
                .with_title(self.words.say("app-name"))
                .with_fullscreen(Some(Fullscreen::Borderless(monitor.clone()))),
            false => attributes,
        };
        let frame = Frame::open(events, &self.proxy, &self.fonts, attributes, level, docked && !self.fills)?;
        frame.choose_theme(self.preferences.theme);
        if !self.fills {
            dock::reserve(&frame.window, monitor.as_ref(), &self.preferences);
        }
        self.main = Some((frame, monitor));
        Ok(())
    }

    fn open_chat(&mut self, events: &ActiveEventLoop, chat: ChatId) {
        if let Some((_, frame)) = self.chats.iter().find(|(screen, _)| screen.chat() == chat) {
            frame.window.set_minimized(false);
            frame.window.focus_window();
            return;
        }
        let screen = ChatScreen::new(chat);
        let size = winit::dpi::LogicalSize::new(theme::size::CHAT.x, theme::size::CHAT.y);
        let least = winit::dpi::LogicalSize::new(280.0, 320.0);
        let mut attributes = Window::default_attributes()
            .with_title(screen.title(&self.scene(false)))
            .with_inner_size(size)
            .with_min_inner_size(least);
        if let Some(place) = self.beside_main(size) {
            attributes = attributes.with_position(place);
        }
        match Frame::open(events, &self.proxy, &self.fonts, attributes, WindowLevel::Normal, false) {
            Ok(frame) => {
                frame.choose_theme(self.preferences.theme);
                self.chats.push((screen, frame));
            }
            Err(error) => self.complain(error.to_string()),
        }
    }

    /// A place for another window, left of the main one or right of it, each a little below the one before.
    fn beside_main(&self, size: winit::dpi::LogicalSize<f32>) -> Option<winit::dpi::PhysicalPosition<i32>> {
        let (frame, _) = self.main.as_ref()?;
        let monitor = frame.window.current_monitor()?;
        let (at, width) = (frame.window.outer_position().ok()?, frame.window.outer_size().width as i32);
        let size: winit::dpi::PhysicalSize<i32> = size.to_physical(frame.window.scale_factor());
        let step = 28 * (self.chats.len() % 8) as i32;
        let (left, right) = (at.x - size.width - 12, at.x + width + 12);
        let x = if left - step >= monitor.position().x { left - step } else { right + step };
        let lowest = monitor.position().y + monitor.size().height as i32 - size.height;
        Some(winit::dpi::PhysicalPosition::new(x, (at.y + 40 + step).min(lowest).max(monitor.position().y)))
    }

    fn scene(&self, focused: bool) -> Scene<'_> {
        Scene {
            view: &self.view,
            words: &self.words,
            preferences: &self.preferences,
            now: Moment { at: now(), zone: &self.zone },
            muted: self.app.senses().is_muted(),
            hidden: self.app.senses().is_hidden(),
            has_japanese: self.fonts.has_japanese,
            notices: &self.notices,
            stills: self.app.stills(),
            saved: &self.saved,
            focused,
        }
    }

    /// The application has something new.
    fn look(&mut self, events: &ActiveEventLoop) {
        self.woken.store(false, Ordering::Release);
        let view = self.app.view();
        let mut changed = self.view.differs(&view);
        self.view = view;
        for event in self.app.events() {
            changed |= self.note_saved(&event);
            changed |= self.notices.take(&event, &self.words, now()).is_some();
            if matches!(event, Event::CallInvited { .. })
                && let Some((frame, _)) = &self.main
            {
                frame.window.request_user_attention(Some(UserAttentionType::Critical));
            }
        }
        let there = std::mem::take(&mut self.meets);
        for (name, then) in there {
            match direct_chat_with(&self.view.state, &name) {
                Some(chat) => self.meet(events, chat, then),
                None => self.meets.push((name, then)),
            }
        }
        if changed {
            self.redraw();
        }
        let number = |picture: Option<(u64, crate::device::Picture)>| picture.map(|(number, _)| number);
        let pictures = (number(self.app.pictures().theirs()), number(self.app.pictures().mine()));
        if pictures != self.drawn
            && let Some((frame, _)) = &self.main
        {
            self.drawn = pictures;
            frame.window.request_redraw();
        }
    }

    pub(super) fn redraw(&self) {
        let frames = self.main.iter().map(|(frame, _)| frame).chain(self.chats.iter().map(|(_, frame)| frame));
        frames.for_each(|frame| frame.window.request_redraw());
    }

    fn draw(&mut self, events: &ActiveEventLoop, id: WindowId) {
        if self.main.as_ref().is_some_and(|(frame, _)| frame.id() == id) {
            let Some((mut frame, monitor)) = self.main.take() else { return };
            if let Some(wait) = self.notices.forget(now()) {
                frame.draw_at(Instant::now() + Duration::from_millis(wait));
            }
            let mut screen = std::mem::take(&mut self.main_screen);
            let scene = self.scene(frame.is_focused());
            let out = frame.draw(self.app.pictures(), |ui, out| screen.show(ui, &scene, out));
            self.main_screen = screen;
            self.main = Some((frame, monitor));
            out.actions.into_iter().for_each(|action| self.act(events, id, action));
        } else if let Some(index) = self.chats.iter().position(|(_, frame)| frame.id() == id) {
            let (mut screen, mut frame) = self.chats.swap_remove(index);
            let scene = self.scene(frame.is_focused());
            let title = screen.title(&scene);
            let out = frame.draw(self.app.pictures(), |ui, out| screen.show(ui, &scene, out));
            if frame.window.title() != title {
                frame.window.set_title(&title);
            }
            self.chats.push((screen, frame));
            out.actions.into_iter().for_each(|action| self.act(events, id, action));
        }
    }

    fn act(&mut self, events: &ActiveEventLoop, id: WindowId, action: Action) {
        match action {
            Action::Give(command) => self.app.give(command),
            Action::SignIn(sign_in) => self.app.sign_in(sign_in),
            Action::Trust(yes) => self.app.trust(yes),
            Action::Cancel => self.app.cancel(),
            Action::SignOut => self.app.sign_out(),
            Action::Show(chat) => self.open_chat(events, chat),
            Action::ShowLine(chat, sequence) => {
                self.open_chat(events, chat);
                if let Some((screen, frame)) = self.chats.iter_mut().find(|(screen, _)| screen.chat() == chat) {
                    screen.jump(sequence);
                    frame.window.request_redraw();
                }
            }
            Action::Complain(text) => self.complain(text),
            Action::See(key) => self.app.see(key),
            Action::ChooseFiles(_) | Action::ChoosePicture(_) | Action::Save { .. } | Action::Reveal(_) => {
                self.handle_files(action)
            }
            Action::Meet { name, then } => match direct_chat_with(&self.view.state, &name) {
                Some(chat) => self.meet(events, chat, then),
                None => {
                    self.app.give(Command::OpenChat { with: name.clone(), text: None });
                    self.meets.retain(|(known, _)| *known != name);
                    self.meets.push((name, then));
                }
            },
            Action::Mute(yes) => {
                self.app.senses().mute(yes);
                self.redraw();
            }
            Action::Hide(yes) => {
                self.app.senses().hide(yes);
                self.redraw();
            }
            Action::Prefer(preferences) => self.prefer(events, preferences),
            Action::Dismiss(notice) => {
                self.notices.dismiss(notice);
                self.redraw();
            }
            Action::Native(native) => self.native(events, id, native),
            Action::Quit => events.exit(),
        }
    }

    fn meet(&mut self, events: &ActiveEventLoop, chat: ChatId, then: Then) {
        match then {
            Then::Talk => self.open_chat(events, chat),
            Then::Voice | Then::Video => {
                self.app.senses().hide(then == Then::Voice);
                self.app.give(Command::Call { chat });
            }
        }
    }

    fn prefer(&mut self, events: &ActiveEventLoop, preferences: Preferences) {
        self.remember_place();
        let before = std::mem::replace(&mut self.preferences, preferences);
        self.app.sound().choose(self.preferences.sound.clone());
        if before.language != self.preferences.language {
            self.words = Words::new(Tongue::choose(self.preferences.language, self.system.as_deref()));
        }
        if before.theme != self.preferences.theme {
            let frames = self.main.iter().map(|(frame, _)| frame).chain(self.chats.iter().map(|(_, frame)| frame));
            frames.for_each(|frame| frame.choose_theme(self.preferences.theme));
        }
        if before.dock != self.preferences.dock {
            self.reopen_main(events);
        } else if before.always_on_top != self.preferences.always_on_top
            && let Some((frame, _)) = &self.main
        {
            frame.window.set_window_level(dock::level(&self.preferences));
        }
        self.write_preferences();
        self.redraw();
    }

    /// A desktop learns what kind a window is when it is opened.
    fn reopen_main(&mut self, events: &ActiveEventLoop) {
        self.main = None;
        if let Err(error) = self.open_main(events) {
            self.failed = Some(error);
            events.exit();
        }
    }

    fn remember_place(&mut self) {
        let before = self.preferences.clone();
        if let Some((frame, _)) = self.main.as_ref().filter(|_| !self.fills) {
            dock::remember(&frame.window, &mut self.preferences);
        }
        if before != self.preferences {
            self.write_preferences();
        }
    }

    fn write_preferences(&mut self) {
        if let Err(error) = self.preferences.write(&self.path) {
            tracing::warn!(%error, "preferences are not kept");
            self.notices.take(&Event::Warning { text: error.to_string() }, &self.words, now());
        }
    }

    fn native(&mut self, events: &ActiveEventLoop, id: WindowId, native: Native) {
        let chat = self.chats.iter().position(|(_, frame)| frame.id() == id);
        match native {
            Native::Close => return self.close(events, chat),
            // A desktop lets no dock fill the screen.
            Native::FullScreen(yes) if chat.is_none() && self.preferences.dock != Dock::Free => {
                self.fills = yes;
                return self.reopen_main(events);
            }
            _ => {}
        }
        let frame = match chat {
            Some(index) => &self.chats[index].1,
            None => match &self.main {
                Some((frame, _)) => frame,
                None => return,
            },
        };
        match native {
            Native::Move => {
                if let Err(error) = frame.window.drag_window() {
                    tracing::warn!(%error, "the window cannot be moved");
                }
            }
            Native::Minimise => frame.window.set_minimized(true),
            Native::FullScreen(yes) => frame.window.set_fullscreen(yes.then_some(Fullscreen::Borderless(None))),
            Native::Close => {}
        }
    }

    /// Closes a chat's window, or with the main window everything.
    fn close(&mut self, events: &ActiveEventLoop, chat: Option<usize>) {
        match chat {
            Some(index) => {
                let (screen, _) = self.chats.swap_remove(index);
                self.app.give(screen.closing());
            }
            None => events.exit(),
        }
    }

    fn frame_mut(&mut self, id: WindowId) -> Option<&mut Frame> {
        let main = self.main.as_mut().map(|(frame, _)| frame);
        main.into_iter().chain(self.chats.iter_mut().map(|(_, frame)| frame)).find(|frame| frame.id() == id)
    }
}

impl ApplicationHandler<Wake> for Desk {
    fn resumed(&mut self, events: &ActiveEventLoop) {
        if self.main.is_none()
            && let Err(error) = self.open_main(events)
        {
            self.failed = Some(error);
            events.exit();
        }
    }

    fn user_event(&mut self, events: &ActiveEventLoop, wake: Wake) {
        match wake {
            Wake::News => self.look(events),
            Wake::Repaint(id, at) => {
                if let Some(frame) = self.frame_mut(id) {
                    frame.draw_at(at);
                }
            }
            Wake::Chosen(chosen) => self.chosen(chosen),
            Wake::Accessibility(event) => {
                if let Some(frame) = self.frame_mut(event.window_id) {
                    frame.accessibility(event.window_event);
                }
            }
        }
    }

    fn window_event(&mut self, events: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        match &event {
            WindowEvent::RedrawRequested => return self.draw(events, id),
            WindowEvent::CloseRequested => {
                let chat = self.chats.iter().position(|(_, frame)| frame.id() == id);
                return self.close(events, chat);
            }
            _ => {}
        }
        if self.frame_mut(id).is_some_and(|frame| frame.is_paste(&event)) && self.paste(id) {
            return;
        }
        if let Some(frame) = self.frame_mut(id) {
            frame.take(&event);
        }
    }

    fn about_to_wait(&mut self, events: &ActiveEventLoop) {
        let now = Instant::now();
        let main = self.main.as_mut().map(|(frame, _)| frame);
        let frames = main.into_iter().chain(self.chats.iter_mut().map(|(_, frame)| frame));
        let next = frames.filter_map(|frame| frame.keep_time(now)).min();
        events.set_control_flow(next.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
    }
}

/// Unix milliseconds.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
