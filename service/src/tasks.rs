//! Background tasks: every one has a name, ends on the process's cancellation and is waited for.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The tasks of one process or role, and the token that ends them. Clones share both.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    token: CancellationToken,
}

/// How [`Tasks::shutdown`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Shutdown {
    /// Every task ended.
    Drained,
    /// The grace period ended first, with so many tasks left.
    Abandoned(usize),
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tasks that end with these or on their own cancellation, and that [`Tasks::shutdown`] of either
    /// set waits for.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            tracker: self.tracker.clone(),
            token: self.token.child_token(),
        }
    }

    /// Runs `future` as a tracked task. It is not stopped by cancellation: a task that waits must watch
    /// [`Tasks::token`] itself, and one that must finish (a call in flight) does. Dropping the handle
    /// does not stop it either. A panic is logged.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that spawns, and it tracks"
    )]
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let task = async move {
            let watch = PanicWatch(name);
            let output = future.await;
            std::mem::forget(watch);
            output
        };
        let span = tracing::debug_span!("task", task.name = name);
        tokio::spawn(self.tracker.track_future(task.instrument(span)))
    }

    /// Runs `future` as a tracked task that is dropped at its next wait once cancelled.
    pub fn spawn_until_cancelled<F>(
        &self,
        name: &'static str,
        future: F,
    ) -> JoinHandle<Option<F::Output>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let token = self.token.clone();
        self.spawn(name, async move { token.run_until_cancelled(future).await })
    }

    /// The token that ends these tasks.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Asks every task to end.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Waits until someone cancels.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// Asks every task to end and waits for them, at most `grace`.
    pub async fn shutdown(&self, grace: Duration) -> Shutdown {
        self.token.cancel();
        self.tracker.close();
        if tokio::time::timeout(grace, self.tracker.wait())
            .await
            .is_ok()
        {
            return Shutdown::Drained;
        }
        let left = self.tracker.len();
        tracing::warn!(
            tasks.left = left,
            "tasks did not end within the grace period"
        );
        Shutdown::Abandoned(left)
    }

    /// Cancels on SIGINT or SIGTERM.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn cancel_on_signal(&self) -> io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let token = self.token.clone();
        self.spawn("signals", async move {
            tokio::select! {
                _ = interrupt.recv() => tracing::info!("interrupted, shutting down"),
                _ = terminate.recv() => tracing::info!("terminated, shutting down"),
                () = token.cancelled() => {}
            }
            token.cancel();
        });
        Ok(())
    }
}

/// Logs when dropped by a panic; forgotten by a task that returns.
struct PanicWatch(&'static str);

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task.name = self.0, "a background task panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shutdown_waits_for_a_task_that_must_finish() {
        let tasks = Tasks::new();
        let token = tasks.token();
        let handle = tasks.spawn("finisher", async move {
            token.cancelled().await;
            tokio::task::yield_now().await;
            42
        });
        assert_eq!(
            tasks.shutdown(Duration::from_secs(5)).await,
            Shutdown::Drained
        );
        assert_eq!(handle.await.unwrap(), 42);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_abandons_a_task_that_never_ends() {
        let tasks = Tasks::new();
        drop(tasks.spawn("stuck", std::future::pending::<()>()));
        assert_eq!(
            tasks.shutdown(Duration::from_secs(5)).await,
            Shutdown::Abandoned(1)
        );
    }

    #[tokio::test]
    async fn child_ends_alone_or_with_its_parent() {
        let tasks = Tasks::new();
        let (one, two) = (tasks.child(), tasks.child());
        let waiting = two.spawn_until_cancelled("waiting", std::future::pending::<()>());
        one.cancel();
        assert!(!tasks.token().is_cancelled() && !two.token().is_cancelled());
        tasks.cancel();
        assert_eq!(waiting.await.unwrap(), None);
    }
}
