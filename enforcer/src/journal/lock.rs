//! One call at a time per resource, within this process: later calls wait their turn, for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The resources that calls work on now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locks(Arc<Mutex<BTreeMap<String, Arc<Semaphore>>>>);

/// A resource that is ours until dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    locks: Locks,
    key: String,
    place: Option<OwnedSemaphorePermit>,
}

impl Locks {
    /// Takes `key` if nobody else works on it.
    pub(crate) fn try_take(&self, key: &str) -> Option<Guard> {
        let semaphore = self.semaphore(key);
        let place = semaphore.try_acquire_owned().ok();
        self.guard(key, place)
    }

    /// Waits at most `patience` until nobody else works on `key`, first come first served.
    pub(crate) async fn take(&self, key: &str, patience: Duration) -> Option<Guard> {
        let semaphore = self.semaphore(key);
        let place = tokio::time::timeout(patience, semaphore.acquire_owned()).await;
        self.guard(key, place.ok().and_then(Result::ok))
    }

    fn semaphore(&self, key: &str) -> Arc<Semaphore> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            locks
                .entry(key.to_owned())
                .or_insert_with(|| Arc::new(Semaphore::new(1))),
        )
    }

    /// The resource, if `place` was got; without it what the map holds for nobody is dropped.
    fn guard(&self, key: &str, place: Option<OwnedSemaphorePermit>) -> Option<Guard> {
        let got = place.is_some();
        let guard = Guard {
            locks: self.clone(),
            key: key.to_owned(),
            place,
        };
        got.then_some(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.place.take());
        let mut locks = self.locks.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own reference is the last one when nobody holds or awaits the resource.
        if locks
            .get(&self.key)
            .is_some_and(|semaphore| Arc::strong_count(semaphore) == 1)
        {
            locks.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn second_call_waits_and_gives_up_after_its_patience() {
        let locks = Locks::default();
        let patience = Duration::from_secs(2);
        let first = locks.take("Service::\"payments\"", patience).await.unwrap();
        assert!(
            locks
                .take("Service::\"payments\"", patience)
                .await
                .is_none()
        );
        assert!(locks.take("Service::\"auth\"", patience).await.is_some());
        drop(first);
        assert!(
            locks
                .take("Service::\"payments\"", patience)
                .await
                .is_some()
        );
        assert!(locks.0.lock().unwrap().is_empty(), "nothing stays behind");
    }
}
