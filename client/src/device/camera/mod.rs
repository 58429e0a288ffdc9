//! The camera of a call: the one that a person chose or the system's, changed in the middle of a call, gone and back again.
//! It never fails: where none serves there is a test picture, and [`DeviceControls`] says why.

mod mode;
mod native;

use std::time::Duration;

use codec::{Picture, PicturePool, colour::Scaler};

use super::{
    Camera, CameraFormat, Captured, DeviceControls, DeviceError, PatternCamera,
    serving::{Role, Serving},
};
use crate::link::Clock;
pub use native::{NativeCamera, names};

/// What the errors call it.
const CAMERA: &str = "camera";

/// How long a picture is waited for before the last one is given again, and how often that is good enough: whoever ends a
/// call need not wait for a camera that gives nothing any more.
const HESITATES: Duration = Duration::from_millis(500);
const SILENT: u32 = 8;

/// What cameras are asked for, and what calls get.
pub const FORMAT: CameraFormat = CameraFormat { width: 1280, height: 720, frame_rate: 30.0 };

/// A camera that is always there.
pub struct SystemCamera {
    serving: Serving<NativeCamera>,
    clock: Clock,
    format: CameraFormat,
    scaler: Scaler,
    pool: PicturePool,
    /// What the device gave last, and how often it was given again.
    last: Option<(Picture, u32)>,
    /// Serves while there is no device.
    nothing: Option<PatternCamera>,
}

impl SystemCamera {
    /// Pictures come in this format, whatever the device that serves gives.
    pub fn new(controls: DeviceControls, format: CameraFormat, clock: Clock) -> Self {
        let open = move |name: &str| NativeCamera::open(name, format, clock);
        let serving = Serving::new(Role::Camera, controls, clock, open);
        Self { serving, clock, format, scaler: Scaler::new(), pool: PicturePool::new(6), last: None, nothing: None }
    }

    fn test_picture(&mut self) -> Result<Option<Captured>, DeviceError> {
        let (format, clock) = (self.format, self.clock);
        self.nothing.get_or_insert_with(|| PatternCamera::new(format, clock, clock.now())).capture()
    }
}

impl Camera for SystemCamera {
    fn format(&self) -> CameraFormat {
        self.format
    }

    fn capture(&mut self) -> Result<Option<Captured>, DeviceError> {
        loop {
            self.serving.renew();
            let Some(device) = self.serving.device() else { return self.test_picture() };
            match device.next(HESITATES) {
                Ok(Some(Captured { picture, at })) => {
                    self.nothing = None;
                    let CameraFormat { width, height, .. } = self.format;
                    let fitted = self.scaler.letterbox(&picture, width, height, &self.pool);
                    let picture = fitted.map_err(|error| DeviceError::Picture(error.to_string()))?;
                    self.last = Some((picture.clone(), 0));
                    return Ok(Some(Captured { picture, at }));
                }
                Ok(None) => match &mut self.last {
                    Some((picture, again)) if *again < SILENT => {
                        *again += 1;
                        return Ok(Some(Captured { picture: picture.clone(), at: self.clock.now() }));
                    }
                    _ => {
                        let reason = "it gives no pictures any more".to_owned();
                        self.serving.lost(&DeviceError::Broken { what: CAMERA, reason });
                    }
                },
                Err(error) => self.serving.lost(&error),
            }
        }
    }
}
