//! The readers: a few connections that only read, lent to one job at a time.

use super::location::Location;
use super::{Connection, DatabaseError};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

const CONNECTIONS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Semaphore,
    location: Arc<Location>,
}

impl Readers {
    pub(super) fn new(location: Arc<Location>) -> Self {
        Self { idle: Arc::default(), permits: Semaphore::new(CONNECTIONS), location }
    }

    pub(super) async fn read<T, J>(&self, job: J) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        J: FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
    {
        let waiting = tokio::time::timeout(PATIENCE, self.permits.acquire());
        let permit = waiting.await.map_err(|_| DatabaseError::Overloaded)?.map_err(|_| DatabaseError::Stopped)?;
        let (idle, location) = (self.idle.clone(), self.location.clone());
        let work = tokio::task::spawn_blocking(move || {
            let lent = std::iter::from_fn(|| idle.lock().pop()).find(|connection| !connection.is_lost());
            let connection = match lent {
                Some(connection) => connection,
                None => location.reader()?,
            };
            let outcome = job(&connection);
            if !connection.is_lost() {
                idle.lock().push(connection);
            }
            outcome
        });
        let outcome = work.await.map_err(|_| DatabaseError::Stopped)?;
        drop(permit);
        outcome
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        // PostgreSQL's driver says farewell by a runtime of its own, which must not be inside another one.
        let idle = std::mem::take(&mut *self.idle.lock());
        if !idle.is_empty() && std::thread::spawn(move || drop(idle)).join().is_err() {
            tracing::error!("closing the database's readers ended in a panic");
        }
    }
}
