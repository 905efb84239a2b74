//! The open connections of a listener, and who makes room for a new one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::watch::Watch;

/// The open connections.
pub(super) struct Open {
    most: usize,
    spare: Duration,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, Arc<Watch>>,
}

/// A connection's place, free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    table: Arc<Mutex<Table>>,
}

impl Open {
    pub(super) fn new(most: usize, spare: Duration) -> Self {
        Self {
            most,
            spare,
            table: Arc::default(),
        }
    }

    /// A place for a new connection, if need be that of one without work.
    pub(super) fn take(&self) -> Option<(Place, Arc<Watch>)> {
        let mut table = lock(&self.table);
        if table.open.len() >= self.most && !table.displace(self.spare) {
            return None;
        }
        let id = table.next;
        table.next = id.wrapping_add(1);
        let watch = Arc::new(Watch::new());
        table.open.insert(id, Arc::clone(&watch));
        let place = Place {
            id,
            table: Arc::clone(&self.table),
        };
        Some((place, watch))
    }

    /// Ends the connection that has been without work for longest.
    pub(super) fn make_room(&self) {
        lock(&self.table).displace(self.spare);
    }
}

impl Table {
    /// Makes the connection leave that has been without work for longest, at least `spare`.
    fn displace(&mut self, spare: Duration) -> bool {
        let unused = self.open.iter().filter_map(|(id, watch)| {
            let unused = watch.unused().filter(|unused| *unused >= spare)?;
            Some((unused, *id))
        });
        let Some((_, id)) = unused.max() else {
            return false;
        };
        // Its task ends soon; its place counts as free now, so that nobody else makes it leave.
        if let Some(watch) = self.open.remove(&id) {
            watch.displace();
        }
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.table).open.remove(&self.id);
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
