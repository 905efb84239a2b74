//! The main suite: a plain proxy, `HAProxy` with a JWT, leases, and tokens that are spent, side by side.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::disk;
use crate::figures::Run;
use crate::flood;
use crate::haproxy;
use crate::process::{self, Server};
use crate::report::{self, Series, Table};
use crate::stage::{Enforcer, Journal, Sent, Stage, StageArgs};
use crate::world::Kind;

/// The numbers of connections that everything is measured at.
pub(crate) const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// More tokens than any run spends, at so many calls a second.
const PER_SECOND: f64 = 9_000.0;
/// Leases that the readers share.
const LEASES: usize = 16;

/// What is measured beside each other.
struct Sides {
    floor: Server,
    haproxy: Option<Server>,
    sqlite: Enforcer,
    postgres: Option<(Enforcer, Postgres)>,
}

pub(crate) fn run(args: &StageArgs) {
    let stage = Stage::set(args);
    println!("{}", report::machine(args));
    let sides = Sides::start(&stage);
    let mut runs: BTreeMap<(Series, usize), Vec<Run>> = BTreeMap::new();
    let mut fdatasync = Vec::new();
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}", args.rounds);
        for connections in CONNECTIONS {
            for series in sides.series() {
                // The disk is measured around the runs that are compared with it.
                let beside = connections == 1 && series == Series::OnceSqlite;
                let mut look = || fdatasync.push(disk::fdatasync_micros(stage.folder()) as f64);
                if beside {
                    look();
                }
                let run = sides.measure(&stage, series, connections);
                if beside {
                    look();
                }
                runs.entry((series, connections)).or_default().push(run);
            }
        }
    }
    let table = Table {
        rows: runs
            .into_iter()
            .map(|(key, runs)| (key, Run::median(&runs)))
            .collect(),
        fdatasync: crate::figures::median(fdatasync),
    };
    print!("{}", table.text());
    let flooded = flood::measure(&stage, &sides.sqlite);
    println!();
    for check in table.checks() {
        println!("{check}");
    }
    for check in flooded.checks() {
        println!("{check}");
    }
    println!("{}", report::CLOSING);
}

impl Sides {
    fn start(stage: &Stage) -> Self {
        let postgres = Postgres::start(stage.args.postgres.as_deref());
        let haproxy = haproxy::is_there().then(|| {
            let requests = stage.folder().join("haproxy.requests");
            haproxy::start(stage.folder(), stage.upstream.address, &requests)
        });
        if haproxy.is_none() {
            println!(
                "haproxy is missing (scripts/setup --bench installs it): its figures are left out"
            );
        }
        Self {
            floor: stage.floor(),
            haproxy,
            sqlite: stage.enforcer("sqlite", &Journal::Sqlite, 10),
            postgres: postgres.map(|postgres| {
                let journal = Journal::Postgres(postgres.url.clone());
                (stage.enforcer("postgres", &journal, 10), postgres)
            }),
        }
    }

    fn series(&self) -> Vec<Series> {
        let mut series = vec![Series::Floor];
        series.extend(self.haproxy.as_ref().map(|_| Series::HaProxy));
        series.extend([Series::Lease, Series::OnceSqlite]);
        series.extend(self.postgres.as_ref().map(|_| Series::OncePostgres));
        series
    }

    fn measure(&self, stage: &Stage, series: Series, connections: usize) -> Run {
        match series {
            Series::Floor => {
                let file = self.sqlite.requests(Kind::Lease, LEASES);
                stage.load(&self.floor, connections, &file, Sent::Plain)
            }
            Series::HaProxy => {
                let file = stage.folder().join("haproxy.requests");
                let haproxy = self.haproxy.as_ref().expect("a started haproxy");
                stage.load(haproxy, connections, &file, Sent::Plain)
            }
            Series::Lease => {
                let file = self.sqlite.requests(Kind::Lease, LEASES);
                stage.load(&self.sqlite.server, connections, &file, Sent::Leases)
            }
            Series::OnceSqlite => once(stage, &self.sqlite, connections),
            Series::OncePostgres => {
                let (enforcer, _) = self.postgres.as_ref().expect("a started PostgreSQL");
                once(stage, enforcer, connections)
            }
        }
    }
}

/// Calls with a fresh token each.
pub(crate) fn once(stage: &Stage, enforcer: &Enforcer, connections: usize) -> Run {
    let file = enforcer.requests(Kind::Once, enough(stage.args.seconds, connections));
    stage.load(&enforcer.server, connections, &file, Sent::Once)
}

/// Tokens for a run: on one connection no disk makes two commits faster than 1 ms.
pub(crate) fn enough(seconds: f64, connections: usize) -> usize {
    let per_second = if connections == 1 {
        2_000.0
    } else {
        PER_SECOND
    };
    ((seconds + 1.0) * per_second) as usize
}

/// A throwaway PostgreSQL, run by a script that prints its address and ends with its input.
#[derive(Debug)]
pub(crate) struct Postgres {
    script: Child,
    /// The script must be able to write all that it has to say.
    _said: BufReader<ChildStdout>,
    url: String,
}

impl Postgres {
    fn start(script: Option<&Path>) -> Option<Self> {
        let script = script?;
        if !has_postgres() {
            println!(
                "PostgreSQL is missing (scripts/setup --tests installs it): its figures are left out"
            );
            return None;
        }
        let mut script = Command::new(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/postgres starts");
        let mut url = String::new();
        let mut said = BufReader::new(script.stdout.take().unwrap());
        said.read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        assert!(
            url.starts_with("postgres"),
            "scripts/postgres prints an address"
        );
        Some(Self {
            script,
            _said: said,
            url,
        })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

/// Debian keeps the server's programs off the path.
fn has_postgres() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let installed = versions.flatten().any(|version| {
        let initdb: PathBuf = version.path().join("bin/initdb");
        initdb.is_file()
    });
    installed || process::has("initdb")
}
