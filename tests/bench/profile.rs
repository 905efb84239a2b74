//! Where the processor time of a call goes: samples of the enforcer under load, by the part that they fell into.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use crate::figures::Run;
use crate::process;
use crate::report;
use crate::stage::{Enforcer, Journal, Sent, Stage, StageArgs};
use crate::throughput::enough;
use crate::world::Kind;

const CONNECTIONS: usize = 64;
/// How long is sampled: from one second into the load to its end.
const SAMPLED: f64 = 6.0;

/// A part, and what the names of its functions hold. The first that fits counts.
const PARTS: [(&str, &[&str]); 12] = [
    (
        "signatures (verify, sign)",
        &["curve25519", "ed25519", "sha512"],
    ),
    ("SHA-256", &["sha256", "sha2::"]),
    (
        "allocation and copies",
        &[
            "malloc",
            "cfree",
            "_int_free",
            "unlink_chunk",
            "realloc",
            "calloc",
            "mem",
        ],
    ),
    (
        "SQLite",
        &[
            "sqlite3",
            "pcache",
            "btree",
            "Btree",
            "walFrame",
            "vdbe",
            "Vdbe",
            "unixWrite",
        ],
    ),
    ("sqlx", &["sqlx"]),
    (
        "logs and metrics",
        &["tracing", "metrics", "sharded_slab", "nu_ansi"],
    ),
    (
        "HTTP (hyper, http, httparse)",
        &["hyper", "httparse", "http::", "http_body"],
    ),
    (
        "routing and layers (axum, tower)",
        &["axum", "tower", "matchit"],
    ),
    (
        "JSON, base64, URLs",
        &[
            "serde",
            "json",
            "base64",
            "percent_encoding",
            "url::",
            "idna",
        ],
    ),
    ("tokio", &["tokio", "mio::", "parking_lot"]),
    ("countersign", &["countersign"]),
    (
        "Rust's library",
        &["core::", "alloc::", "std::", "<&", "as core"],
    ),
];

pub(crate) fn run(args: &StageArgs) {
    println!("{}", report::machine(args));
    if !process::has("perf") {
        println!(
            "perf is missing (Debian: apt-get install linux-perf): there is nothing to sample with"
        );
        return;
    }
    let stage = Stage::set(args);
    let enforcer = stage.enforcer("sqlite", &Journal::Sqlite, 10);
    for (kind, sent, name) in [
        (Kind::Lease, Sent::Leases, "a read under a lease"),
        (Kind::Once, Sent::Once, "a single-use call on SQLite"),
    ] {
        let file = enforcer.requests(kind, enough(SAMPLED + 1.0, CONNECTIONS));
        let samples = stage.folder().join(format!("{kind:?}.perf"));
        let perf = sample(&enforcer, &samples);
        let run = stage.load_for(&enforcer.server, CONNECTIONS, &file, sent, SAMPLED);
        wait(perf);
        print_parts(name, &run, &parts(&samples));
    }
}

fn sample(enforcer: &Enforcer, samples: &std::path::Path) -> Child {
    let pid = enforcer.server.pid().to_string();
    Command::new("perf")
        .args([
            "record",
            "-q",
            "-e",
            "cpu-clock",
            "-F",
            "1999",
            "-p",
            &pid,
            "-o",
        ])
        .arg(samples)
        .args(["--", "sleep", &SAMPLED.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("perf starts")
}

fn wait(mut perf: Child) {
    let ended = perf.wait().expect("perf ends");
    assert!(ended.success(), "perf may not sample here");
}

/// The share of each part, in percent.
fn parts(samples: &std::path::Path) -> BTreeMap<&'static str, f64> {
    let report = Command::new("perf")
        .args([
            "report",
            "--stdio",
            "--no-children",
            "-F",
            "overhead,sym",
            "--sort",
            "sym",
            "-i",
        ])
        .arg(samples)
        .stderr(Stdio::null())
        .output()
        .expect("perf reports");
    let text = String::from_utf8_lossy(&report.stdout).into_owned();
    let mut parts = BTreeMap::new();
    for line in text.lines() {
        // `     9.47%  [.] name` or, in the kernel, `[k] name`.
        let Some((share, name)) = line.split_once('%') else {
            continue;
        };
        let Ok(share) = share.trim().parse::<f64>() else {
            continue;
        };
        *parts.entry(part(name.trim())).or_default() += share;
    }
    parts
}

fn part(name: &str) -> &'static str {
    if name.starts_with("[k]") {
        return "kernel (sockets, disk, scheduler)";
    }
    let fits = |(_, words): &&(&'static str, &[&str])| words.iter().any(|word| name.contains(word));
    PARTS.iter().find(fits).map_or("other", |(part, _)| part)
}

fn print_parts(name: &str, run: &Run, parts: &BTreeMap<&'static str, f64>) {
    println!(
        "\n{name}: {:.0} calls/s, {:.0} µs of processor time each",
        run.per_second, run.cpu
    );
    let mut parts: Vec<_> = parts.iter().collect();
    parts.sort_by(|one, other| other.1.total_cmp(one.1));
    for (part, share) in parts {
        println!("{:>8.1} µs{share:>7.1} %  {part}", run.cpu * share / 100.0);
    }
}
