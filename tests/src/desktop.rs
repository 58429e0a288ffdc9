//! A desktop for tests: Xvfb with a window manager, keys and clicks by xdotool, and what is seen on the screen.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::failure::RigError;
use crate::namespace::Namespace;
use crate::program::Program;

const SOON: Duration = Duration::from_secs(30);

/// A screen of 1280 × 800 with openbox, in a namespace.
#[derive(Debug)]
pub struct Desktop {
    namespace: Namespace,
    display: String,
    folder: TempDir,
    _manager: Program,
    _screen: Program,
}

/// Where a window is on the screen, in pixels.
#[derive(Debug, Clone, Copy)]
pub struct WindowPlace {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

/// What is on the screen: three bytes for each pixel.
#[derive(Debug, Clone)]
pub struct Screenshot {
    pub width: usize,
    pub height: usize,
    bytes: Vec<u8>,
}

impl Screenshot {
    /// Red, green and blue at a place.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y * self.width + x);
        [self.bytes[at], self.bytes[at + 1], self.bytes[at + 2]]
    }

    /// How many pixels have a colour, as near as `within` in each part.
    pub fn count(&self, colour: [u8; 3], within: u8) -> usize {
        let near = |pixel: &&[u8]| pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= within);
        self.bytes.chunks_exact(3).filter(near).count()
    }
}

impl Desktop {
    pub fn start(namespace: &Namespace) -> Result<Self, RigError> {
        let folder = TempDir::with_prefix("komado-desktop-").map_err(RigError::io("making a desktop's folder"))?;
        let mut screen = namespace.command(&installed("Xvfb", "xvfb")?);
        screen.args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"]);
        let screen = Program::start("Xvfb", screen)?;
        let number = screen.wait_line("the display's number", SOON, |line| line.trim().parse::<u32>().ok())?;
        let display = format!(":{number}");
        let mut manager = namespace.command(&installed("openbox", "openbox")?);
        manager.env("DISPLAY", &display).env("HOME", folder.path());
        let manager = Program::start("openbox", manager)?;
        let desktop = Self { namespace: namespace.clone(), display, folder, _manager: manager, _screen: screen };
        // A window manager says on the root window that it is there.
        desktop.until("the window manager", |desktop| {
            Ok(desktop.run("xprop", "x11-utils", &["-root", "_NET_SUPPORTING_WM_CHECK"])?.contains("window id"))
        })?;
        Ok(desktop)
    }

    /// A command whose windows open here.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.namespace.command(program);
        command
            .env("DISPLAY", &self.display)
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("LANG", "C.UTF-8")
            // The desk that the test is run on is left alone; a bus of the test's own is set after this.
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env_remove("LC_ALL")
            .env_remove("LC_MESSAGES")
            .env_remove("WAYLAND_DISPLAY");
        command
    }

    /// Waits for a window with exactly this title, and gives its number.
    pub fn window(&self, title: &str) -> Result<String, RigError> {
        self.another_window(title, "")
    }

    /// Waits for a window with exactly this title that is not the `known` one, and gives its number.
    pub fn another_window(&self, title: &str, known: &str) -> Result<String, RigError> {
        let mut found = String::new();
        self.until(&format!("a window called {title:?}"), |desktop| {
            let pattern = format!("^{title}$");
            // It fails while there is none.
            let windows = desktop.run("xdotool", "xdotool", &["search", "--onlyvisible", "--name", &pattern]);
            found = windows.unwrap_or_default().lines().rfind(|window| *window != known).unwrap_or_default().to_owned();
            Ok(!found.is_empty())
        })?;
        Ok(found)
    }

    /// Waits until no window with exactly this title is seen.
    pub fn wait_gone(&self, title: &str) -> Result<(), RigError> {
        self.until(&format!("the end of a window called {title:?}"), |desktop| {
            let pattern = format!("^{title}$");
            // It fails when there is none.
            Ok(desktop.run("xdotool", "xdotool", &["search", "--onlyvisible", "--name", &pattern]).is_err())
        })
    }

    /// Where a window is.
    pub fn place(&self, window: &str) -> Result<WindowPlace, RigError> {
        let said = self.run("xdotool", "xdotool", &["getwindowgeometry", "--shell", window])?;
        let number = |name: &str| {
            let value = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            value.and_then(|value| value.parse::<usize>().ok()).ok_or_else(|| RigError::CommandFailed {
                command: "xdotool getwindowgeometry".to_owned(),
                output: said.clone(),
            })
        };
        Ok(WindowPlace { x: number("X")?, y: number("Y")?, width: number("WIDTH")?, height: number("HEIGHT")? })
    }

    /// Clicks at a place on the screen.
    pub fn click(&self, x: usize, y: usize) -> Result<(), RigError> {
        let (x, y) = (x.to_string(), y.to_string());
        self.run("xdotool", "xdotool", &["mousemove", "--sync", &x, &y, "click", "1"]).map(drop)
    }

    /// Gives a window the keyboard, and waits until it has it.
    pub fn activate(&self, window: &str) -> Result<(), RigError> {
        self.run("xdotool", "xdotool", &["windowactivate", "--sync", window]).map(drop)
    }

    /// Waits until the window with the keyboard has this title.
    pub fn wait_active(&self, title: &str) -> Result<(), RigError> {
        self.until(&format!("the keyboard in {title:?}"), |desktop| {
            let active = desktop.run("xdotool", "xdotool", &["getactivewindow", "getwindowname"]);
            Ok(active.unwrap_or_default().trim() == title)
        })
    }

    /// Types into the window that has the keyboard.
    pub fn write(&self, text: &str) -> Result<(), RigError> {
        self.run("xdotool", "xdotool", &["type", "--delay", "15", text]).map(drop)
    }

    /// Presses a key, such as `Return` or `ctrl+n`.
    pub fn key(&self, key: &str) -> Result<(), RigError> {
        self.run("xdotool", "xdotool", &["key", key]).map(drop)
    }

    pub fn screenshot(&self) -> Result<Screenshot, RigError> {
        let mut command = self.command(&installed("import", "imagemagick")?);
        let output = command.args(["-window", "root", "-depth", "8", "rgb:-"]).output();
        let output = output.map_err(RigError::io("taking a screenshot"))?;
        let (width, height) = (1280, 800);
        if output.stdout.len() != width * height * 3 {
            let output = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(RigError::CommandFailed { command: "import".into(), output });
        }
        Ok(Screenshot { width, height, bytes: output.stdout })
    }

    /// Keeps what is seen as a PNG, for whoever looks why a test failed.
    pub fn keep(&self, path: &Path) -> Result<(), RigError> {
        self.run("import", "imagemagick", &["-window", "root", &path.display().to_string()]).map(drop)
    }

    /// Looks again until something is so: a screen tells nobody that it has changed.
    pub fn until(&self, what: &str, mut so: impl FnMut(&Self) -> Result<bool, RigError>) -> Result<(), RigError> {
        let begin = Instant::now();
        while !so(self)? {
            if begin.elapsed() > SOON {
                return Err(RigError::NotSeen {
                    wanted: what.to_owned(),
                    waited: SOON,
                    seen: "(the screen)".to_owned(),
                });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn run(&self, program: &str, package: &'static str, arguments: &[&str]) -> Result<String, RigError> {
        let mut command = self.command(&installed(program, package)?);
        let output = command.args(arguments).stdin(Stdio::null()).output();
        let output = output.map_err(RigError::io(format!("running {program}")))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        let output = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
        Err(RigError::CommandFailed { command: format!("{program} {}", arguments.join(" ")), output })
    }
}

/// The program, if it is installed.
fn installed(program: &str, package: &'static str) -> Result<String, RigError> {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    match found {
        true => Ok(program.to_owned()),
        false => Err(RigError::Missing { program: program.to_owned(), package }),
    }
}
