//! A camera for programs that run where there is none: a library that is preloaded and answers as a driver would.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::failure::RigError;

const SHIM: &str = include_str!("shim.c");

/// How the camera gives its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Yuyv,
    Mjpeg,
}

/// A camera that can be plugged in, unplugged, taken by others and forbidden while programs run.
#[derive(Debug)]
pub struct VirtualCamera {
    folder: TempDir,
}

impl VirtualCamera {
    /// A camera that gives what ffmpeg finds at `source` (arguments up to its input), in this size, 30 pictures a second,
    /// and is called `name`. It is plugged in.
    pub fn new(name: &str, source: &[&str], (width, height): (u32, u32), layout: Layout) -> Result<Self, RigError> {
        let folder = TempDir::with_prefix("komado-camera-").map_err(RigError::io("making a camera's folder"))?;
        let camera = Self { folder };
        let made = |what| RigError::io(format!("making a camera's {what}"));
        std::fs::create_dir(camera.place("dev")).map_err(made("folder"))?;
        std::fs::write(camera.place("name"), name).map_err(made("name"))?;
        let mode = match layout {
            Layout::Yuyv => format!("{width} {height} YUYV"),
            Layout::Mjpeg => format!("{width} {height} MJPG"),
        };
        std::fs::write(camera.place("mode"), mode).map_err(made("mode"))?;
        std::fs::write(camera.place("shim.c"), SHIM).map_err(made("shim"))?;
        run(Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([camera.library(), camera.place("shim.c")]))?;
        let frames = camera.frames(source, (width, height), layout)?;
        std::fs::write(camera.place("frames"), frames).map_err(made("frames"))?;
        camera.plug()?;
        Ok(camera)
    }

    fn frames(&self, source: &[&str], (width, height): (u32, u32), layout: Layout) -> Result<Vec<u8>, RigError> {
        let scale = format!("scale={width}:{height}");
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error"]).args(source).args(["-vf", &scale]);
        let read = |path: &Path| std::fs::read(path).map_err(RigError::io("reading a camera's pictures"));
        if layout == Layout::Yuyv {
            let raw = self.place("raw");
            run(ffmpeg.args(["-pix_fmt", "yuyv422", "-f", "rawvideo"]).arg(&raw))?;
            return read(&raw);
        }
        run(ffmpeg.args(["-pix_fmt", "yuvj422p", "-q:v", "2"]).arg(self.place("%04d.jpg")))?;
        let mut frames = Vec::new();
        for number in 1.. {
            let picture = self.place(&format!("{number:04}.jpg"));
            if !picture.exists() {
                break;
            }
            frames.extend(read(&picture)?);
            frames.resize(number * (width * height * 2) as usize, 0);
        }
        Ok(frames)
    }

    /// What a program's environment must have to see it.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        let text = |path: PathBuf| path.display().to_string();
        [("LD_PRELOAD", text(self.library())), ("KOMADO_TEST_CAMERA", text(self.folder.path().to_owned()))]
    }

    pub fn plug(&self) -> Result<(), RigError> {
        self.is("dev/video0", true)
    }

    pub fn unplug(&self) -> Result<(), RigError> {
        self.is("dev/video0", false)
    }

    /// Whether another program has it.
    pub fn busy(&self, yes: bool) -> Result<(), RigError> {
        self.is("busy", yes)
    }

    /// Whether the system forbids it.
    pub fn forbidden(&self, yes: bool) -> Result<(), RigError> {
        self.is("forbidden", yes)
    }

    fn is(&self, what: &str, yes: bool) -> Result<(), RigError> {
        let file = self.place(what);
        let done = if yes { std::fs::write(file, "") } else { std::fs::remove_file(file) };
        done.map_err(RigError::io(format!("changing whether a camera has {what}")))
    }

    fn library(&self) -> PathBuf {
        self.place("shim.so")
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn run(command: &mut Command) -> Result<(), RigError> {
    let result = command.output().map_err(RigError::io(format!("running {command:?}")))?;
    if result.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&result.stderr).into_owned();
    Err(RigError::CommandFailed { command: format!("{command:?}"), output })
}
