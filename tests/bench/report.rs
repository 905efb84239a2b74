//! The table, and which of the promised figures were reached.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::figures::Run;
use crate::stage::StageArgs;

pub(crate) const CLOSING: &str = "\nA bench informs: whatever it prints, its exit code is 0. Where the time goes: docs/performance.md";

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Series {
    Floor,
    HaProxy,
    Lease,
    OnceSqlite,
    OncePostgres,
}

impl Series {
    const fn name(self) -> &'static str {
        match self {
            Self::Floor => "plain proxy (floor)",
            Self::HaProxy => "haproxy, ES256 JWT",
            Self::Lease => "enforcer, read lease",
            Self::OnceSqlite => "enforcer, once, SQLite",
            Self::OncePostgres => "enforcer, once, PostgreSQL",
        }
    }
}

/// The medians of a suite.
pub(crate) struct Table {
    pub(crate) rows: BTreeMap<(Series, usize), Run>,
    /// Of the disk that holds the journal, in µs.
    pub(crate) fdatasync: f64,
}

/// A promised figure.
#[derive(Debug)]
pub(crate) struct Check {
    what: String,
    figure: f64,
    bound: Bound,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Check {
    pub(crate) fn new(what: impl Into<String>, figure: f64, bound: Bound) -> Self {
        Self {
            what: what.into(),
            figure,
            bound,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reached, sign, bound) = match self.bound {
            Bound::AtLeast(bound) => (self.figure >= bound, '≥', bound),
            Bound::AtMost(bound) => (self.figure <= bound, '≤', bound),
        };
        let word = if reached { "reached" } else { "missed " };
        let (figure, bound) = (short(self.figure), short(bound));
        write!(
            formatter,
            "{word}  {}: {figure} (wanted {sign} {bound})",
            self.what
        )
    }
}

impl Table {
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "\n{:<27}{:>6}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}\n",
            "", "conn", "calls/s", "p50 µs", "p99 µs", "CPU µs", "RSS MiB", "× floor", "× haproxy"
        );
        for ((series, connections), run) in &self.rows {
            let beside = |other| {
                self.rows
                    .get(&(other, *connections))
                    .map(|other| run.per_second / other.per_second)
            };
            let ratio =
                |ratio: Option<f64>| ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
            writeln!(
                text,
                "{:<27}{connections:>6}{:>10.0}{:>9.0}{:>9.0}{:>9.1}{:>9.1}{:>9}{:>10}{}",
                series.name(),
                run.per_second,
                run.p50,
                run.p99,
                run.cpu,
                run.rss_mib,
                ratio(beside(Series::Floor)),
                ratio(beside(Series::HaProxy)),
                remarks(run),
            )
            .unwrap();
        }
        writeln!(
            text,
            "\nfdatasync of 4 KiB on the journal's disk: {:.0} µs (median)",
            self.fdatasync
        )
        .unwrap();
        text
    }

    /// What the issue promises of these figures.
    pub(crate) fn checks(&self) -> Vec<Check> {
        let row = |series, connections| self.rows.get(&(series, connections));
        let mut checks = Vec::new();
        let mut ratio = |what: &str, series, other, connections, bound| {
            if let (Some(run), Some(other)) = (row(series, connections), row(other, connections)) {
                let figure = run.per_second / other.per_second;
                checks.push(Check::new(what, figure, Bound::AtLeast(bound)));
            }
        };
        ratio(
            "read leases, throughput × floor at 16 connections",
            Series::Lease,
            Series::Floor,
            16,
            0.5,
        );
        ratio(
            "read leases, throughput × haproxy at 16 connections",
            Series::Lease,
            Series::HaProxy,
            16,
            2.0,
        );
        for (series, store) in [
            (Series::OnceSqlite, "SQLite"),
            (Series::OncePostgres, "PostgreSQL"),
        ] {
            let what = format!("single use on {store}, throughput × haproxy at 64 connections");
            ratio(&what, series, Series::HaProxy, 64, 0.5);
        }
        for (series, store) in [
            (Series::OnceSqlite, "SQLite"),
            (Series::OncePostgres, "PostgreSQL"),
        ] {
            let (Some(alone), Some(loaded)) = (row(series, 1), row(series, 64)) else {
                continue;
            };
            let bound = Bound::AtMost(2.0 * self.fdatasync + 300.0);
            let what =
                format!("single use on {store}, p50 at 1 connection, µs (2 × fdatasync + 300)");
            checks.push(Check::new(what, alone.p50, bound));
            let what = format!("single use on {store}, CPU µs per call at 64 connections");
            checks.push(Check::new(what, loaded.cpu, Bound::AtMost(250.0)));
            if let Some(floor) = row(Series::Floor, 64) {
                let what = format!("single use on {store}, added p99 at 64 connections, ms");
                let added = (loaded.p99 - floor.p99) / 1_000.0;
                checks.push(Check::new(what, added, Bound::AtMost(25.0)));
            }
        }
        checks
    }
}

/// What is not as it should be in a run.
fn remarks(run: &Run) -> String {
    let mut text = String::new();
    for (code, count) in &run.failed {
        write!(text, "  {count} × {code}").unwrap();
    }
    if run.exhausted {
        text.push_str("  (the prepared tokens ran out: too low)");
    }
    text
}

/// What the figures were measured on.
pub(crate) fn machine(args: &StageArgs) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |model| {
        model.trim_start_matches([' ', '\t', ':'])
    });
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "{cores} cores ({model}), shared by load, servers and upstream; load average before: {load}\n\
         {} rounds of {} s each, medians; {}",
        args.rounds,
        args.seconds,
        args.bin.display(),
    )
}

fn short(figure: f64) -> String {
    if figure.abs() >= 100.0 {
        format!("{figure:.0}")
    } else {
        format!("{figure:.2}")
    }
}
