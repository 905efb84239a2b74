//! The components that handlers ask for.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use countersign_ledger::Ledger;
use countersign_service::clock::Clock;
use countersign_service::credential::Credentials;
use countersign_service::database::Database;

use crate::books::Books;
use crate::control::Control;
use crate::execute::{Executor, Places};
use crate::gate::Gate;
use crate::journal::Journal;
use crate::pace::Pace;
use crate::receipts::Signer;
use crate::refusals::Refusals;

/// Everything an enforcer's handlers use. A handler asks for one component, never for all. Clones share
/// it: every request makes some.
#[derive(Clone, Debug)]
pub(crate) struct AppState(Arc<Components>);

/// What an [`AppState`] holds.
#[derive(Debug)]
pub(crate) struct Components {
    pub(crate) doorway: Doorway,
    pub(crate) books: Books,
    pub(crate) control: Control,
    pub(crate) journal: Journal,
    pub(crate) signer: Signer,
    pub(crate) credentials: Credentials,
    pub(crate) clock: Clock,
}

/// What every door needs to let a call through. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Doorway(Arc<Door>);

/// What a [`Doorway`] holds.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) gate: Gate,
    pub(crate) executor: Executor,
    pub(crate) refusals: Refusals,
    pub(crate) places: Places,
    pub(crate) pace: Pace,
}

impl AppState {
    pub(crate) fn new(components: Components) -> Self {
        Self(Arc::new(components))
    }
}

impl Deref for AppState {
    type Target = Components;

    fn deref(&self) -> &Components {
        &self.0
    }
}

impl Doorway {
    pub(crate) fn new(door: Door) -> Self {
        Self(Arc::new(door))
    }
}

impl Deref for Doorway {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.0
    }
}

macro_rules! component {
    ($type:ty, $($path:ident).+) => {
        impl FromRef<AppState> for $type {
            fn from_ref(state: &AppState) -> Self {
                state.$($path).+.clone()
            }
        }
    };
}

component!(Doorway, doorway);
component!(Refusals, doorway.refusals);
component!(Books, books);
component!(Control, control);
component!(Journal, journal);
component!(Signer, signer);
component!(Credentials, credentials);
component!(Clock, clock);

impl FromRef<AppState> for Database {
    fn from_ref(state: &AppState) -> Self {
        state.journal.shared().database.clone()
    }
}

impl FromRef<AppState> for Ledger {
    fn from_ref(state: &AppState) -> Self {
        state.journal.shared().ledger.clone()
    }
}
