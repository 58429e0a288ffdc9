//! Which device serves: the chosen one, or the system's choice while that is not there. Devices are opened aside, so that
//! the one before serves until then.

use std::sync::{
    Arc,
    mpsc::{Receiver, TryRecvError, sync_channel},
};

use relay::{Micros, SECOND};

use super::{
    DeviceError,
    controls::{DeviceControls, DeviceState},
};
use crate::link::Clock;

/// How often it is tried whether a device is back.
const AGAIN: Micros = SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Camera,
    Microphone,
    Speaker,
}

/// What came of opening.
struct Opened<D> {
    device: Option<D>,
    state: DeviceState,
}

type Open<D> = dyn Fn(&str) -> Result<D, DeviceError> + Send + Sync;

pub struct Serving<D> {
    role: Role,
    controls: DeviceControls,
    clock: Clock,
    open: Arc<Open<D>>,
    device: Option<D>,
    state: DeviceState,
    opening: Option<Receiver<Opened<D>>>,
    /// The choice that is served, or is being opened.
    generation: Option<u64>,
    name: String,
    again_at: Micros,
}

impl<D: Send + 'static> Serving<D> {
    pub fn new(
        role: Role,
        controls: DeviceControls,
        clock: Clock,
        open: impl Fn(&str) -> Result<D, DeviceError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            role,
            controls,
            clock,
            open: Arc::new(open),
            device: None,
            state: DeviceState::Fine,
            opening: None,
            generation: None,
            name: String::new(),
            again_at: 0,
        }
    }

    pub fn device(&mut self) -> Option<&mut D> {
        self.device.as_mut()
    }

    /// Follows the choice, and what has been opened meanwhile. Says whether the choice is another one than before.
    pub fn renew(&mut self) -> bool {
        self.take_opened();
        let generation = self.controls.generation();
        let chosen = self.generation != Some(generation);
        if chosen {
            self.generation = Some(generation);
            let choice = self.controls.choice();
            let name = choice.name(self.role);
            if self.name != name || self.device.is_none() {
                name.clone_into(&mut self.name);
                self.begin_opening();
            }
        }
        let is_served = self.device.is_some() && self.state == DeviceState::Fine;
        if !is_served && self.opening.is_none() && self.clock.now() >= self.again_at {
            self.begin_opening();
        }
        chosen
    }

    /// The device does not work any more.
    pub fn lost(&mut self, error: &DeviceError) {
        tracing::warn!(%error, "another device is looked for");
        self.retire();
        self.tell(DeviceState::from(error));
        self.again_at = 0;
    }

    fn take_opened(&mut self) {
        let opened = match self.opening.as_ref().map(Receiver::try_recv) {
            None | Some(Err(TryRecvError::Empty)) => return,
            Some(Ok(opened)) => opened,
            Some(Err(TryRecvError::Disconnected)) => Opened { device: None, state: DeviceState::Broken },
        };
        self.opening = None;
        self.again_at = self.clock.now() + AGAIN;
        if let Some(device) = opened.device {
            self.retire();
            self.device = Some(device);
            self.tell(opened.state);
        } else if self.device.is_none() {
            self.tell(opened.state);
        }
    }

    /// A device that was chosen before may take its time to close: nobody waits for it.
    fn retire(&mut self) {
        let Some(device) = self.device.take() else { return };
        let closing = std::thread::Builder::new().name("closing a device".to_owned()).spawn(move || drop(device));
        if let Err(error) = closing {
            tracing::warn!(%error, "a device is not closed aside");
        }
    }

    fn tell(&mut self, state: DeviceState) {
        self.state = state;
        self.controls.report(self.role, state);
    }

    /// Opens the chosen device aside; where it is not there and nothing serves, the system's choice.
    fn begin_opening(&mut self) {
        let (name, open) = (self.name.clone(), self.open.clone());
        // What serves in place of the chosen one is not opened once more; after another choice it is.
        let is_substituted = self.device.is_some() && self.state == DeviceState::Substituted;
        let (done, opening) = sync_channel(1);
        let run = move || {
            let opened = match open(&name) {
                Ok(device) => Opened { device: Some(device), state: DeviceState::Fine },
                Err(error) if name.is_empty() || is_substituted => {
                    tracing::debug!(%error, "a device cannot be opened");
                    Opened { device: None, state: DeviceState::from(&error) }
                }
                Err(error) => {
                    tracing::warn!(%error, "the system's choice is taken instead");
                    match open("") {
                        Ok(device) => Opened { device: Some(device), state: DeviceState::Substituted },
                        Err(error) => Opened { device: None, state: DeviceState::from(&error) },
                    }
                }
            };
            // Whoever asked may be gone.
            drop(done.send(opened));
        };
        match std::thread::Builder::new().name("opening a device".to_owned()).spawn(run) {
            Ok(_) => self.opening = Some(opening),
            Err(error) => {
                tracing::error!(%error, "a device cannot be opened");
                self.again_at = self.clock.now() + AGAIN;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::device::DeviceChoice;

    /// Renews until something is so.
    fn until(serving: &mut Serving<String>, is_so: impl Fn(&mut Serving<String>) -> bool) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !is_so(serving) {
            serving.renew();
            assert!(std::time::Instant::now() < deadline, "{:?} {:?}", serving.device, serving.state);
            std::thread::yield_now();
        }
    }

    fn chosen(name: &str) -> DeviceChoice {
        DeviceChoice { microphone: name.to_owned(), ..DeviceChoice::default() }
    }

    #[test]
    fn the_chosen_device_serves_when_it_is_there_and_the_systems_meanwhile() {
        let there = Arc::new(Mutex::new(vec!["", "headset"]));
        let controls = DeviceControls::new(chosen("headset"));
        let open = {
            let there = there.clone();
            move |name: &str| match there.lock().contains(&name) {
                true => Ok(name.to_owned()),
                false => Err(DeviceError::Absent("microphone")),
            }
        };
        let mut serving = Serving::new(Role::Microphone, controls.clone(), Clock::start(), open);
        until(&mut serving, |serving| serving.device.as_deref() == Some("headset"));
        assert_eq!(controls.microphone(), DeviceState::Fine);
        // Unplugged, and back again.
        there.lock().retain(|name| *name != "headset");
        serving.lost(&DeviceError::Absent("microphone"));
        until(&mut serving, |serving| serving.device.as_deref() == Some(""));
        assert_eq!(controls.microphone(), DeviceState::Substituted);
        there.lock().push("headset");
        until(&mut serving, |serving| serving.device.as_deref() == Some("headset"));
        assert_eq!(controls.microphone(), DeviceState::Fine);
        // Another is chosen: the one before serves until it is open.
        there.lock().push("desk");
        controls.choose(chosen("desk"));
        assert!(serving.renew());
        assert!(serving.device.is_some());
        until(&mut serving, |serving| serving.device.as_deref() == Some("desk"));
        // Nothing is left.
        there.lock().clear();
        serving.lost(&DeviceError::Absent("microphone"));
        until(&mut serving, |serving| serving.opening.is_none() && serving.again_at > 0);
        assert_eq!((serving.device.clone(), controls.microphone()), (None, DeviceState::Absent));
    }
}
