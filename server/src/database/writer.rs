//! The writer: one thread that takes the writes that wait, runs them in one transaction and answers after the commit.
//!
//! A connection that is lost is opened again before the next group. A group whose commit was not answered is neither
//! acknowledged nor given up: what became of it is asked as soon as the database answers again, and nothing else is
//! written before that is known.

use super::connection::Fate;
use super::group::{self, Doubt, Pending, Write};
use super::location::Location;
use super::{Connection, DatabaseError};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How many writes may wait.
pub(super) const QUEUE: usize = 1024;
/// How many writes share one transaction at most.
const GROUP: usize = 256;
/// After a failed attempt to reach the database none is made for this long: writes are refused at once.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the writers of a doubtful group wait for certainty before they hear of an error.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Write>>>,
    thread: Option<JoinHandle<()>>,
}

type Answer<T, E> = oneshot::Receiver<Result<T, E>>;

impl Writer {
    /// Starts the thread. It opens its connection itself again if that is lost, as the one server of the database if it
    /// `serves`.
    pub(super) fn start(connection: Connection, location: Arc<Location>, serves: bool) -> Self {
        let (queue, writes) = sync_channel(QUEUE);
        let desk = Desk { connection, location, serves, failed: None };
        let thread = std::thread::Builder::new()
            .name("komado-database".to_owned())
            .spawn(move || run(desk, &writes))
            .inspect_err(|error| tracing::error!(%error, "cannot start the database's thread"))
            .ok();
        Self { queue: Some(queue), thread }
    }

    /// Queues a write.
    pub(super) fn submit<T, E, J, A>(&self, job: J, after: A) -> Result<Answer<T, E>, DatabaseError>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        J: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
    {
        let (write, answered) = Pending::new(job, after);
        match self.queue.as_ref().ok_or(DatabaseError::Stopped)?.try_send(Box::new(write)) {
            Ok(()) => Ok(answered),
            Err(TrySendError::Full(_)) => Err(DatabaseError::Overloaded),
            Err(TrySendError::Disconnected(_)) => Err(DatabaseError::Stopped),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends when the queue is empty and nobody can fill it any more.
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the database's thread ended by a panic");
        }
    }
}

/// The connection, and how to have another one.
struct Desk {
    connection: Connection,
    location: Arc<Location>,
    serves: bool,
    failed: Option<(Instant, DatabaseError)>,
}

impl Desk {
    fn connection(&mut self) -> Result<&Connection, DatabaseError> {
        if self.connection.is_lost() {
            if let Some((when, error)) = &self.failed
                && when.elapsed() < PAUSE
            {
                return Err(error.clone());
            }
            match self.location.writer(self.serves, Some(&self.connection)) {
                Ok(connection) => {
                    tracing::info!("{} answers again", self.location.name());
                    self.connection = connection;
                    self.failed = None;
                }
                Err(error) => {
                    tracing::error!(%error, "cannot write");
                    self.failed = Some((Instant::now(), error.clone()));
                    return Err(error);
                }
            }
        }
        Ok(&self.connection)
    }
}

fn run(mut desk: Desk, writes: &Receiver<Box<dyn Write>>) {
    while let Ok(first) = writes.recv() {
        let mut group = vec![first];
        group.extend(writes.try_iter().take(GROUP - 1));
        match desk.connection() {
            Ok(connection) => {
                if let Err(doubt) = group::commit(connection, group) {
                    settle(&mut desk, doubt, writes);
                }
            }
            Err(error) => group.into_iter().for_each(|write| write.finish(Err(error.clone()))),
        }
    }
    desk.connection.tidy();
}

/// Finds out what became of a group. Its writers hear of an error if that takes too long; should it turn out to be
/// stored after all, what follows a commit still happens, before any other write.
fn settle(desk: &mut Desk, mut doubt: Doubt, writes: &Receiver<Box<dyn Write>>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match desk.connection().and_then(|connection| connection.became_of(doubt.transaction)) {
            Ok(Fate::Committed) => return doubt.finish(true),
            Ok(Fate::Aborted) => return doubt.finish(false),
            Ok(Fate::InProgress) => {}
            Err(error @ DatabaseError::Sql(_)) => {
                tracing::error!(%error, "the last writes count as not stored");
                return doubt.finish(false);
            }
            Err(error) => tracing::warn!(%error, "it is not known yet whether the last writes are stored"),
        }
        if Instant::now() >= deadline {
            doubt.despair();
        }
        let again = Instant::now() + PAUSE;
        loop {
            match writes.recv_timeout(again.saturating_duration_since(Instant::now())) {
                Ok(write) => write.finish(Err(doubt.error.clone())),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    tracing::error!("closing without knowing whether the last writes are stored");
                    return doubt.finish(false);
                }
            }
        }
    }
}
