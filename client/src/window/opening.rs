//! Opening windows: the main one where it belongs, chats and a call beside it.

use relay::vocabulary::ChatId;
use winit::{
    event_loop::ActiveEventLoop,
    window::{Fullscreen, Window, WindowLevel},
};

use super::{WindowError, desk::Desk, dock, frame::Frame};
use crate::{
    home::Dock,
    ui::{CallScreen, ChatScreen, theme},
};

impl Desk {
    pub(super) fn open_main(&mut self, events: &ActiveEventLoop) -> Result<(), WindowError> {
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
        frame.choose_theme(self.preferences.theme, self.dark);
        frame.choose_size(self.preferences.text_size);
        if !self.fills {
            dock::reserve(&frame.window, monitor.as_ref(), &self.preferences);
        }
        self.main = Some((frame, monitor));
        self.hidden = false;
        Ok(())
    }

    pub(super) fn open_chat(&mut self, events: &ActiveEventLoop, chat: ChatId) {
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
                frame.choose_theme(self.preferences.theme, self.dark);
                frame.choose_size(self.preferences.text_size);
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

    /// A desktop learns what kind a window is when it is opened.
    pub(super) fn reopen_main(&mut self, events: &ActiveEventLoop) {
        self.main = None;
        if let Err(error) = self.open_main(events) {
            self.failed = Some(error);
            events.exit();
        }
    }

    /// Gives the call a window of its own, or brings it back into the main one.
    pub(super) fn pop_out(&mut self, events: &ActiveEventLoop, yes: bool) {
        if !yes {
            self.close_call();
            return self.redraw();
        }
        if let Some((_, frame)) = &self.call {
            frame.window.focus_window();
            return;
        }
        let size = winit::dpi::LogicalSize::new(theme::size::CALL.x, theme::size::CALL.y);
        let least = winit::dpi::LogicalSize::new(320.0, 220.0);
        let mut attributes = Window::default_attributes()
            .with_title(self.words.say("call-goes-on"))
            .with_inner_size(size)
            .with_min_inner_size(least);
        if let Some(place) = self.beside_main(size) {
            attributes = attributes.with_position(place);
        }
        match Frame::open(events, &self.proxy, &self.fonts, attributes, WindowLevel::Normal, false) {
            Ok(frame) => {
                frame.choose_theme(self.preferences.theme, self.dark);
                frame.choose_size(self.preferences.text_size);
                self.call = Some((CallScreen::default(), frame));
                self.redraw();
            }
            Err(error) => self.complain(error.to_string()),
        }
    }

    /// Closes the call's own window; the call goes on.
    pub(super) fn close_call(&mut self) {
        if let Some((screen, _)) = self.call.take() {
            screen.closing().into_iter().for_each(|command| self.app.give(command));
        }
    }
}
