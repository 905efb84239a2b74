//! The stage of a suite: a folder, a world, the servers around an enforcer, and load on any of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde_json::Value;
use tempfile::TempDir;

use crate::figures::Run;
use crate::process::{self, Server};
use crate::world::{Kind, TokenArgs, World};

/// What every suite takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct StageArgs {
    /// The program whose role `enforcer` is measured
    #[arg(long, value_name = "FILE")]
    pub(crate) bin: PathBuf,
    /// Script that runs a throwaway PostgreSQL and prints its address
    #[arg(long, value_name = "FILE")]
    pub(crate) postgres: Option<PathBuf>,
    /// How long each run is counted
    #[arg(long, default_value_t = 4.0)]
    pub(crate) seconds: f64,
    /// How often each run is repeated; medians count
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Print every run as a line of JSON too
    #[arg(long)]
    pub(crate) json: bool,
}

/// A folder with what a suite needs; all of it goes with this value.
pub(crate) struct Stage {
    pub(crate) args: StageArgs,
    pub(crate) upstream: Server,
    folder: TempDir,
}

/// A database that an enforcer keeps its journal in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Journal {
    /// A file in the enforcer's own data folder.
    Sqlite,
    /// A database of a server.
    Postgres(String),
}

/// An enforcer with its authority.
pub(crate) struct Enforcer {
    pub(crate) server: Server,
    pub(crate) world: World,
    pub(crate) data: PathBuf,
    _authority: Server,
}

impl Stage {
    pub(crate) fn set(args: &StageArgs) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("countersign-bench.")
            .tempdir()
            .unwrap();
        Self {
            args: args.clone(),
            upstream: Server::own(&["upstream"], folder.path()),
            folder,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn floor(&self) -> Server {
        let upstream = self.upstream.address.to_string();
        Server::own(&["floor", "--upstream", &upstream], self.folder())
    }

    /// An enforcer in the folder `name`, which may hold an earlier one's journal, with `tools` tools.
    pub(crate) fn enforcer(&self, name: &str, journal: &Journal, tools: usize) -> Enforcer {
        let folder = self.folder().join(name);
        let data = folder.join("data");
        let world = if folder.join("seed").exists() {
            World::open(&folder)
        } else {
            World::make(&folder, tools)
        };
        let path = |name: &str| world.path(name).display().to_string();
        let authority = Server::own(
            &["authority", "--world", &folder.display().to_string()],
            &folder,
        );
        let ready = folder.join("enforcer.ready");
        let _ = std::fs::remove_file(&ready);
        let mut command = Command::new(&self.args.bin);
        command
            .args([
                "--config",
                &path("countersign.toml"),
                "--policies",
                &path("policies"),
            ])
            .args(["--authority-url", &format!("http://{}", authority.address)])
            .arg("--data")
            .arg(&data)
            .args(["enforcer", "--listen", "127.0.0.1:0"])
            .args(["--service-key-file", &path("service.key")])
            .args([
                "--upstream",
                &format!("cloud=http://{}", self.upstream.address),
            ])
            .args([
                "--upstream-credential",
                &format!("cloud={}", path("upstream.key")),
            ])
            .arg("--ready-file")
            .arg(&ready);
        if let Journal::Postgres(url) = journal {
            command.args(["--database-url", url]);
        }
        let server = Server::start("enforcer", &mut command, &folder, |_| address(&ready));
        Enforcer {
            server,
            world,
            data,
            _authority: authority,
        }
    }

    /// Puts `connections` of load on `server` with the requests in `file`; what is expected says what they are.
    pub(crate) fn load(&self, server: &Server, connections: usize, file: &Path, sent: Sent) -> Run {
        self.load_for(server, connections, file, sent, self.args.seconds)
    }

    pub(crate) fn load_for(
        &self,
        server: &Server,
        connections: usize,
        file: &Path,
        sent: Sent,
        seconds: f64,
    ) -> Run {
        let arguments = arguments(server, connections, file, sent, seconds);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = process::own(&arguments);
        if self.args.json {
            println!("{}", run.trim_end());
        }
        serde_json::from_str(&run).expect("a run's figures")
    }
}

/// What is sent, which says how, and what a good answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The same requests over and over, through a proxy that adds nothing.
    Plain,
    /// The same leases over and over, to an enforcer.
    Leases,
    /// Each token once, to an enforcer.
    Once,
}

/// The command line of one run of load.
pub(crate) fn arguments(
    server: &Server,
    connections: usize,
    file: &Path,
    sent: Sent,
    seconds: f64,
) -> Vec<String> {
    let mut arguments = vec![
        "load".to_owned(),
        format!("--to={}", server.address),
        format!("--connections={connections}"),
        format!("--seconds={seconds}"),
        format!("--requests={}", file.display()),
        format!("--watch={}", server.pid()),
    ];
    match sent {
        Sent::Plain => arguments.push("--again".to_owned()),
        Sent::Leases => {
            arguments.push("--again".to_owned());
            arguments.push("--expect=\"outcome\":\"done\"".to_owned());
        }
        Sent::Once => arguments.push("--expect=\"outcome\":\"done\"".to_owned()),
    }
    arguments
}

impl Enforcer {
    /// Writes `count` requests with fresh tokens; gives the file.
    pub(crate) fn requests(&self, kind: Kind, count: usize) -> PathBuf {
        let out = self.world.path(&format!("{kind:?}.requests"));
        self.world.write_requests(&TokenArgs {
            kind,
            count,
            out: out.clone(),
        });
        out
    }
}

/// The address in the enforcer's own ready file.
fn address(ready: &Path) -> Option<SocketAddr> {
    let text = std::fs::read_to_string(ready).ok()?;
    let document: Value = serde_json::from_str(&text).ok()?;
    document["enforcer"]
        .as_str()?
        .strip_prefix("http://")?
        .parse()
        .ok()
}
