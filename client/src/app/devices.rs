//! A call's devices as the window has them: pictures are left where it finds them, microphone and camera can be closed.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;

use super::Wake;
use crate::{
    call::{DeviceSetup, Devices},
    device::{BLOCK, Camera, CameraFormat, Captured, DeviceError, Microphone, Picture, Screen, Shown},
};
use relay::Micros;

/// The newest picture of each side, with a number that grows with each.
#[derive(Clone)]
pub struct Pictures {
    theirs: Arc<Mutex<Option<(u64, Picture)>>>,
    mine: Arc<Mutex<Option<(u64, Picture)>>>,
    wake: Wake,
}

impl Pictures {
    pub(super) fn new(wake: Wake) -> Self {
        Self { theirs: Arc::default(), mine: Arc::default(), wake }
    }

    /// What the other side's camera sees.
    pub fn theirs(&self) -> Option<(u64, Picture)> {
        self.theirs.lock().clone()
    }

    /// What the own camera sees.
    pub fn mine(&self) -> Option<(u64, Picture)> {
        self.mine.lock().clone()
    }

    /// The own camera sees this.
    pub(super) fn put_mine(&self, picture: Picture) {
        self.put(&self.mine, picture);
    }

    /// The own camera sees nothing more.
    pub(super) fn clear_mine(&self) {
        *self.mine.lock() = None;
        (self.wake)();
    }

    /// Nothing of a call that is over is shown.
    pub(super) fn clear(&self) {
        *self.theirs.lock() = None;
        *self.mine.lock() = None;
    }

    fn put(&self, place: &Mutex<Option<(u64, Picture)>>, picture: Picture) {
        let mut place = place.lock();
        let number = place.as_ref().map_or(0, |(number, _)| number + 1);
        *place = Some((number, picture));
        drop(place);
        (self.wake)();
    }
}

/// Whether the own microphone and camera are open to the other side. Both are at the beginning.
#[derive(Debug, Clone, Default)]
pub struct Senses {
    muted: Arc<AtomicBool>,
    hidden: Arc<AtomicBool>,
}

impl Senses {
    pub fn is_muted(&self) -> bool {
        self.muted.load(Ordering::Relaxed)
    }

    pub fn mute(&self, yes: bool) {
        self.muted.store(yes, Ordering::Relaxed);
    }

    /// Whether the camera's picture is kept from the other side.
    pub fn is_hidden(&self) -> bool {
        self.hidden.load(Ordering::Relaxed)
    }

    pub fn hide(&self, yes: bool) {
        self.hidden.store(yes, Ordering::Relaxed);
    }
}

/// The same devices, seen and closed by the window. What is shown goes also to the screen of `setup`.
pub(super) fn watched(setup: DeviceSetup, pictures: &Pictures, senses: &Senses) -> DeviceSetup {
    let (pictures, senses) = (pictures.clone(), senses.clone());
    setup.around(move |devices| {
        let (pictures, senses) = (pictures.clone(), senses.clone());
        Devices {
            camera: Box::new(Watched { camera: devices.camera, pictures: pictures.clone(), senses: senses.clone() }),
            microphone: Box::new(Closable { microphone: devices.microphone, senses }),
            screen: Box::new(Seen { screen: devices.screen, pictures }),
            ..devices
        }
    })
}

struct Watched {
    camera: Box<dyn Camera>,
    pictures: Pictures,
    senses: Senses,
}

impl Camera for Watched {
    fn format(&self) -> CameraFormat {
        self.camera.format()
    }

    fn capture(&mut self) -> Result<Option<Captured>, DeviceError> {
        let Some(captured) = self.camera.capture()? else { return Ok(None) };
        if !self.senses.is_hidden() {
            self.pictures.put_mine(captured.picture.clone());
            return Ok(Some(captured));
        }
        let (width, height) = (captured.picture.width(), captured.picture.height());
        let picture = crate::device::black(width, height)?;
        self.pictures.put_mine(picture.clone());
        Ok(Some(Captured { picture, at: captured.at }))
    }
}

struct Closable {
    microphone: Box<dyn Microphone>,
    senses: Senses,
}

impl Microphone for Closable {
    fn capture(&mut self, block: &mut [f32; BLOCK]) -> Result<Option<Micros>, DeviceError> {
        let at = self.microphone.capture(block)?;
        if self.senses.is_muted() {
            block.fill(0.0);
        }
        Ok(at)
    }
}

struct Seen {
    screen: Box<dyn Screen>,
    pictures: Pictures,
}

impl Screen for Seen {
    fn show(&mut self, shown: &Shown) -> Result<(), DeviceError> {
        self.pictures.put(&self.pictures.theirs, shown.picture.clone());
        self.screen.show(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        device::{NullScreen, PatternCamera, ToneMicrophone},
        link::Clock,
    };

    #[test]
    fn closed_devices_give_silence_and_darkness() {
        let wakes = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = wakes.clone();
        let pictures = Pictures::new(Arc::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        let senses = Senses::default();
        let clock = Clock::start();
        let format = CameraFormat { width: 64, height: 48, frame_rate: 200.0 };
        let mut camera = Watched {
            camera: Box::new(PatternCamera::new(format, clock, clock.now())),
            pictures: pictures.clone(),
            senses: senses.clone(),
        };
        let mut microphone =
            Closable { microphone: Box::new(ToneMicrophone::new(440.0, clock, clock.now())), senses: senses.clone() };
        let mut block = [0.0; BLOCK];
        microphone.capture(&mut block).unwrap();
        assert!(block.iter().any(|sample| sample.abs() > 0.01));
        let open = camera.capture().unwrap().unwrap().picture;
        assert!(open.y().iter().any(|luma| *luma > 60));
        senses.mute(true);
        senses.hide(true);
        microphone.capture(&mut block).unwrap();
        assert!(block.iter().all(|sample| *sample == 0.0));
        let closed = camera.capture().unwrap().unwrap().picture;
        assert_eq!((closed.width(), closed.height()), (64, 48));
        assert!(closed.rows().take(48).flatten().all(|luma| *luma == 16));
        assert_eq!(pictures.mine().unwrap().0, 1);
        let mut screen = Seen { screen: Box::new(NullScreen), pictures: pictures.clone() };
        screen.show(&Shown { picture: open.clone(), media_time: 0, decoded_at: 0, at: 0 }).unwrap();
        assert_eq!(pictures.theirs().unwrap(), (0, open));
        assert_eq!(wakes.load(Ordering::Relaxed), 3);
        pictures.clear();
        assert!(pictures.theirs().is_none());
    }
}
