//! F15: an enforcer that is asked to end while calls are in work finishes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::load::{Fired, fire};
use super::{oracle, part_of, run_all};
use crate::harness::issuer::Issuer;
use crate::harness::solo::{Door, Site};
use crate::harness::upstream::Upstream;
use crate::harness::world::text;

/// Callers that go on while the enforcer ends.
const CALLERS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f15_sigterm_under_load_ends_every_call_with_a_record() {
    let cases = (0..part_of(2, 10)).map(|seed| {
        let name = format!("sigterm, seed {seed}");
        (name, async move || sigterm(seed).await)
    });
    run_all("F15", cases).await;
}

async fn sigterm(seed: u64) -> Vec<String> {
    let (issuer, upstream) = (Issuer::start().await, Upstream::start().await);
    let site = Site::new(&issuer, upstream.url());
    let mut solo = site.start().await;
    let ending = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (issuer, door) = (issuer.clone(), Door::clone(&solo));
        let ending = Arc::clone(&ending);
        callers.spawn(async move {
            let mut fired: Vec<Fired> = Vec::new();
            for wave in 0..1_000 {
                let over = ending.load(Ordering::Relaxed);
                // Quick and slow ones, each on a service of its own.
                let tickets = ["svc", "slow", "svc", "bad"]
                    .map(|kind| issuer.scaling(&format!("{kind}-{seed}-{caller}-{wave}")));
                fired.extend(fire(&door, tickets.to_vec(), 3).await);
                if over {
                    break;
                }
            }
            fired
        });
    }
    upstream
        .reached(20 + usize::try_from(seed).unwrap() * 7)
        .await;
    solo.process.ask_to_end();
    ending.store(true, Ordering::Relaxed);
    let status = tokio::time::timeout(Duration::from_secs(40), solo.process.ended()).await;
    let fired: Vec<Fired> = callers.join_all().await.into_iter().flatten().collect();
    let mut found = Vec::new();
    match status {
        Ok(status) if status.success() => {}
        other => found.push(format!("it ended with {other:?}")),
    }
    let solo = site.start().await;
    // Every answer of this upstream is whole, so a call is done where it was spent: nothing was cut off.
    for call in solo.calls().await {
        if text(&call, "/state") != "done" {
            found.push(format!("cut off: {call}"));
        }
    }
    let folder = site.folder().to_owned();
    found.extend(oracle::findings(&issuer, &upstream, &solo, &fired, &folder).await);
    found
}
