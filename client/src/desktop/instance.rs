//! One program for each home: the first start holds a lock in it and listens; a later one hands over what it was given
//! and ends.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
};

use thiserror::Error;

/// What a later start asks of the first one: to show itself, and to open a link if it was given one.
pub type Given = Option<String>;

#[derive(Debug, Error)]
pub enum InstanceError {
    #[error("it cannot be found out whether Komado runs already, by {path}: {error}")]
    Lock { path: String, error: io::Error },
    #[error("Komado runs already, and does not answer: {0}")]
    Silent(io::Error),
    #[error("later starts cannot be listened for: {0}")]
    Listen(io::Error),
}

/// The right to be the first, as long as it lives.
#[derive(Debug)]
pub struct First {
    listener: listening::Listener,
    _lock: File,
}

/// What became of a start.
#[derive(Debug)]
pub enum Start {
    First(First),
    /// Another one runs with this home, and was given what this one was.
    Handed,
}

/// Becomes the first with this home, or hands over to the one that is.
pub fn start(home: &Path, given: &Given) -> Result<Start, InstanceError> {
    let path = home.join("instance.lock");
    let failed = |error| InstanceError::Lock { path: path.display().to_string(), error };
    std::fs::create_dir_all(home).map_err(failed)?;
    let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {
            let listener = listening::Listener::open(home).map_err(InstanceError::Listen)?;
            Ok(Start::First(First { listener, _lock: lock }))
        }
        Err(TryLockError::WouldBlock) => {
            listening::hand_over(home, given).map_err(InstanceError::Silent)?;
            Ok(Start::Handed)
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

impl First {
    /// Calls `came` for each later start, on a thread of its own, until the process ends.
    pub fn listen(self, came: impl Fn(Given) + Send + 'static) -> Result<(), InstanceError> {
        let thread = std::thread::Builder::new().name("instance".to_owned());
        thread.spawn(move || self.listener.listen(&came)).map_err(InstanceError::Listen)?;
        // Held until the process ends: the system lets go of it then, however that comes about.
        std::mem::forget(self._lock);
        Ok(())
    }
}

/// A socket that only its owner can reach, in the session's folder or else in the home.
#[cfg(unix)]
mod listening {
    use std::{
        io::{self, BufRead, BufReader, Read, Write},
        os::unix::{
            fs::PermissionsExt,
            net::{UnixListener, UnixStream},
        },
        path::{Path, PathBuf},
        time::{Duration, Instant},
    };

    use super::Given;

    /// A link is not longer.
    const LONGEST: u64 = 8 << 10;

    /// How long a start that has the lock may take until it listens, and to answer.
    const PATIENCE: Duration = Duration::from_secs(5);

    const ANSWER: &str = "shown\n";

    #[derive(Debug)]
    pub struct Listener(UnixListener);

    /// A socket's path may be about a hundred bytes long: a home's own path is told by its hash.
    fn socket(home: &Path) -> PathBuf {
        let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
        match std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
            Some(folder) => {
                let hash = ring::digest::digest(&ring::digest::SHA256, home.as_os_str().as_encoded_bytes());
                let name: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                Path::new(&folder).join(format!("komado-{name}.sock"))
            }
            None => home.join("instance.sock"),
        }
    }

    impl Listener {
        pub fn open(home: &Path) -> io::Result<Self> {
            let path = socket(home);
            // Whoever left it behind does not hold the lock any more.
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            Ok(Self(listener))
        }

        pub fn listen(&self, came: &dyn Fn(Given)) {
            for stream in self.0.incoming() {
                match stream.and_then(take) {
                    Ok(given) => came(given),
                    Err(error) => tracing::info!(%error, "a later start was not understood"),
                }
            }
        }
    }

    fn take(mut stream: UnixStream) -> io::Result<Given> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = String::new();
        BufReader::new(&stream).take(LONGEST).read_line(&mut line)?;
        if !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        stream.write_all(ANSWER.as_bytes())?;
        let line = line.trim();
        Ok((!line.is_empty()).then(|| line.to_owned()))
    }

    pub fn hand_over(home: &Path, given: &Given) -> io::Result<()> {
        let mut stream = connect(&socket(home))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        // A line is a line: what follows a break would be another one's.
        let given = given.as_deref().unwrap_or_default().replace(['\n', '\r'], " ");
        writeln!(stream, "{given}")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        if answer == ANSWER { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn connect(path: &Path) -> io::Result<UnixStream> {
        let begin = Instant::now();
        loop {
            match UnixStream::connect(path) {
                // Between the lock and the socket there is a moment.
                Err(_) if begin.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(20)),
                result => return result,
            }
        }
    }
}

/// Nobody has written it down for this system yet: a later start learns that there is a first, and no more.
#[cfg(not(unix))]
mod listening {
    use std::{io, path::Path};

    use super::Given;

    #[derive(Debug)]
    pub struct Listener;

    impl Listener {
        pub fn open(_: &Path) -> io::Result<Self> {
            Ok(Self)
        }

        pub fn listen(&self, _: &dyn Fn(Given)) {}
    }

    pub fn hand_over(_: &Path, _: &Given) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    #[test]
    fn a_later_start_hands_over_and_another_home_is_another_program() {
        let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let (came, given) = mpsc::channel();
        let Start::First(first) = start(homes[0].path(), &None).unwrap() else { panic!("nothing runs") };
        first.listen(move |given| came.send(given).unwrap()).unwrap();
        for link in [Some("komado://h/chat/bob\nand more".to_owned()), None, Some("窓".to_owned())] {
            assert!(matches!(start(homes[0].path(), &link).unwrap(), Start::Handed));
            let handed = given.recv_timeout(Duration::from_secs(10)).unwrap();
            assert_eq!(handed, link.map(|link| link.replace('\n', " ")));
        }
        assert!(matches!(start(homes[1].path(), &None).unwrap(), Start::First(_)));
    }

    #[test]
    fn what_a_dead_program_left_behind_does_not_matter() {
        let home = tempfile::tempdir().unwrap();
        for _ in 0..3 {
            let Start::First(first) = start(home.path(), &None).unwrap() else { panic!("nothing runs any more") };
            drop(first);
        }
    }
}
