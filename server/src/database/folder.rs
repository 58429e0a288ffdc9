//! The data folder: private to its owner, and used by one server at a time.

use super::DatabaseError;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

const LOCK: &str = "komado-server.lock";

/// Holds the data folder for one server; let go when dropped, or by the kernel when the process dies.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the folder.
    ///
    /// # Errors
    /// [`DatabaseError::InUse`] if another server has it, [`DatabaseError::Unreadable`] if it cannot be written to.
    pub fn take(folder: &Path) -> Result<Self, DatabaseError> {
        create(folder)?;
        let path = folder.join(LOCK);
        let cannot = |error: std::io::Error| unusable(&path, &error);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let mut owner = String::new();
                if file.read_to_string(&mut owner).is_err() || owner.trim().is_empty() {
                    "unknown".clone_into(&mut owner);
                }
                return Err(DatabaseError::InUse { folder: folder.to_owned(), owner: owner.trim().to_owned() });
            }
            Err(fs::TryLockError::Error(error)) => return Err(cannot(error)),
        }
        // The number only serves the message above: a disk too full to hold it is no reason not to start.
        if let Err(error) =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()))
        {
            tracing::warn!(%error, path = %path.display(), "cannot note the process id");
        }
        Ok(Self { _file: file })
    }
}

/// Creates the folder, for its owner only, unless it exists.
pub(super) fn create(folder: &Path) -> Result<(), DatabaseError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| unusable(folder, &error))
}

/// Takes everyone else's rights to a file away.
pub(super) fn keep_private(path: &Path) -> Result<(), DatabaseError> {
    #[cfg(unix)]
    {
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(path, private).map_err(|error| unusable(path, &error))?;
    }
    Ok(())
}

fn unusable(path: &Path, error: &std::io::Error) -> DatabaseError {
    DatabaseError::unreadable(
        path,
        format!(
            "{error}; give the user that runs komado-server the right to write there, or choose another folder with --data"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_serves_one_server_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        let message = FolderLock::take(folder.path()).unwrap_err().to_string();
        assert!(message.contains(&std::process::id().to_string()) && message.contains("--data"), "{message}");
        drop(first);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let message = FolderLock::take(&file.join("inside")).unwrap_err().to_string();
        assert!(message.contains("--data"), "{message}");
    }
}
