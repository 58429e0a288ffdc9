//! Camera, microphone and speaker tried out by the person who will call with them: the own picture is seen, the level
//! moves, a sound is played.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::devices::Pictures;
use crate::{
    call::DeviceSetup,
    device::{BLOCK, Ringing, Tune},
    link::Clock,
};

/// Camera and microphone are open until this is dropped.
#[derive(Debug)]
pub(super) struct DeviceCheck {
    ended: Arc<AtomicBool>,
}

impl DeviceCheck {
    /// Opens both, each on a thread of its own. What the camera sees is the own picture.
    pub fn start(setup: &DeviceSetup, pictures: &Pictures) -> std::io::Result<Self> {
        let check = Self { ended: Arc::default() };
        let clock = Clock::start();
        let (ended, seen, devices) = (check.ended.clone(), pictures.clone(), setup.clone());
        let look = move || {
            let Some(mut camera) = devices.open_camera(clock).and_then(|opened| opened.map_err(tell).ok()) else {
                return;
            };
            while !ended.load(Ordering::Acquire) {
                match camera.capture() {
                    Ok(Some(captured)) => seen.put_mine(captured.picture),
                    Ok(None) => return,
                    Err(error) => return tell(error),
                }
            }
            seen.clear_mine();
        };
        std::thread::Builder::new().name("camera check".to_owned()).spawn(look)?;
        let (ended, devices) = (check.ended.clone(), setup.clone());
        let listen = move || {
            let Some(mut microphone) = devices.open_microphone(clock).and_then(|opened| opened.map_err(tell).ok())
            else {
                return;
            };
            let mut block = [0.0; BLOCK];
            while !ended.load(Ordering::Acquire) {
                match microphone.capture(&mut block) {
                    Ok(Some(_)) => {}
                    Ok(None) => return,
                    Err(error) => return tell(error),
                }
            }
        };
        std::thread::Builder::new().name("microphone check".to_owned()).spawn(listen)?;
        Ok(check)
    }

    /// Plays a sound through the chosen speaker, once.
    pub fn sound(setup: &DeviceSetup) -> std::io::Result<()> {
        Ringing::once(Tune::Incoming, setup.controls.clone(), Clock::start())
    }
}

impl Drop for DeviceCheck {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn tell(error: crate::device::DeviceError) {
    tracing::warn!(%error, "a device cannot be tried out");
}
