//! F3: the journal's disk is full.

use std::path::PathBuf;
use std::time::Duration;

use super::load::{Fired, Load};
use super::{oracle, part_of, run_all};
use crate::harness::eventually;
use crate::harness::issuer::Issuer;
use crate::harness::solo::{Site, Solo};
use crate::harness::upstream::Upstream;
use crate::harness::world::text;

/// The size of the disk.
const SIZE: &str = "size=8m";
/// How long a service may take to notice that there is space again.
const BACK: Duration = Duration::from_secs(30);
/// Waves of calls while there is no space.
const WAVES: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_new_calls_and_keeps_the_outcomes_of_old_ones() {
    let issuer = Issuer::start().await;
    let runs = part_of(1, 5);
    let cases = [Kind::Low, Kind::Full].into_iter().flat_map(|kind| {
        let issuer = issuer.clone();
        (0..runs).map(move |run| {
            let issuer = issuer.clone();
            let case = async move || fills_up(issuer, kind, run).await;
            (format!("{kind:?} run {run}"), case)
        })
    });
    run_all("F3", cases).await;
}

/// How full the disk gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Below what is kept free for outcomes.
    Low,
    /// To the last byte (ENOSPC); nothing is kept free.
    Full,
}

impl Kind {
    /// MiB that the enforcer keeps free.
    const fn kept(self) -> u64 {
        match self {
            Self::Low => 2,
            Self::Full => 0,
        }
    }

    /// Bytes that stay free.
    const fn left(self) -> u64 {
        match self {
            Self::Low => 1 << 20,
            Self::Full => 0,
        }
    }
}

async fn fills_up(issuer: Issuer, kind: Kind, run: u64) -> Vec<String> {
    let upstream = Upstream::start().await;
    let mut site = Site::new(&issuer, upstream.url());
    std::fs::create_dir(&site.data).unwrap();
    let kept = kind.kept().to_string();
    site.environment = vec![("COUNTERSIGN_FREE_SPACE".to_owned(), kept)];
    let mut solo = site.start_with(None, &own_disk(&site)).await;
    let disk = Disk::of(&site, &solo);
    let mut load = Load::new(run);
    let mut fired = load.wave(&issuer, &solo).await;
    let mut found = Vec::new();

    // Calls are on their way when the space goes: some of them are answered late.
    let (under_way, ()) = tokio::join!(load.wave(&issuer, &solo), async {
        upstream.reached(fired.len()).await;
        disk.fill(kind.left());
    });
    fired.extend(under_way);
    // Without a byte left the journal closes, and opens again if it finds room in its own log.
    if matches!(kind, Kind::Low) {
        readiness_is(&solo, 503).await;
    }
    for _ in 0..WAVES {
        let refused = load.wave(&issuer, &solo).await;
        found.extend(refused.iter().flat_map(|one| unexpected(kind, one)));
        fired.extend(refused);
        // Whatever little the records took is taken again.
        disk.fill(kind.left());
    }
    let sent = upstream.count().await;

    disk.empty();
    readiness_is(&solo, 200).await;
    if let Some(status) = solo.process.status() {
        found.push(format!("the process ended with {status}"));
    }
    if upstream.count().await != sent {
        found.push("something was sent when there was space again, without a call".to_owned());
    }
    let next = load.wave(&issuer, &solo).await;
    let ran = |one: &Fired| {
        one.heard
            .iter()
            .flatten()
            .any(|answer| answer.status == 200)
    };
    if !next.iter().any(ran) {
        found.push(format!("with space again, nothing runs: {next:?}"));
    }
    fired.extend(next);
    eventually("every call is settled", BACK, async || {
        let calls = solo.calls().await;
        (!calls.iter().any(|call| call["state"] == "consumed")).then_some(())
    })
    .await;
    found.extend(oracle::findings(&issuer, &upstream, &solo, &fired, site.folder()).await);
    found
}

/// What a caller must not hear while there is no space.
fn unexpected(kind: Kind, fired: &Fired) -> Vec<String> {
    let expected = |answer: &crate::harness::world::Answer| {
        let code = text(&answer.body, "/code");
        match kind {
            Kind::Low => (answer.status, code) == (503, "store_unavailable"),
            // The disk may fail in the very commit, and a record may still fit.
            Kind::Full => {
                matches!(
                    code,
                    "store_unavailable" | "consume_unknown" | "outcome_unrecorded"
                ) || matches!(code, "token_used" | "overload")
                    || answer.status == 200
            }
        }
    };
    let heard = fired.heard.iter();
    let wrong = heard.filter(|answer| !answer.as_ref().is_some_and(expected));
    wrong
        .map(|answer| format!("without space a call was answered {answer:?}"))
        .collect()
}

async fn readiness_is(solo: &Solo, status: u16) {
    eventually(&format!("/readyz is {status}"), BACK, async || {
        (solo.readiness().await == Some(status)).then_some(())
    })
    .await;
}

/// The program that gives the enforcer a small disk for its data, which goes with the process.
fn own_disk(site: &Site) -> Vec<String> {
    let mount = format!("mount -t tmpfs -o {SIZE} tmpfs \"$0\" && exec \"$@\"");
    let data = site.data.to_str().unwrap();
    // Who is not root is root in a name space of their own.
    [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &mount,
        data,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The enforcer's small disk, seen from outside.
struct Disk {
    folder: PathBuf,
}

impl Disk {
    fn of(site: &Site, solo: &Solo) -> Self {
        let root = PathBuf::from(format!("/proc/{}/root", solo.process.pid()));
        let inside = site.data.strip_prefix("/").unwrap();
        Self {
            folder: root.join(inside),
        }
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }

    /// Takes all the space but `left` bytes.
    fn fill(&self, left: u64) {
        let filler = self.filler();
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(filler)
            .unwrap();
        let block = [0_u8; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        let size = file.metadata().unwrap().len();
        file.set_len(size.saturating_sub(left)).unwrap();
    }

    /// Gives it back.
    fn empty(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}
