//! Runs that are going on in this process: how to watch one, and how to stop it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_intent::id::{OperatorId, RunId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::run::view::{RunState, RunView};

/// How many runs may work at once. A run that waits for a person does not count.
const MAX_WORKING: usize = 4;
/// How many may go on at once, waiting ones included.
const MAX_LIVE: usize = 64;

/// One run that is going on.
#[derive(Debug)]
pub(crate) struct Live {
    view: watch::Sender<Arc<RunView>>,
    halt: CancellationToken,
    cancelled_by: Mutex<Option<OperatorId>>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Registry(Mutex<BTreeMap<RunId, Arc<Live>>>);

/// There are as many runs as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMany {
    /// Working ones.
    #[error("{MAX_WORKING} runs are working already")]
    Working,
    /// Working and waiting ones.
    #[error("{MAX_LIVE} runs are going on already")]
    Live,
}

impl Live {
    /// A run that shows `view`; `halt` ends it when the process does.
    pub(crate) fn new(view: RunView, halt: CancellationToken) -> Self {
        Self {
            view: watch::Sender::new(Arc::new(view)),
            halt,
            cancelled_by: Mutex::new(None),
        }
    }

    /// The run's views from now on, the current one first.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<RunView>> {
        self.view.subscribe()
    }

    /// Shows `view` to whoever watches.
    pub(crate) fn show(&self, view: RunView) {
        self.view.send_replace(Arc::new(view));
    }

    /// Asks the run to end; the first who asks is named.
    pub(crate) fn cancel(&self, by: OperatorId) {
        self.by().get_or_insert(by);
        self.halt.cancel();
    }

    /// Who asked the run to end, when a person did.
    pub(crate) fn cancelled_by(&self) -> Option<OperatorId> {
        self.by().clone()
    }

    /// Ends waiting: a person or the process wants the run to stop.
    pub(crate) fn halt(&self) -> &CancellationToken {
        &self.halt
    }

    fn by(&self) -> MutexGuard<'_, Option<OperatorId>> {
        self.cancelled_by
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn works(&self) -> bool {
        let state = self.view.borrow().state;
        !state.ended() && state != RunState::Waiting
    }
}

impl Registry {
    /// Adds a run, unless there are too many.
    pub(crate) fn admit(&self, run: RunId, live: Live) -> Result<Arc<Live>, TooMany> {
        let mut runs = self.runs();
        if runs.values().filter(|live| live.works()).count() >= MAX_WORKING {
            return Err(TooMany::Working);
        }
        if runs.len() >= MAX_LIVE {
            return Err(TooMany::Live);
        }
        let live = Arc::new(live);
        runs.insert(run, Arc::clone(&live));
        Ok(live)
    }

    /// Adds a run that an earlier process began: it was admitted then.
    pub(crate) fn readmit(&self, run: RunId, live: Live) -> Arc<Live> {
        let live = Arc::new(live);
        self.runs().insert(run, Arc::clone(&live));
        live
    }

    /// The run called `run`, while it goes on.
    pub(crate) fn get(&self, run: &RunId) -> Option<Arc<Live>> {
        self.runs().get(run).cloned()
    }

    /// Takes a run out: it has ended, or the process does.
    pub(crate) fn dismiss(&self, run: &RunId) {
        self.runs().remove(run);
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunId, Arc<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::run;

    fn live(number: u64, state: RunState) -> (RunId, Live) {
        let mut view = run(number).view().clone();
        view.state = state;
        (
            view.run_id.clone(),
            Live::new(view, CancellationToken::new()),
        )
    }

    #[test]
    fn fifth_working_run_is_not_admitted_but_waiting_ones_do_not_count() {
        let registry = Registry::default();
        for number in 0..10 {
            let (id, live) = live(number, RunState::Waiting);
            registry.admit(id, live).unwrap();
        }
        for number in 10..14 {
            let (id, live) = live(number, RunState::Acting);
            registry.admit(id, live).unwrap();
        }
        let (id, fifth) = live(14, RunState::Sensing);
        assert_eq!(registry.admit(id, fifth).unwrap_err(), TooMany::Working);
        registry.dismiss(&run(10).view().run_id);
        let (id, fifth) = live(14, RunState::Sensing);
        assert!(registry.admit(id, fifth).is_ok());
    }

    #[test]
    fn first_who_cancels_is_named() {
        let (_, live) = live(1, RunState::Acting);
        assert_eq!(live.cancelled_by(), None);
        live.cancel("alice".parse().unwrap());
        live.cancel("bob".parse().unwrap());
        assert_eq!(live.cancelled_by().unwrap().as_str(), "alice");
        assert!(live.halt().is_cancelled());
    }
}
