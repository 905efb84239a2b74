//! What the standard routes say of an enforcer: readiness, notices, the snapshot for subscribers.

use countersign_service::credential::Credentials;
use countersign_service::events::{Hub, Snapshot};
use countersign_service::server::{self, Role};
use countersign_service::tasks::Tasks;
use serde_json::json;

use crate::config::Config;
use crate::journal::store::calls::{self, Listing};
use crate::routes;
use crate::state::AppState;

/// Calls and refusals that a new subscriber gets first.
const SNAPSHOT: i64 = 200;

/// The role of `state` for the standard routes.
pub(super) fn role(
    config: &Config,
    tasks: &Tasks,
    hub: Hub,
    credentials: Credentials,
    state: &AppState,
) -> Role {
    let database = state.journal.shared().database.clone();
    let (journal, control, clock) = (
        state.journal.clone(),
        state.control.clone(),
        config.clock.clone(),
    );
    let (heard, now) = (state.control.clone(), config.clock.clone());
    let books = state.books.clone();
    let (told, shown) = (state.journal.clone(), state.journal.clone());
    let mut role = Role::new(server::Parts {
        name: "enforcer",
        isolation: config.isolation,
        clock: config.clock.clone(),
        random: config.random.clone(),
        credentials,
        hub,
        tasks: tasks.clone(),
        document: crate::openapi(),
    })
    .ready("database", move || {
        let database = database.clone();
        async move { database.check().await.map_err(|error| error.to_string()) }
    })
    .ready("journal", move || {
        let open = journal.check_open();
        async move { open.map_err(|refusal| refusal.message) }
    })
    .ready("control", move || {
        let fresh = control.is_fresh(clock.monotonic());
        async move {
            fresh
                .then_some(())
                .ok_or_else(|| "the authority is not heard".to_owned())
        }
    })
    .ready("clock", move || {
        let time = told.shared().now();
        async move { time.map(drop).map_err(|refusal| refusal.message) }
    })
    .notice("clock", move || {
        let time = shown.shared().now();
        async move { time.map(drop).map_err(|refusal| refusal.message) }
    })
    .notice("control", move || {
        let fresh = heard.is_fresh(now.monotonic());
        async move {
            fresh
                .then_some(())
                .ok_or_else(|| "the authority is not heard".to_owned())
        }
    })
    .notice("catalogue", move || {
        let problem = books.problem();
        async move { problem }
    })
    .snapshot(snapshot(state))
    .meta("audience", config.audience.as_str())
    .meta(
        "ledger",
        json!({ "origin": state.journal.shared().ledger.origin() }),
    );
    for route in routes::UNTIMED {
        role = role.untimed(route);
    }
    role
}

/// The latest calls and refusals.
fn snapshot(state: &AppState) -> Snapshot {
    let (journal, refusals) = (state.journal.clone(), state.doorway.refusals.clone());
    Snapshot::new(move || {
        let (journal, refusals) = (journal.clone(), refusals.clone());
        async move {
            let shared = journal.shared();
            let listing = Listing {
                limit: SNAPSHOT,
                ..Listing::default()
            };
            let calls = calls::list(shared.database.read(), &shared.tenant, &listing).await?;
            let calls = calls.iter().rev().map(|call| {
                (
                    "call",
                    call.attempt.to_string(),
                    serde_json::to_value(call.view()),
                )
            });
            let latest = refusals.latest(usize::try_from(SNAPSHOT).unwrap_or(0));
            let refusals = latest.iter().rev().map(|refusal| {
                (
                    "refusal",
                    refusal.id.to_string(),
                    serde_json::to_value(refusal),
                )
            });
            let items = calls.chain(refusals);
            Ok(items
                .filter_map(|(topic, id, item)| Some((topic, id, item.ok()?)))
                .collect())
        }
    })
}
