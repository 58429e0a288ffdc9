//! A group of writes: one transaction, each write in a savepoint of its own, everybody answered after the commit.

use super::connection::{TransactionId, Uncommitted};
use super::{Connection, DatabaseError};
use tokio::sync::oneshot;

/// One write of any type.
pub(super) trait Write: Send {
    /// Runs the job. False if it failed: nothing of it must be kept then.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Answers. `Ok` says that the transaction of a job that did not fail is on the disk.
    fn finish(self: Box<Self>, outcome: Result<(), DatabaseError>);
    /// Answers with an error for now; [`Write::finish`] still follows.
    fn despair(&mut self, error: &DatabaseError);
}

/// A write that waits for its turn or its commit.
pub(super) struct Pending<T, E, J, A> {
    job: Option<J>,
    outcome: Option<Result<T, E>>,
    after: A,
    answer: Option<oneshot::Sender<Result<T, E>>>,
}

impl<T, E, J, A> Pending<T, E, J, A> {
    pub(super) fn new(job: J, after: A) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (answer, answered) = oneshot::channel();
        (Self { job: Some(job), outcome: None, after, answer: Some(answer) }, answered)
    }
}

impl<T, E, J, A> Write for Pending<T, E, J, A>
where
    T: Send + 'static,
    E: From<DatabaseError> + Send + 'static,
    J: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    A: FnOnce(&T) + Send + 'static,
{
    fn run(&mut self, connection: &Connection) -> bool {
        let Some(job) = self.job.take() else { return false };
        let outcome = job(connection);
        let fine = outcome.is_ok();
        self.outcome = Some(outcome);
        fine
    }

    fn finish(self: Box<Self>, outcome: Result<(), DatabaseError>) {
        let Self { outcome: own, after, answer, .. } = *self;
        let outcome = match (own, outcome) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(E::from(error)),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(E::from(DatabaseError::Stopped)),
        };
        if let Ok(value) = &outcome {
            after(value);
        }
        // Whoever asked may have gone away; the write stands all the same.
        if let Some(answer) = answer {
            let _gone = answer.send(outcome);
        }
    }

    fn despair(&mut self, error: &DatabaseError) {
        if let Some(answer) = self.answer.take() {
            let _gone = answer.send(Err(E::from(error.clone())));
        }
    }
}

/// A group whose commit was sent and not answered.
pub(super) struct Doubt {
    pub(super) transaction: TransactionId,
    pub(super) error: DatabaseError,
    /// Those whose job did not fail.
    writes: Vec<Box<dyn Write>>,
}

impl Doubt {
    /// Answers with the error, and keeps what is to be done if the group was stored after all.
    pub(super) fn despair(&mut self) {
        self.writes.iter_mut().for_each(|write| write.despair(&self.error));
    }

    /// What became of the group is known.
    pub(super) fn finish(self, stored: bool) {
        let Self { error, writes, .. } = self;
        tracing::info!(stored, writes = writes.len(), "it is known what became of the writes in doubt");
        for write in writes {
            write.finish(if stored { Ok(()) } else { Err(error.clone()) });
        }
    }
}

/// Runs a group in one transaction and answers all of it, unless what became of the commit is in doubt.
pub(super) fn commit(connection: &Connection, group: Vec<Box<dyn Write>>) -> Result<(), Doubt> {
    let mut kept: Vec<Box<dyn Write>> = Vec::with_capacity(group.len());
    let mut whole = connection.begin();
    for mut write in group {
        if let Err(failed) = &whole {
            write.finish(Err(failed.clone()));
            continue;
        }
        match alone(connection, write.as_mut()) {
            Ok(Ok(())) => kept.push(write),
            Ok(Err(failed)) => write.finish(Err(failed)),
            // The engine gave up the whole transaction: then nobody's write stands.
            Err(failed) => {
                write.finish(Err(failed.clone()));
                whole = Err(failed);
            }
        }
    }
    let whole = match whole {
        Ok(()) => connection.commit(),
        Err(failed) => Err(Uncommitted::Refused(failed)),
    };
    match whole {
        Ok(()) => kept.into_iter().for_each(|write| write.finish(Ok(()))),
        Err(Uncommitted::Unknown(error, transaction)) => return Err(Doubt { transaction, error, writes: kept }),
        Err(Uncommitted::Refused(failed)) => {
            tracing::error!(error = %failed, writes = kept.len(), "a group of writes was not kept");
            if connection.is_in_transaction()
                && let Err(error) = connection.roll_back()
            {
                tracing::error!(%error, "cannot roll back");
            }
            kept.into_iter().for_each(|write| write.finish(Err(failed.clone())));
        }
    }
    Ok(())
}

/// Runs a write in its savepoint; the inner error says that it failed alone and left nothing.
fn alone(connection: &Connection, write: &mut dyn Write) -> Result<Result<(), DatabaseError>, DatabaseError> {
    connection.execute_batch("SAVEPOINT alone")?;
    // A job that went on after an error has nothing to keep: then the savepoint cannot be released.
    let failed = if write.run(connection) {
        match connection.execute_batch("RELEASE SAVEPOINT alone") {
            Ok(()) => return Ok(Ok(())),
            Err(failed) => failed,
        }
    } else {
        connection.last_error().unwrap_or(DatabaseError::Stopped)
    };
    if !connection.is_in_transaction() {
        return Err(failed);
    }
    connection.execute_batch("ROLLBACK TO SAVEPOINT alone; RELEASE SAVEPOINT alone")?;
    Ok(Err(failed))
}
