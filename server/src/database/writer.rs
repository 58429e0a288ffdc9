//! The writer: one thread that takes the writes that wait, runs them in one transaction and answers after the commit.

use super::DatabaseError;
use rusqlite::Connection;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// How many writes may wait.
pub(super) const QUEUE: usize = 1024;
/// How many writes share one transaction at most.
const GROUP: usize = 256;

#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Write>>>,
    thread: Option<JoinHandle<()>>,
}

type Answer<T> = oneshot::Receiver<Result<T, DatabaseError>>;

impl Writer {
    pub(super) fn start(connection: Connection) -> Self {
        let (queue, writes) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("komado-database".to_owned())
            .spawn(move || run(&connection, &writes))
            .inspect_err(|error| tracing::error!(%error, "cannot start the database's thread"))
            .ok();
        Self { queue: Some(queue), thread }
    }

    /// Queues a write.
    pub(super) fn submit<T, J, A>(&self, job: J, after: A) -> Result<Answer<T>, DatabaseError>
    where
        T: Send + 'static,
        J: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let write = Pending { job: Some(job), value: None, after, answer };
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

/// One write of any type.
trait Write: Send {
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    fn finish(self: Box<Self>, outcome: Result<(), DatabaseError>);
}

struct Pending<T, J, A> {
    job: Option<J>,
    value: Option<T>,
    after: A,
    answer: oneshot::Sender<Result<T, DatabaseError>>,
}

impl<T, J, A> Write for Pending<T, J, A>
where
    T: Send + 'static,
    J: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    A: FnOnce(&T) + Send + 'static,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if let Some(job) = self.job.take() {
            self.value = Some(job(connection)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), DatabaseError>) {
        let Self { value, after, answer, .. } = *self;
        let outcome = outcome.and_then(|()| value.ok_or(DatabaseError::Stopped));
        if let Ok(value) = &outcome {
            after(value);
        }
        // Whoever asked may have gone away; the write stands all the same.
        let _gone = answer.send(outcome);
    }
}

fn run(connection: &Connection, writes: &Receiver<Box<dyn Write>>) {
    while let Ok(first) = writes.recv() {
        let mut group = vec![first];
        group.extend(writes.try_iter().take(GROUP - 1));
        commit(connection, group);
    }
    // Leave one tidy file behind instead of a file and its log.
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(%error, "cannot tidy the database's log up; the next start does");
    }
}

/// Runs a group in one transaction, each write in a savepoint of its own.
fn commit(connection: &Connection, group: Vec<Box<dyn Write>>) {
    let mut ran: Vec<(Box<dyn Write>, Result<(), DatabaseError>)> = Vec::with_capacity(group.len());
    let mut whole = connection.execute_batch("BEGIN IMMEDIATE").map_err(DatabaseError::from);
    for mut write in group {
        let outcome = match &whole {
            Err(failed) => Err(failed.for_neighbour()),
            Ok(()) => alone(connection, write.as_mut()).map_err(DatabaseError::from),
        };
        // SQLite gives up the whole transaction on a full disk and the like: then nobody's write stands.
        if let Err(failed) = &outcome
            && whole.is_ok()
            && connection.is_autocommit()
        {
            whole = Err(failed.for_neighbour());
        }
        ran.push((write, outcome));
    }
    if whole.is_ok() {
        whole = connection.execute_batch("COMMIT").map_err(DatabaseError::from);
    }
    if let Err(failed) = &whole {
        tracing::error!(error = %failed, writes = ran.len(), "a group of writes was not kept");
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "cannot roll back");
        }
    }
    for (write, outcome) in ran {
        let outcome = match &whole {
            Ok(()) => outcome,
            Err(failed) => outcome.and(Err(failed.for_neighbour())),
        };
        write.finish(outcome);
    }
}

fn alone(connection: &Connection, write: &mut dyn Write) -> rusqlite::Result<()> {
    connection.execute_batch("SAVEPOINT alone")?;
    match write.run(connection) {
        Ok(()) => connection.execute_batch("RELEASE alone"),
        Err(error) => {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK TO alone; RELEASE alone")?;
            }
            Err(error)
        }
    }
}
