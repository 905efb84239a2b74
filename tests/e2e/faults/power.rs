//! F1: the process dies at each instrumented point, as by `kill -9`, and starts again on the same data.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use super::load::{Fired, Load, fire};
use super::{Store, oracle, part_of, run_all};
use crate::harness::eventually;
use crate::harness::issuer::Issuer;
use crate::harness::solo::{Site, Solo};
use crate::harness::upstream::Upstream;
use crate::harness::world::text;

/// Where the enforcer dies.
const POINTS: [&str; 15] = [
    "verified",
    "before_consume_commit",
    "after_consume_commit",
    "dialled",
    "first_byte",
    "sent",
    "status",
    "body",
    "before_outcome_commit",
    "after_outcome_commit",
    "inside_batch",
    "sequenced",
    "before_sign",
    "after_sign",
    "resolve",
];

/// After this time from its start, nothing that a dead process left behind is still open.
const SETTLED_IN: Duration = Duration::from_secs(2);
/// Waves of calls until a point must have been reached.
const WAVES: usize = 40;
/// How a process that aborts ends.
pub(crate) const ABORTED: i32 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_at_any_point_sends_nothing_twice_from_a_file() {
    dies_everywhere("F1 sqlite", Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_at_any_point_sends_nothing_twice_from_postgres() {
    dies_everywhere("F1 postgres", Store::postgres()).await;
}

async fn dies_everywhere(fault: &str, store: Store) {
    let issuer = Issuer::start().await;
    let seeds = part_of(1, 15);
    let cases = POINTS.into_iter().flat_map(|point| {
        let (issuer, store) = (issuer.clone(), store.clone());
        (0..seeds).map(move |seed| {
            let (issuer, store) = (issuer.clone(), store.clone());
            let case = async move || dies(issuer, store, point, seed).await;
            (format!("{point} seed {seed}"), case)
        })
    });
    run_all(fault, cases).await;
}

/// One death.
async fn dies(issuer: Issuer, store: Store, point: &'static str, seed: u64) -> Vec<String> {
    let upstream = Upstream::start().await;
    let mut site = Site::new(&issuer, upstream.url());
    site.database = store.database();
    let number = POINTS.iter().position(|known| *known == point).unwrap();
    let mut load = Load::new(seed * 100 + u64::try_from(number).unwrap());
    let nth = 1 + load.below(4);
    let mut solo = site.start_faulty(&format!("{point}:abort@{nth}")).await;
    let mut fired = Vec::new();
    for _ in 0..WAVES {
        fired.extend(match point {
            "resolve" => doubt_and_word(&issuer, &solo).await,
            _ => load.wave(&issuer, &solo).await,
        });
        if solo.process.status().is_some() {
            break;
        }
    }
    let Some(status) = solo.process.status() else {
        return vec![format!("`{point}` was not reached {nth} times")];
    };
    let mut found = Vec::new();
    if status.signal() != Some(ABORTED) {
        found.push(format!("the process ended with {status}"));
    }
    found.extend(survives(&issuer, &upstream, &site, fired).await);
    found
}

/// Starts what died again on the same data, and gives what does not hold then.
pub(crate) async fn survives(
    issuer: &Issuer,
    upstream: &Upstream,
    site: &Site,
    mut fired: Vec<Fired>,
) -> Vec<String> {
    let mut found = Vec::new();
    let solo = site.start().await;
    settle(&mut found, &solo).await;
    found.extend(oracle::findings(issuer, upstream, &solo, &fired, site.folder()).await);
    fired.extend(again(&mut found, &solo, &fired).await);
    settle(&mut found, &solo).await;
    found.extend(oracle::findings(issuer, upstream, &solo, &fired, site.folder()).await);
    found.sort();
    found.dedup();
    found
}

/// Waits until nothing is open; too long is a finding.
async fn settle(found: &mut Vec<String>, solo: &Solo) {
    let began = tokio::time::Instant::now();
    let open = async || {
        let calls = solo.calls().await;
        calls
            .iter()
            .filter(|call| call["state"] == "consumed")
            .count()
    };
    eventually(
        "every call is settled",
        Duration::from_mins(1),
        async || (open().await == 0).then_some(()),
    )
    .await;
    let took = began.elapsed();
    if took > SETTLED_IN {
        found.push(format!("calls were open for {} ms", took.as_millis()));
    }
}

/// Plays every ticket again: what was spent is refused, what was not runs now, once.
async fn again(found: &mut Vec<String>, solo: &Solo, fired: &[Fired]) -> Vec<Fired> {
    let calls = solo.calls().await;
    let tickets = fired.iter().map(|one| one.ticket.clone()).collect();
    let heard = fire(solo, tickets, usize::MAX).await;
    for one in &heard {
        let spent = calls.iter().any(|call| call["jti"] == one.ticket.jti);
        let Some(Some(answer)) = one.heard.first() else {
            found.push(format!(
                "`{}` got no answer the second time",
                one.ticket.jti
            ));
            continue;
        };
        let expected: &[(u16, &str)] = if spent {
            &[(409, "token_used")]
        } else {
            // Another call on the same resource may be in doubt.
            &[(200, ""), (503, "overload")]
        };
        let said = (answer.status, text(&answer.body, "/code"));
        if !expected.contains(&said) {
            found.push(format!(
                "`{}` was answered {said:?} the second time",
                one.ticket.jti
            ));
        }
    }
    heard
}

/// A call that ends in doubt, and an operator's word on it.
async fn doubt_and_word(issuer: &Issuer, solo: &Solo) -> Vec<Fired> {
    let ticket = issuer.scaling("gone-by");
    let heard = solo.call(&ticket).await;
    if let Some(answer) = &heard {
        let attempt = text(&answer.body, "/attempt").to_owned();
        // It may be the one at which the process dies.
        drop(solo.resolve(&attempt, "executed").await);
    }
    vec![Fired {
        ticket,
        heard: vec![heard],
    }]
}
