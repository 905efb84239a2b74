//! Load: a number of connections, each of which sends its next request when the last one was answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::figures::{Run, percentile};
use crate::http1::{self, Connection, find};
use crate::process;

/// What to send where, for how long.
#[derive(Clone, Debug, Args)]
pub(crate) struct LoadArgs {
    #[arg(long)]
    pub(crate) to: SocketAddr,
    #[arg(long, default_value_t = 16)]
    pub(crate) connections: usize,
    /// How long calls are counted
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// How long calls run before they are counted
    #[arg(long, default_value_t = 1.0)]
    pub(crate) warmup: f64,
    /// Prepared requests, one a line
    #[arg(long, value_name = "FILE")]
    pub(crate) requests: PathBuf,
    /// Begin again at the end of the file, instead of ending
    #[arg(long)]
    pub(crate) again: bool,
    /// The process whose time and memory are reported
    #[arg(long, value_name = "PID")]
    pub(crate) watch: Option<u32>,
    /// What the body of a good answer holds
    #[arg(long)]
    pub(crate) expect: Option<String>,
}

struct Shared {
    to: SocketAddr,
    requests: Vec<Vec<u8>>,
    next: AtomicUsize,
    again: bool,
    expect: Option<Vec<u8>>,
    counted_from: Instant,
    until: Instant,
}

/// What one connection saw in the counted time.
#[derive(Default)]
struct Tally {
    micros: Vec<u32>,
    failed: BTreeMap<String, u64>,
    exhausted: bool,
}

/// Runs the load; says what came of it.
pub(crate) fn run(args: &LoadArgs) -> Run {
    let text = std::fs::read_to_string(&args.requests).expect("prepared requests");
    let requests: Vec<Vec<u8>> = text
        .lines()
        .map(|line| {
            http1::request(
                &serde_json::from_str(line).expect("a prepared request"),
                args.to,
            )
        })
        .collect();
    drop(text);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure(args, requests))
}

async fn measure(args: &LoadArgs, requests: Vec<Vec<u8>>) -> Run {
    let counted_from = Instant::now() + Duration::from_secs_f64(args.warmup);
    let shared = Arc::new(Shared {
        to: args.to,
        requests,
        next: AtomicUsize::new(0),
        again: args.again,
        expect: args.expect.clone().map(String::into_bytes),
        counted_from,
        until: counted_from + Duration::from_secs_f64(args.seconds),
    });
    let mut connections = JoinSet::new();
    for _ in 0..args.connections {
        connections.spawn(Arc::clone(&shared).connection());
    }
    tokio::time::sleep_until(counted_from.into()).await;
    let before = args.watch.map(process::cpu_micros);
    tokio::time::sleep_until(shared.until.into()).await;
    let after = args.watch.map(process::cpu_micros);
    let rss = args.watch.map(process::rss_kib);

    let mut all = Tally::default();
    while let Some(tally) = connections.join_next().await {
        let tally = tally.expect("a connection's task");
        all.micros.extend(tally.micros);
        all.exhausted |= tally.exhausted;
        for (code, count) in tally.failed {
            *all.failed.entry(code).or_default() += count;
        }
    }
    all.micros.sort_unstable();
    let ok = all.micros.len() as f64;
    let calls = ok + all.failed.values().sum::<u64>() as f64;
    let cpu = before
        .zip(after)
        .map_or(0, |(before, after)| after - before);
    Run {
        per_second: ok / args.seconds,
        calls,
        p50: percentile(&all.micros, 0.50),
        p99: percentile(&all.micros, 0.99),
        max: percentile(&all.micros, 1.0),
        cpu: if calls > 0.0 { cpu as f64 / calls } else { 0.0 },
        rss_mib: rss.unwrap_or_default() as f64 / 1024.0,
        failed: all.failed,
        exhausted: all.exhausted,
    }
}

impl Shared {
    async fn connection(self: Arc<Self>) -> Tally {
        let mut tally = Tally::default();
        let mut connection = Connection::new(self.to);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.requests.len() && !self.again {
                tally.exhausted = true;
                return tally;
            }
            let wire = &self.requests[number % self.requests.len()];
            let began = Instant::now();
            if began >= self.until {
                return tally;
            }
            let outcome = match connection.send(wire).await {
                Ok(answer) => self.judge(answer.status, answer.body),
                Err(error) => Err(format!("{:?}", error.kind())),
            };
            let ended = Instant::now();
            let counts = began >= self.counted_from && ended <= self.until;
            match outcome {
                Ok(()) if counts => tally.micros.push((ended - began).as_micros() as u32),
                Err(code) if counts => *tally.failed.entry(code).or_default() += 1,
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// A good answer, or the code of what it is instead.
    fn judge(&self, status: u16, body: &[u8]) -> Result<(), String> {
        if status == 200 {
            let good = self
                .expect
                .as_deref()
                .is_none_or(|text| find(body, text).is_some());
            return if good {
                Ok(())
            } else {
                Err("unexpected".to_owned())
            };
        }
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or_default();
        Err(format!("{status} {code}").trim_end().to_owned())
    }
}
