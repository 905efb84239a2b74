//! Resident memory of an enforcer over many calls.

use crate::process;
use crate::report::{self, Bound, Check};
use crate::stage::{Journal, Sent, Stage, StageArgs};
use crate::throughput::enough;
use crate::world::Kind;

const CONNECTIONS: usize = 64;
/// How long each part of the soak runs.
const PART: f64 = 20.0;

/// Alternates leases and single-use calls until `calls` were made; memory is looked at after each part.
pub(crate) fn run(args: &StageArgs, calls: u64) {
    println!("{}", report::machine(args));
    let stage = Stage::set(args);
    let enforcer = stage.enforcer("sqlite", &Journal::Sqlite, 10);
    let pid = enforcer.server.pid();
    println!("\n{:>10}{:>12}{:>9}", "calls", "single use", "RSS MiB");
    let (mut made, mut spent) = (0.0, 0.0);
    let mut looks: Vec<(f64, f64)> = Vec::new();
    let mut look = |made: f64, spent: f64| {
        let rss = process::rss_kib(pid) as f64 / 1024.0;
        println!("{made:>10.0}{spent:>12.0}{rss:>9.1}");
        looks.push((made, rss));
    };
    look(made, spent);
    while made < calls as f64 {
        for (kind, sent) in [(Kind::Lease, Sent::Leases), (Kind::Once, Sent::Once)] {
            let count = if kind == Kind::Lease {
                64
            } else {
                enough(PART, CONNECTIONS)
            };
            let file = enforcer.requests(kind, count);
            let run = stage.load_for(&enforcer.server, CONNECTIONS, &file, sent, PART);
            assert!(run.failed.is_empty(), "calls failed: {:?}", run.failed);
            made += run.calls;
            spent += if kind == Kind::Once { run.calls } else { 0.0 };
        }
        look(made, spent);
    }
    let (_, last) = *looks.last().unwrap();
    println!();
    println!(
        "{}",
        Check::new(
            format!("resident MiB after {made:.0} calls"),
            last,
            Bound::AtMost(60.0)
        )
    );
    // Flat: from the first quarter of the calls to the end.
    let settled = looks
        .iter()
        .find(|(calls, _)| *calls >= made / 4.0)
        .map_or(last, |(_, rss)| *rss);
    let what = format!("resident MiB gained since a quarter of the calls ({settled:.1} then)");
    println!("{}", Check::new(what, last - settled, Bound::AtMost(5.0)));
    println!("{}", report::CLOSING);
}
