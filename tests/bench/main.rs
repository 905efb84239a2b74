//! The bench: servers that do nothing, a plain proxy, load, and the suites that `scripts/bench` runs.
//!
//! Every part is a process of its own, started as a subcommand of this program, so that nothing is shared with
//! what is measured. A bench informs: it prints what was reached and what was missed, and its exit code is 0.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what cannot go on ends the bench, which measures the real clock and prints rounded figures"
)]

mod authority;
mod catalogue;
mod disk;
mod figures;
mod flood;
mod floor;
mod growth;
mod haproxy;
mod http1;
mod load;
mod process;
mod profile;
mod report;
mod serve;
mod soak;
mod stage;
mod throughput;
mod upstream;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::load::LoadArgs;
use crate::stage::StageArgs;
use crate::world::{TokenArgs, World};

/// Measures an enforcer beside a plain proxy and a plain JWT check.
#[derive(Debug, Parser)]
#[command(name = "countersign-bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Where a server of the bench says its address; it ends when its standard input does.
#[derive(Debug, Args)]
struct Ready {
    #[arg(long, value_name = "FILE")]
    ready: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A server that answers 200 and about 100 bytes to everything
    Upstream(Ready),
    /// A plain reverse proxy on the enforcer's own HTTP library: the floor
    Floor {
        #[arg(long)]
        upstream: SocketAddr,
        #[command(flatten)]
        ready: Ready,
    },
    /// Stands in for the authority: control and receipts, nothing else
    Authority {
        #[arg(long, value_name = "DIR")]
        world: PathBuf,
        #[command(flatten)]
        ready: Ready,
    },
    /// Makes keys, an agent and a catalogue in DIR
    Mint {
        #[arg(long, value_name = "DIR")]
        world: PathBuf,
        /// Half of them read, half change something
        #[arg(long, default_value_t = 10)]
        tools: usize,
    },
    /// Writes requests with tokens, ready to be sent
    Tokens {
        #[arg(long, value_name = "DIR")]
        world: PathBuf,
        #[command(flatten)]
        tokens: TokenArgs,
    },
    /// Sends prepared requests over and over, each connection one after another
    Load(LoadArgs),
    /// The median of `fdatasync` after an append of 4 KiB, in µs
    Disk {
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
    /// Throughput and latency beside the floor and `haproxy`
    Enforcer(StageArgs),
    /// Where the processor time of a call goes
    Profile(StageArgs),
    /// Valid calls beside a flood of forged tokens
    Flood(StageArgs),
    /// The same calls with an empty and a full journal, a small and a large catalogue
    Journal {
        /// Spent tokens in the full journal
        #[arg(long, default_value_t = 10_000_000)]
        rows: u64,
        #[command(flatten)]
        stage: StageArgs,
    },
    /// Resident memory over many calls
    Soak {
        #[arg(long, default_value_t = 1_000_000)]
        calls: u64,
        #[command(flatten)]
        stage: StageArgs,
    },
}

fn main() {
    match Cli::parse().command {
        Command::Upstream(ready) => upstream::run(&ready.ready),
        Command::Floor { upstream, ready } => floor::run(upstream, &ready.ready),
        Command::Authority { world, ready } => authority::run(&World::open(&world), &ready.ready),
        Command::Mint { world, tools } => drop(World::make(&world, tools)),
        Command::Tokens { world, tokens } => World::open(&world).write_requests(&tokens),
        Command::Load(args) => println!("{}", load::run(&args)),
        Command::Disk { dir } => println!("{}", disk::fdatasync_micros(&dir)),
        Command::Enforcer(args) => throughput::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Flood(args) => flood::run(&args),
        Command::Journal { rows, stage } => growth::run(&stage, rows),
        Command::Soak { calls, stage } => soak::run(&stage, calls),
    }
}
