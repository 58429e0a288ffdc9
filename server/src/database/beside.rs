//! What the first write of a command stores beside its own, in the same transaction: that the command was carried out.

use super::{Connection, DatabaseError};
use std::cell::Cell;
use std::future::Future;

type Job = Box<dyn FnOnce(&Connection) -> Result<(), DatabaseError> + Send>;

tokio::task_local! {
    static BESIDE: Cell<Option<Job>>;
}

/// Carries out `command`; `job` runs in the transaction of its first write, after it, and is undone with it. A command
/// that writes nothing leaves `job` undone.
pub async fn beside<F: Future>(
    job: impl FnOnce(&Connection) -> Result<(), DatabaseError> + Send + 'static,
    command: F,
) -> F::Output {
    BESIDE.scope(Cell::new(Some(Box::new(job))), command).await
}

/// The job that the write which now begins takes along.
pub(super) fn take() -> Option<Job> {
    // Outside of any such command there is none.
    BESIDE.try_with(Cell::take).ok().flatten()
}
