//! Valid calls beside a flood of forged tokens.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::figures::{Run, median};
use crate::process;
use crate::report::{self, Bound, Check};
use crate::stage::{self, Enforcer, Journal, Sent, Stage, StageArgs};
use crate::throughput::enough;
use crate::world::Kind;

const CONNECTIONS: usize = 16;
/// Forged tokens; they are sent over and over.
const FORGED: usize = 512;
/// How long before and after the valid calls the flood runs.
const AROUND: f64 = 1.5;

/// What is sent beside the flood.
const VALID: [(Kind, Sent, &str); 2] = [
    (Kind::Lease, Sent::Leases, "read leases"),
    (Kind::Once, Sent::Once, "single use"),
];

/// The medians of calm and flooded runs, in calls per second, and what the flood left behind.
pub(crate) struct Flooded {
    calm: [f64; 2],
    beside: [f64; 2],
    refused: f64,
    /// Rows that the flood alone added to the replay store.
    rows: Option<i64>,
    /// Before and after, in MiB.
    rss: [f64; 2],
}

pub(crate) fn run(args: &StageArgs) {
    println!("{}", report::machine(args));
    let stage = Stage::set(args);
    let enforcer = stage.enforcer("sqlite", &Journal::Sqlite, 10);
    let flooded = measure(&stage, &enforcer);
    println!();
    for check in flooded.checks() {
        println!("{check}");
    }
    println!("{}", report::CLOSING);
}

/// Reads and single-use calls at 16 connections, each alone and then beside 16 connections of forged tokens.
pub(crate) fn measure(stage: &Stage, enforcer: &Enforcer) -> Flooded {
    let forged = enforcer.requests(Kind::Forged, FORGED);
    let pid = enforcer.server.pid();
    let rss_before = process::rss_kib(pid) as f64 / 1024.0;
    let mut figures: [[Vec<f64>; 2]; 2] = Default::default();
    let mut refused = Vec::new();
    for round in 1..=stage.args.rounds {
        eprintln!("flood, round {round} of {}", stage.args.rounds);
        for (which, (kind, sent, _)) in VALID.into_iter().enumerate() {
            for beside in [false, true] {
                let file = enforcer.requests(kind, enough(stage.args.seconds, CONNECTIONS));
                let flood = beside
                    .then(|| Flood::start(enforcer, &forged, stage.args.seconds + 2.0 * AROUND));
                let run = stage.load(&enforcer.server, CONNECTIONS, &file, sent);
                figures[which][usize::from(beside)].push(run.per_second);
                refused.extend(
                    flood.map(|flood| flood.finish().calls / (stage.args.seconds + 2.0 * AROUND)),
                );
            }
        }
    }
    let before = spent(&enforcer.data);
    let _ = Flood::start(enforcer, &forged, 2.0).finish();
    let rows = before
        .zip(spent(&enforcer.data))
        .map(|(before, after)| after - before);
    let [leases, once] = figures.map(|pair| pair.map(median));
    Flooded {
        calm: [leases[0], once[0]],
        beside: [leases[1], once[1]],
        refused: median(refused),
        rows,
        rss: [rss_before, process::rss_kib(pid) as f64 / 1024.0],
    }
}

impl Flooded {
    pub(crate) fn checks(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "flood of forged tokens on {CONNECTIONS} connections: {:.0} refused per second beside valid calls",
            self.refused
        )];
        for (which, (_, _, name)) in VALID.into_iter().enumerate() {
            let (calm, flooded) = (self.calm[which], self.beside[which]);
            let what = format!(
                "{name} at 16 connections beside the flood × without it ({flooded:.0} of {calm:.0} calls/s)"
            );
            lines.push(Check::new(what, flooded / calm, Bound::AtLeast(0.5)).to_string());
        }
        match self.rows {
            Some(rows) => lines.push(
                Check::new(
                    "rows that the flood alone wrote to the replay store",
                    rows as f64,
                    Bound::AtMost(0.0),
                )
                .to_string(),
            ),
            None => lines
                .push("not looked at: rows of the replay store (sqlite3 is missing)".to_owned()),
        }
        let [before, after] = self.rss;
        let what = format!("resident MiB after the flood ({before:.1} before it)");
        lines.push(Check::new(what, after, Bound::AtMost(60.0)).to_string());
        lines
    }
}

/// Load of forged tokens beside other load.
struct Flood(Child);

impl Flood {
    fn start(enforcer: &Enforcer, file: &Path, seconds: f64) -> Self {
        let mut arguments =
            stage::arguments(&enforcer.server, CONNECTIONS, file, Sent::Plain, seconds);
        arguments.push("--warmup=0".to_owned());
        let child = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the flood starts");
        std::thread::sleep(std::time::Duration::from_millis(300));
        Self(child)
    }

    /// Waits for its end. Every forged token must have been refused for its signature.
    fn finish(self) -> Run {
        let done = self.0.wait_with_output().expect("the flood ends");
        let run: Run = serde_json::from_slice(&done.stdout).expect("the flood's figures");
        assert!(run.per_second == 0.0, "a forged token was accepted");
        for code in run.failed.keys() {
            let refused = code.ends_with("token_signature") || code.contains("overload");
            assert!(refused, "a forged token met `{code}`");
        }
        run
    }
}

/// Rows of the replay store, where `sqlite3` can count them.
fn spent(data: &Path) -> Option<i64> {
    if !process::has("sqlite3") {
        return None;
    }
    let done = Command::new("sqlite3")
        .arg("-readonly")
        .arg(data.join("enforcer.db"))
        .arg("SELECT count(*) FROM consumed")
        .output()
        .ok()?;
    String::from_utf8(done.stdout).ok()?.trim().parse().ok()
}
