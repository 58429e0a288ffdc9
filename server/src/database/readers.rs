//! The readers: a few connections that only read, lent to one job at a time.

use super::{DatabaseError, connect};
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

const CONNECTIONS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Semaphore,
    path: PathBuf,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { idle: Arc::default(), permits: Semaphore::new(CONNECTIONS), path }
    }

    pub(super) async fn read<T, J>(&self, job: J) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        J: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let waiting = tokio::time::timeout(PATIENCE, self.permits.acquire());
        let permit = waiting.await.map_err(|_| DatabaseError::Overloaded)?.map_err(|_| DatabaseError::Stopped)?;
        let (idle, path) = (self.idle.clone(), self.path.clone());
        let work = tokio::task::spawn_blocking(move || {
            let lent = idle.lock().pop();
            let connection = match lent {
                Some(connection) => connection,
                None => connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
            };
            let outcome = job(&connection);
            idle.lock().push(connection);
            outcome.map_err(DatabaseError::from)
        });
        let outcome = work.await.map_err(|_| DatabaseError::Stopped)?;
        drop(permit);
        outcome
    }
}
