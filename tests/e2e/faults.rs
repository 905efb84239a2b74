//! Faults that the enforcer must survive, done to real processes (docs/reliability.md says what each is).
//!
//! The oracle is the counting upstream, a process of its own: whatever is killed, stopped, cut off or filled
//! up, no token may reach it twice, nothing may reach it without a durable record, and what it saw must be
//! what the records say. `COUNTERSIGN_FAULTS_FULL=1` runs every seed instead of a part (scripts/faults-full).

mod authority;
mod disk;
mod leaving;
mod load;
mod oracle;
mod postgres;
mod power;
mod race;
mod stale;
mod trace;

use std::io::Write as _;
use std::sync::Arc;

use test_support::Postgres;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Cases of one fault that run at once.
const AT_ONCE: usize = 3;

/// Whether everything is asked for, and not only what fits the time of every run.
fn full() -> bool {
    std::env::var_os("COUNTERSIGN_FAULTS_FULL").is_some()
}

/// `few`, or `many` when everything is asked for.
fn part_of<T>(few: T, many: T) -> T {
    if full() { many } else { few }
}

/// Where an enforcer keeps its journal.
#[derive(Clone, Debug)]
enum Store {
    /// A file in its data folder.
    Sqlite,
    /// A database of its own on a server that all cases share.
    Postgres(Arc<Postgres>),
}

impl Store {
    fn postgres() -> Self {
        Self::Postgres(Arc::new(Postgres::start()))
    }

    /// A fresh database's address; `None` stands for the file.
    fn database(&self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres(server) => Some(server.database()),
        }
    }
}

/// What a case is called, and what it found.
type Case = (String, Vec<String>);

/// Runs every case, a few at once; fails when any of them found something. A case that panics has found
/// something too.
async fn run_all<C>(fault: &str, cases: impl IntoIterator<Item = (String, C)>)
where
    C: AsyncFnOnce() -> Vec<String> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (name, case) in cases {
        let places = Arc::clone(&places);
        tasks.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            let began = tokio::time::Instant::now();
            // A thread of its own: cases wait for other programs now and then.
            let run = || {
                let mut runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = runtime.enable_all().build().unwrap();
                runtime.block_on(case())
            };
            let found = match tokio::task::spawn_blocking(run).await {
                Ok(found) => found,
                Err(error) => vec![said(error.into_panic().as_ref())],
            };
            eprintln!("{name}: {:.1} s", began.elapsed().as_secs_f32());
            (name, found)
        });
    }
    conclude(fault, &tasks.join_all().await);
}

/// What a panic says.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "it panicked".to_owned())
}

/// Tells the figures to whoever collects them, and fails on findings.
fn conclude(fault: &str, cases: &[Case]) {
    let findings: Vec<String> = cases
        .iter()
        .flat_map(|(name, found)| {
            found
                .iter()
                .map(move |finding| format!("{name}: {finding}"))
        })
        .collect();
    if let Some(report) = std::env::var_os("COUNTERSIGN_FAULTS_REPORT") {
        let line = format!("{fault}\t{}\t{}\n", cases.len(), findings.len());
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(report);
        file.unwrap().write_all(line.as_bytes()).unwrap();
    }
    assert!(!cases.is_empty(), "{fault}: nothing was run");
    assert!(findings.is_empty(), "{fault}:\n{}", findings.join("\n"));
}
