//! A bounded queue from many hands to one driver that costs nothing while it is empty: tens of thousands of links have one
//! each, and nearly all of them are idle.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Poll, Waker};

/// Letters for which an empty queue keeps room.
const KEPT: usize = 4;

/// A queue of at most `limit` letters.
pub fn mailbox<T>(limit: usize) -> (Sender<T>, Receiver<T>) {
    let state = State { letters: VecDeque::new(), reader: None, closed: false };
    let shared = Arc::new(Shared { limit, state: Mutex::new(state) });
    (Sender(shared.clone()), Receiver(shared))
}

/// The end that letters are put in at.
#[derive(Debug)]
pub struct Sender<T>(Arc<Shared<T>>);

/// The end that they come out at.
#[derive(Debug)]
pub struct Receiver<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    limit: usize,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    letters: VecDeque<T>,
    reader: Option<Waker>,
    /// One of the ends is gone.
    closed: bool,
}

/// Why a letter was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// As many wait as may.
    #[error("too many letters wait")]
    Full,
    /// Nobody reads any more.
    #[error("nobody reads any more")]
    Closed,
}

impl<T> Sender<T> {
    /// Puts a letter in.
    ///
    /// # Errors
    /// [`SendError`].
    pub fn try_send(&self, letter: T) -> Result<(), SendError> {
        let mut state = self.0.state.lock();
        if state.closed {
            return Err(SendError::Closed);
        }
        if state.letters.len() >= self.0.limit {
            return Err(SendError::Full);
        }
        state.letters.push_back(letter);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        Ok(())
    }
}

impl<T> Receiver<T> {
    /// The next letter; `None` when there is none and will be none. Cancelling it loses nothing.
    pub fn recv(&mut self) -> impl Future<Output = Option<T>> {
        poll_fn(|context| {
            let mut state = self.0.state.lock();
            if let Some(letter) = state.take() {
                return Poll::Ready(Some(letter));
            }
            if state.closed {
                return Poll::Ready(None);
            }
            match &mut state.reader {
                Some(reader) => reader.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
            Poll::Pending
        })
    }

    /// The next letter that is there already.
    pub fn try_recv(&mut self) -> Option<T> {
        self.0.state.lock().take()
    }
}

impl<T> State<T> {
    fn take(&mut self) -> Option<T> {
        let letter = self.letters.pop_front()?;
        if self.letters.is_empty() && self.letters.capacity() > KEPT {
            self.letters = VecDeque::new();
        }
        Some(letter)
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.closed = true;
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.closed = true;
        state.letters.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn letters_come_out_in_order_and_wake_whoever_waits() {
        let (sender, mut receiver) = mailbox(2);
        let reading = tokio::spawn(async move {
            let mut letters = Vec::new();
            while let Some(letter) = receiver.recv().await {
                letters.push(letter);
            }
            letters
        });
        for letter in 0..100 {
            while sender.try_send(letter) == Err(SendError::Full) {
                tokio::task::yield_now().await;
            }
        }
        drop(sender);
        assert_eq!(reading.await.unwrap(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn as_many_wait_as_may_and_none_for_nobody() {
        let (sender, mut receiver) = mailbox(2);
        assert_eq!(
            [sender.try_send(1), sender.try_send(2), sender.try_send(3)],
            [Ok(()), Ok(()), Err(SendError::Full)]
        );
        assert_eq!([receiver.try_recv(), receiver.try_recv(), receiver.try_recv()], [Some(1), Some(2), None]);
        drop(receiver);
        assert_eq!(sender.try_send(4), Err(SendError::Closed));
    }
}
