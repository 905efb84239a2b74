//! F16: the process is stopped between spending a token and sending the call, and goes on later.

use std::time::Duration;

use serde_json::json;

use super::{Store, oracle, part_of, run_all};
use crate::faults::load::Fired;
use crate::harness::issuer::Issuer;
use crate::harness::process::signal;
use crate::harness::solo::Site;
use crate::harness::upstream::Upstream;
use crate::harness::world::text;

/// How old a permit may be when its call is sent.
const FRESH: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_held_up_after_its_token_was_spent_is_not_sent() {
    let issuer = Issuer::start().await;
    let mut stores = vec![("sqlite", Store::Sqlite)];
    if super::full() {
        stores.push(("postgres", Store::postgres()));
    }
    let held = part_of(vec![3], vec![3, 6, 10, 20, 30]);
    let cases = ["after_consume_commit", "dialled"].into_iter();
    let cases = cases.flat_map(|point| {
        let (issuer, held) = (issuer.clone(), held.clone());
        let cases = stores.iter().flat_map(move |(name, store)| {
            let (issuer, store) = (issuer.clone(), store.clone());
            held.clone().into_iter().map(move |seconds| {
                let (issuer, store) = (issuer.clone(), store.clone());
                let held = Duration::from_secs(seconds);
                let case = async move || is_held(issuer, store, point, held).await;
                (format!("{point} {name} {seconds} s"), case)
            })
        });
        cases.collect::<Vec<_>>()
    });
    run_all("F16", cases).await;
}

async fn is_held(issuer: Issuer, store: Store, point: &str, held: Duration) -> Vec<String> {
    let upstream = Upstream::start().await;
    let mut site = Site::new(&issuer, upstream.url());
    site.database = store.database();
    let solo = site.start_faulty(&format!("{point}:stop")).await;
    let ticket = issuer.scaling("alpha");
    let (heard, ()) = tokio::join!(solo.call(&ticket), async {
        solo.process.stopped().await;
        assert!(held > FRESH);
        // Real time passes for a stopped process: that is the fault.
        tokio::time::sleep(held).await;
        signal("CONT", &[solo.process.pid()]);
    });
    let mut found = Vec::new();
    match &heard {
        Some(answer) if text(&answer.body, "/outcome") == "not_sent" => {
            if !text(&answer.body, "/cause").contains("stale") {
                found.push(format!(
                    "the cause is not that it is stale: {:#}",
                    answer.body
                ));
            }
        }
        other => found.push(format!("the call was not called off: {other:?}")),
    }
    let sent = upstream.count().await;
    if sent != 0 {
        found.push(format!("{sent} requests reached the upstream"));
    }
    // The token is gone, the resource is free, and the enforcer works as before.
    let again = solo.call(&ticket).await.map(|answer| answer.status);
    if again != Some(409) {
        found.push(format!("the second try was answered {again:?}"));
    }
    let mut fired = vec![Fired {
        ticket,
        heard: vec![heard],
    }];
    let next = issuer.scaling("alpha");
    let heard =
        crate::harness::eventually("control is fresh again", crate::harness::SOON, async || {
            let answer = solo.call(&next).await;
            answer.filter(|answer| text(&answer.body, "/code") != "control_stale")
        })
        .await;
    if heard.body["status"] != json!(200) {
        found.push(format!("the next call did not run: {heard:?}"));
    }
    fired.push(Fired {
        ticket: next,
        heard: vec![Some(heard)],
    });
    found.extend(oracle::findings(&issuer, &upstream, &solo, &fired, site.folder()).await);
    found
}
