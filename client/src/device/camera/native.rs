//! A camera of this computer, through what its system has for that (Video4Linux, Media Foundation, AVFoundation). It is
//! read on a thread of its own, which keeps only the newest picture.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::sync_channel,
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use codec::{
    Matrix, Picture, PicturePool, Range,
    colour::{Format, to_picture},
    jpeg,
    picture::Colour,
};
use nokhwa::{
    Buffer, Camera, NokhwaError,
    pixel_format::YuyvFormat,
    query,
    utils::{ApiBackend, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType},
};
use parking_lot::{Condvar, Mutex};
use relay::{Micros, SECOND};

use super::{
    super::{CameraFormat, Captured, DeviceError},
    CAMERA, mode,
};
use crate::link::Clock;

/// A camera that gives no picture for so long does not work.
const SILENT: Duration = Duration::from_secs(4);

/// A time of capture that lies further back than this is of another clock.
const LATEST: Micros = SECOND;

/// What raw pictures of cameras mean, of any size: the habit of USB cameras, and Video4Linux's rule for them
/// (<https://docs.kernel.org/userspace-api/media/v4l/colorspaces-details.html>, sRGB).
const COLOUR: Colour = Colour { matrix: Matrix::Bt601, range: Range::Limited };

/// Pictures that may be in somebody's hands at once.
const POOL: usize = 6;

/// The names of the cameras, each once, in the system's order.
///
/// # Errors
/// [`DeviceError::Broken`] when the system does not say.
pub fn names() -> Result<Vec<String>, DeviceError> {
    let mut names: Vec<String> = Vec::new();
    for camera in known()? {
        if !names.contains(&camera.human_name()) {
            names.push(camera.human_name());
        }
    }
    Ok(names)
}

fn known() -> Result<Vec<nokhwa::utils::CameraInfo>, DeviceError> {
    let mut cameras = query(ApiBackend::Auto).map_err(|error| failed(&error))?;
    cameras.sort_by_key(|camera| camera.index().as_index().unwrap_or(u32::MAX));
    Ok(cameras)
}

/// A camera that is open.
pub struct NativeCamera {
    between: Arc<Between>,
}

/// Between the camera's thread and the pipeline's.
#[derive(Default)]
struct Between {
    newest: Mutex<Newest>,
    changed: Condvar,
    ended: AtomicBool,
}

#[derive(Default)]
struct Newest {
    captured: Option<Captured>,
    failed: Option<DeviceError>,
}

impl NativeCamera {
    /// Opens the camera of that name (or a part of it), the system's first one if it is empty, and waits for its first
    /// picture.
    ///
    /// # Errors
    /// [`DeviceError`], with what to do.
    pub fn open(name: &str, wanted: CameraFormat, clock: Clock) -> Result<Self, DeviceError> {
        let between = Arc::new(Between::default());
        let (opened, opening) = sync_channel(1);
        let (reader, name) = (between.clone(), name.to_owned());
        let run = move || {
            // A system's camera may stay on the thread that opened it.
            let mut camera = match find(&name, wanted) {
                Ok(camera) => camera,
                Err(error) => return drop(opened.send(Err(error))),
            };
            drop(opened.send(Ok(())));
            reader.read(&mut camera, clock);
        };
        std::thread::Builder::new().name("camera".to_owned()).spawn(run).map_err(|error| broken(&error))?;
        let camera = Self { between };
        match opening.recv_timeout(SILENT) {
            Ok(opened) => opened?,
            Err(_) => return Err(broken(&"it does not open")),
        }
        let mut newest = camera.between.newest.lock();
        while newest.captured.is_none() {
            if let Some(error) = newest.failed.take() {
                return Err(error);
            }
            if camera.between.changed.wait_for(&mut newest, SILENT).timed_out() {
                return Err(broken(&"it gives no picture"));
            }
        }
        drop(newest);
        Ok(camera)
    }

    /// Waits up to `patience` for the next picture; `None` if none came.
    ///
    /// # Errors
    /// [`DeviceError`] when the camera gives none any more.
    pub fn next(&self, patience: Duration) -> Result<Option<Captured>, DeviceError> {
        let mut newest = self.between.newest.lock();
        if newest.captured.is_none() && newest.failed.is_none() {
            self.between.changed.wait_for(&mut newest, patience);
        }
        match (newest.captured.take(), newest.failed.take()) {
            (Some(captured), failed) => {
                newest.failed = failed;
                Ok(Some(captured))
            }
            (None, Some(error)) => Err(error),
            (None, None) => Ok(None),
        }
    }
}

impl Drop for NativeCamera {
    fn drop(&mut self) {
        self.between.ended.store(true, Ordering::Release);
    }
}

impl Between {
    fn read(&self, camera: &mut Camera, clock: Clock) {
        let pool = PicturePool::new(POOL);
        while !self.ended.load(Ordering::Acquire) {
            let taken = camera.frame().map_err(|error| failed(&error));
            let captured = taken.and_then(|buffer| {
                let at = taken_at(&buffer, clock);
                picture(&buffer, &pool).map(|picture| Captured { picture, at })
            });
            let mut newest = self.newest.lock();
            let goes_on = match captured {
                Ok(captured) => {
                    newest.captured = Some(captured);
                    true
                }
                // A picture that was torn on its way over the bus; the next one is whole.
                Err(DeviceError::Picture(reason)) => {
                    tracing::debug!(reason, "a picture of the camera is passed over");
                    true
                }
                Err(error) => {
                    newest.failed = Some(error);
                    false
                }
            };
            self.changed.notify_one();
            if !goes_on {
                return;
            }
        }
        if let Err(error) = camera.stop_stream() {
            tracing::debug!(%error, "a camera does not stop as it should");
        }
    }
}

/// Opens the first camera of that name that gives pictures: a system may list one more than once, for what it knows beside
/// pictures.
fn find(name: &str, wanted: CameraFormat) -> Result<Camera, DeviceError> {
    let cameras = known()?;
    let named = |exactly: bool| {
        let fits = move |label: &str| if exactly { label == name } else { label.contains(name) };
        cameras.iter().filter(move |camera| fits(&camera.human_name())).collect::<Vec<_>>()
    };
    let mut candidates = named(true);
    if candidates.is_empty() {
        candidates = named(false);
    }
    if candidates.is_empty() && !cameras.is_empty() {
        let known: Vec<String> = cameras.iter().map(nokhwa::utils::CameraInfo::human_name).collect();
        return Err(DeviceError::Unknown { what: CAMERA, name: name.to_owned(), known: known.join(", ") });
    }
    let mut worst = DeviceError::Absent(CAMERA);
    for candidate in candidates {
        match start(candidate.index().clone(), wanted) {
            Ok(camera) => return Ok(camera),
            // What a busy camera is wrong with says more than that its second entry gives no pictures.
            Err(error) if matches!(worst, DeviceError::Absent(_)) => worst = error,
            Err(_) => {}
        }
    }
    Err(worst)
}

fn start(index: CameraIndex, wanted: CameraFormat) -> Result<Camera, DeviceError> {
    let any = RequestedFormat::new::<YuyvFormat>(RequestedFormatType::None);
    let all = [FrameFormat::NV12, FrameFormat::YUYV, FrameFormat::MJPEG, FrameFormat::RAWRGB];
    let first = RequestedFormat::with_formats(RequestedFormatType::AbsoluteHighestFrameRate, &all);
    let mut camera = Camera::new(index.clone(), first).or_else(|_| Camera::new(index, any)).map_err(|e| failed(&e))?;
    let modes = camera.compatible_camera_formats().map_err(|error| failed(&error))?;
    let mode = mode::choose(&modes, wanted).ok_or_else(|| broken(&"it gives no pictures that can be used"))?;
    if camera.camera_format() != mode {
        let exactly = RequestedFormat::with_formats(RequestedFormatType::Exact(mode), &all);
        camera.set_camera_requset(exactly).map_err(|error| failed(&error))?;
    }
    camera.open_stream().map_err(|error| failed(&error))?;
    tracing::info!(camera = camera.info().human_name(), mode = %camera.camera_format(), "a camera is open");
    Ok(camera)
}

fn picture(buffer: &Buffer, pool: &PicturePool) -> Result<Picture, DeviceError> {
    let (width, height) = (buffer.resolution().width(), buffer.resolution().height());
    let layout = match buffer.source_frame_format() {
        FrameFormat::MJPEG => {
            let picture = jpeg::to_picture(buffer.buffer(), pool);
            return picture.map_err(|error| DeviceError::Picture(error.to_string()));
        }
        FrameFormat::NV12 => Format::Nv12,
        FrameFormat::YUYV => Format::Yuyv,
        FrameFormat::RAWRGB => Format::Rgb,
        other => return Err(broken(&format!("it gives pictures as {other}, which cannot be used"))),
    };
    let picture = to_picture(layout, buffer.buffer(), width, height, COLOUR, pool);
    picture.map_err(|error| DeviceError::Picture(error.to_string()))
}

/// When the picture was taken: the driver's word, where it has one that can be believed, else now.
fn taken_at(buffer: &Buffer, clock: Clock) -> Micros {
    let now = clock.now();
    let age = buffer.capture_timestamp().and_then(|at| {
        let today = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Micros::try_from(today.checked_sub(at)?.as_micros()).ok()
    });
    now.saturating_sub(age.filter(|age| *age <= LATEST).unwrap_or(0))
}

fn failed(error: &NokhwaError) -> DeviceError {
    let reason = error.to_string();
    match system_error(&reason) {
        // EBUSY: another program has it.
        Some(16) => DeviceError::Busy { what: CAMERA, reason },
        // EPERM, EACCES.
        Some(1 | 13) => DeviceError::Forbidden { what: CAMERA, reason },
        // ENOENT, ENXIO, ENODEV: it was there a moment ago.
        Some(2 | 6 | 19) => DeviceError::Absent(CAMERA),
        _ => DeviceError::Broken { what: CAMERA, reason },
    }
}

fn broken(reason: &dyn std::fmt::Display) -> DeviceError {
    DeviceError::Broken { what: CAMERA, reason: reason.to_string() }
}

/// The number of a system's error in words like "Device or resource busy (os error 16)": the library keeps only words.
fn system_error(text: &str) -> Option<i32> {
    if cfg!(not(unix)) {
        return None;
    }
    let (_, rest) = text.rsplit_once("os error ")?;
    rest.trim_end_matches(')').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceState;

    #[test]
    fn what_a_system_says_becomes_what_a_person_can_do() {
        let opening = |words: &str| NokhwaError::OpenDeviceError("0".into(), format!("V4L2 Error: {words}"));
        let state = |words| DeviceState::from(&failed(&opening(words)));
        assert_eq!(state("Device or resource busy (os error 16)"), DeviceState::Busy);
        assert_eq!(state("Permission denied (os error 13)"), DeviceState::Forbidden);
        assert_eq!(state("No such device (os error 19)"), DeviceState::Absent);
        assert_eq!(state("Input/output error (os error 5)"), DeviceState::Broken);
        assert_eq!(state("the moon is full"), DeviceState::Broken);
    }
}
