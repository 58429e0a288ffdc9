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

use egui::Ui;
use jiff::tz::TimeZone;
use relay::vocabulary::ChatId;
use winit::{
    application::ApplicationHandler,
    event::WindowEvent,
    event_loop::{ActiveEventLoop, ControlFlow, EventLoopProxy},
    monitor::MonitorHandle,
    window::{Fullscreen, UserAttentionType, WindowId},
};

use super::{Wake, WindowError, filing::AskedPath, frame::Frame};
use crate::{
    app::{App, Link, View, VoiceNow},
    desktop::{About, Notifier, Tray},
    engine::{Command, Event},
    home::{Dock, Preferences},
    ui::{
        Action, CallScreen, ChatScreen, Checked, Fonts, MainScreen, Moment, Native, Notices, Out, Scene, Then, Tongue,
        Words, direct_chat_with,
    },
};

/// Everything that is open.
pub struct Desk {
    pub(super) app: App,
    pub(super) notifier: Notifier,
    pub(super) tray: Tray,
    /// Whether the main window is closed and the tray brings it back.
    pub(super) hidden: bool,
    /// Whether the desktop is dark, where it says so.
    pub(super) dark: bool,
    /// A link that was given before anyone was signed in.
    pub(super) link: Option<Link>,
    /// Of what a notification may be seen, and whether it has waited for somebody since.
    pub(super) told: HashMap<About, bool>,
    /// Whether the loop was woken and has not looked yet.
    woken: Arc<AtomicBool>,
    pub(super) proxy: EventLoopProxy<Wake>,
    pub(super) fonts: Fonts,
    pub(super) words: Words,
    /// What the environment says about the language.
    pub(super) system: Option<String>,
    pub(super) zone: TimeZone,
    pub(super) preferences: Preferences,
    pub(super) path: PathBuf,
    pub(super) notices: Notices,
    /// Files that were saved, and where.
    pub(super) saved: HashMap<String, PathBuf>,
    /// A path that is asked for.
    pub(super) asked: Option<AskedPath>,
    /// Pictures of people that were made to be sent; they go with the window.
    pub(super) portraits: Vec<tempfile::TempPath>,
    pub(super) view: View,
    pub(super) main: Option<(Frame, Option<MonitorHandle>)>,
    pub(super) main_screen: MainScreen,
    pub(super) chats: Vec<(ChatScreen, Frame)>,
    /// The call in a window of its own.
    pub(super) call: Option<(CallScreen, Frame)>,
    /// Whom to meet once there is a chat with them.
    pub(super) meets: Vec<(String, Then)>,
    /// What is recorded and listened to.
    voice: VoiceNow,
    /// Numbers of the pictures that were drawn last.
    pub(super) drawn: (Option<u64>, Option<u64>),
    /// Whether a docked window has been exchanged for one that fills the screen.
    pub(super) fills: bool,
    pub(super) failed: Option<WindowError>,
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
        let doer = proxy.clone();
        let notifier = Notifier::start(move |about, deed| {
            if doer.send_event(Wake::Notified(about, deed)).is_err() {
                tracing::debug!("a notification was used after the window's end");
            }
        });
        let wisher = proxy.clone();
        let tray = Tray::start(move |wanted| {
            if wisher.send_event(Wake::Tray(wanted)).is_err() {
                tracing::debug!("the tray was used after the window's end");
            }
        });
        let mut notices = Notices::default();
        if let Some(text) = complaint {
            notices.take(&Event::Warning { text }, &words, now());
        }
        Self {
            view: app.view(),
            voice: VoiceNow::default(),
            app,
            notifier,
            tray,
            hidden: false,
            dark: false,
            link: None,
            told: HashMap::new(),
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
            asked: None,
            portraits: Vec::new(),
            main: None,
            main_screen: MainScreen::default(),
            chats: Vec::new(),
            call: None,
            meets: Vec::new(),
            drawn: (None, None),
            fills: false,
            failed: None,
        }
    }

    /// Gives what made the windows impossible, if anything did.
    pub fn end(mut self) -> Result<(), WindowError> {
        self.remember_place();
        for (screen, _) in &self.chats {
            self.app.keep_draft(screen.chat(), screen.draft());
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    pub(super) fn scene(&self, focused: bool) -> Scene<'_> {
        Scene {
            view: &self.view,
            words: &self.words,
            preferences: &self.preferences,
            now: Moment { at: now(), zone: &self.zone },
            muted: self.app.senses().is_muted(),
            hidden: self.app.senses().is_hidden(),
            level: self.app.devices().level(),
            voice: &self.voice,
            checked: self.app.checks_devices().then(|| self.checked()),
            has_japanese: self.fonts.has_japanese,
            notices: &self.notices,
            stills: self.app.stills(),
            saved: &self.saved,
            focused,
            popped_out: self.call.is_some(),
            tray: self.tray.is_there(),
        }
    }

    fn checked(&self) -> Checked {
        let devices = self.app.devices();
        Checked { camera: devices.camera(), microphone: devices.microphone(), speaker: devices.speaker() }
    }

    pub(super) fn frames(&self) -> impl Iterator<Item = &Frame> {
        let main = self.main.iter().map(|(frame, _)| frame);
        main.chain(self.call.iter().map(|(_, frame)| frame)).chain(self.chats.iter().map(|(_, frame)| frame))
    }

    fn frames_mut(&mut self) -> impl Iterator<Item = &mut Frame> {
        let main = self.main.iter_mut().map(|(frame, _)| frame);
        let call = self.call.iter_mut().map(|(_, frame)| frame);
        main.chain(call).chain(self.chats.iter_mut().map(|(_, frame)| frame))
    }

    /// The application has something new.
    fn look(&mut self, events: &ActiveEventLoop) {
        self.woken.store(false, Ordering::Release);
        let view = self.app.view();
        let mut changed = self.view.differs(&view);
        self.view = view;
        let voice = self.app.voice();
        changed |= voice != self.voice;
        self.voice = voice;
        for event in self.app.events() {
            changed |= self.note_saved(&event);
            self.notify(&event);
            changed |= self.notices.take(&event, &self.words, now()).is_some();
            if matches!(event, Event::CallInvited { .. })
                && let Some((frame, _)) = &self.main
            {
                frame.window.request_user_attention(Some(UserAttentionType::Critical));
            }
        }
        if self.view.state.call.is_some() && self.app.checks_devices() {
            // The call needs them.
            self.app.check_devices(false);
        }
        self.withdraw_told();
        self.follow_waiting(events);
        let there = std::mem::take(&mut self.meets);
        for (name, then) in there {
            match direct_chat_with(&self.view.state, &name) {
                Some(chat) => self.meet(events, chat, then),
                None => self.meets.push((name, then)),
            }
        }
        if changed {
            self.dress_tray();
            self.redraw();
        }
        self.look_at_pictures();
    }

    pub(super) fn redraw(&self) {
        self.frames().for_each(|frame| frame.redraw());
    }

    fn draw(&mut self, events: &ActiveEventLoop, id: WindowId) {
        let pictures = self.app.pictures().clone();
        if self.frame_mut(id).is_some_and(|frame| frame.draw_pictures(&pictures)) {
            return;
        }
        if self.main.as_ref().is_some_and(|(frame, _)| frame.id() == id) {
            let Some((mut frame, monitor)) = self.main.take_if(|_| !self.hidden) else { return };
            if let Some(wait) = self.notices.forget(now()) {
                frame.draw_at(Instant::now() + Duration::from_millis(wait));
            }
            let mut screen = std::mem::take(&mut self.main_screen);
            let title = screen.title(&self.scene(false));
            let actions = self.draw_in(&mut frame, &title, |ui, scene, out| screen.show(ui, scene, out));
            self.main_screen = screen;
            self.main = Some((frame, monitor));
            actions.into_iter().for_each(|action| self.act(events, id, action));
        } else if let Some((mut screen, mut frame)) = self.call.take_if(|(_, frame)| frame.id() == id) {
            let title = screen.title(&self.scene(false));
            let actions = self.draw_in(&mut frame, &title, |ui, scene, out| {
                screen.show(ui, &Scene { popped_out: true, ..scene.clone() }, out);
            });
            self.call = Some((screen, frame));
            actions.into_iter().for_each(|action| self.act(events, id, action));
        } else if let Some(index) = self.chats.iter().position(|(_, frame)| frame.id() == id) {
            let (mut screen, mut frame) = self.chats.swap_remove(index);
            let title = screen.title(&self.scene(false));
            let actions = self.draw_in(&mut frame, &title, |ui, scene, out| screen.show(ui, scene, out));
            self.chats.push((screen, frame));
            actions.into_iter().for_each(|action| self.act(events, id, action));
        }
    }

    /// Draws a screen in its window, and over it what is asked there.
    fn draw_in(
        &mut self,
        frame: &mut Frame,
        title: &str,
        mut show: impl FnMut(&mut Ui, &Scene<'_>, &mut Out),
    ) -> Vec<Action> {
        let mut field = self.take_path_field(frame.id());
        let mut answer = None;
        let scene = self.scene(frame.is_focused());
        let out = frame.draw(self.app.pictures(), |ui, out| {
            show(ui, &scene, out);
            answer = field.as_mut().and_then(|field| field.show(ui, &scene)).or(answer.take());
        });
        frame.name(title);
        self.put_path_field(field, answer);
        out.actions
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
                    frame.redraw();
                }
            }
            Action::Draft(chat, draft) => self.app.keep_draft(chat, draft),
            Action::Complain(text) => self.complain(text),
            Action::See(key) => self.app.see(key),
            Action::AskForDeviceNames => self.app.ask_for_device_names(),
            Action::Record(chat) => self.app.record(chat),
            Action::EndRecording(send) => self.app.end_recording(send),
            Action::Hear(file) => self.app.hear(file),
            Action::HearFrom(file, from) => self.app.hear_from(file, from),
            Action::CheckDevices(yes) => self.app.check_devices(yes),
            Action::CheckSound => self.app.check_sound(),
            Action::ChooseFiles(_)
            | Action::ChoosePicture(_)
            | Action::Save { .. }
            | Action::Reveal(_)
            | Action::KeepPicture => self.handle_files(id, action),
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

    pub(super) fn meet(&mut self, events: &ActiveEventLoop, chat: ChatId, then: Then) {
        match then {
            Then::Talk => self.open_chat(events, chat),
            Then::Voice | Then::Video => {
                self.app.senses().hide(then == Then::Voice);
                self.app.give(Command::Call { chat });
            }
        }
    }

    fn native(&mut self, events: &ActiveEventLoop, id: WindowId, native: Native) {
        let is_main = self.main.as_ref().is_some_and(|(frame, _)| frame.id() == id);
        match native {
            Native::Close => return self.close(events, id),
            Native::PopOut(yes) => return self.pop_out(events, yes),
            // A desktop lets no dock fill the screen.
            Native::FullScreen(yes) if is_main && self.preferences.dock != Dock::Free => {
                self.fills = yes;
                return self.reopen_main(events);
            }
            _ => {}
        }
        let Some(frame) = self.frames().find(|frame| frame.id() == id) else { return };
        match native {
            Native::Move => {
                if let Err(error) = frame.window.drag_window() {
                    tracing::warn!(%error, "the window cannot be moved");
                }
            }
            Native::Minimise => frame.window.set_minimized(true),
            Native::FullScreen(yes) => frame.window.set_fullscreen(yes.then_some(Fullscreen::Borderless(None))),
            Native::Close | Native::PopOut(_) => {}
        }
    }

    /// Closes the window of a chat, of a call, or the main one.
    fn close(&mut self, events: &ActiveEventLoop, id: WindowId) {
        if let Some(index) = self.chats.iter().position(|(_, frame)| frame.id() == id) {
            let (screen, _) = self.chats.swap_remove(index);
            self.app.keep_draft(screen.chat(), screen.draft());
            self.app.give(screen.closing());
        } else if self.call.as_ref().is_some_and(|(_, frame)| frame.id() == id) {
            self.close_call();
            self.redraw();
        } else {
            self.close_main(events);
        }
    }

    fn frame_mut(&mut self, id: WindowId) -> Option<&mut Frame> {
        self.frames_mut().find(|frame| frame.id() == id)
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
        self.dress_tray();
    }

    fn user_event(&mut self, events: &ActiveEventLoop, wake: Wake) {
        match wake {
            Wake::News => self.look(events),
            Wake::Repaint(id, at) => {
                if let Some(frame) = self.frame_mut(id) {
                    frame.draw_at(at);
                }
            }
            Wake::Tray(wanted) => self.tray_wants(events, wanted),
            Wake::Chosen(chosen) => self.chosen(chosen),
            Wake::Appearance(dark) => {
                self.dark = dark;
                self.frames().for_each(|frame| frame.choose_theme(self.preferences.theme, dark));
                self.redraw();
            }
            Wake::Started(given) => self.started(events, given),
            Wake::Notified(about, deed) => self.notified(events, about, deed),
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
            WindowEvent::CloseRequested => return self.close(events, id),
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
        let next = self.frames_mut().filter_map(|frame| frame.keep_time(now)).min();
        events.set_control_flow(next.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
    }
}

/// Unix milliseconds.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
