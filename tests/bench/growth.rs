//! Cost grows with nothing but the call: an empty and a full journal, a small and a large catalogue.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::figures::Run;
use crate::process;
use crate::report::{self, Bound, Check};
use crate::stage::{Enforcer, Journal, Sent, Stage, StageArgs};
use crate::throughput::once;
use crate::world::Kind;

const CONNECTIONS: usize = 16;
const FEW_ROWS: u64 = 1_000;
const TOOLS: [usize; 2] = [10, 5_000];

/// Measures both; `rows` is the number of spent tokens in the full journal.
pub(crate) fn run(args: &StageArgs, rows: u64) {
    println!("{}", report::machine(args));
    if !process::has("sqlite3") {
        println!(
            "sqlite3 is missing (scripts/setup --bench installs it): the journal cannot be filled"
        );
        return;
    }
    let stage = Stage::set(args);
    println!();
    let [few, many] = [("few", FEW_ROWS), ("many", rows)].map(|(name, rows)| {
        stage
            .enforcer(name, &Journal::Sqlite, TOOLS[0])
            .server
            .stop();
        eprintln!("filling a journal with {rows} rows");
        fill(&stage.folder().join(name).join("data/enforcer.db"), rows);
        stage.enforcer(name, &Journal::Sqlite, TOOLS[0])
    });
    let journals = compare(&stage, [&few, &many], once_16);
    print_growth(
        &format!("single use, journal of {FEW_ROWS} and of {rows} rows"),
        &journals,
    );
    drop(many);

    let large = stage.enforcer("large", &Journal::Sqlite, TOOLS[1]);
    for (name, measure) in [
        ("single use", once_16 as Measure),
        ("read leases", leases_16),
    ] {
        let runs = compare(&stage, [&few, &large], measure);
        print_growth(
            &format!(
                "{name}, catalogue of {} and of {} tools",
                TOOLS[0], TOOLS[1]
            ),
            &runs,
        );
    }
    println!("{}", report::CLOSING);
}

type Measure = fn(&Stage, &Enforcer) -> Run;

fn once_16(stage: &Stage, enforcer: &Enforcer) -> Run {
    once(stage, enforcer, CONNECTIONS)
}

fn leases_16(stage: &Stage, enforcer: &Enforcer) -> Run {
    let file = enforcer.requests(Kind::Lease, CONNECTIONS);
    stage.load(&enforcer.server, CONNECTIONS, &file, Sent::Leases)
}

/// Medians of both, measured in turns so that a busy machine is as bad for the one as for the other.
fn compare(stage: &Stage, sides: [&Enforcer; 2], measure: Measure) -> [Run; 2] {
    let mut runs = [Vec::new(), Vec::new()];
    for _ in 0..stage.args.rounds {
        for (side, runs) in sides.iter().zip(&mut runs) {
            runs.push(measure(stage, side));
        }
    }
    runs.map(|runs| Run::median(&runs))
}

fn print_growth(what: &str, [small, large]: &[Run; 2]) {
    let time = small.per_second / large.per_second;
    let shown = format!(
        "time per call, {what} ({:.0} and {:.0} calls/s), ×",
        small.per_second, large.per_second
    );
    println!("{}", Check::new(shown, time, Bound::AtMost(1.2)));
    let shown = format!(
        "CPU per call, {what} ({:.0} and {:.0} µs), ×",
        small.cpu, large.cpu
    );
    println!(
        "{}",
        Check::new(shown, large.cpu / small.cpu, Bound::AtMost(1.2))
    );
    for (code, count) in small.failed.iter().chain(&large.failed) {
        println!("         {count} × {code}");
    }
}

/// Adds `rows` ended calls with their records to the journal of an enforcer that is not running.
fn fill(database: &Path, rows: u64) {
    let mut child = Command::new("sqlite3")
        .arg("-bail")
        .arg(database)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sqlite3 starts");
    let sql = include_str!("fill.sql").replace(":rows", &rows.to_string());
    let mut input = child.stdin.take().unwrap();
    input.write_all(sql.as_bytes()).unwrap();
    drop(input);
    assert!(
        child.wait().unwrap().success(),
        "the journal was not filled"
    );
}
