//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands;
use crate::settings::{Flags, setting};

const EXAMPLES: &str = "\
Start here:
  countersign up --demo                        everything, with a mini cloud to break
  countersign run 'heal payments' --follow     let the agent work
  countersign call infra.get --params '{\"service_id\":\"payments\"}'
  countersign approvals list                   what waits for a person
  countersign audit verify                     prove what happened

Settings come from flags, environment (COUNTERSIGN_…) and countersign.toml, in this order;
`countersign check-config` prints them all. Exit codes: 0 done, 1 the answer is no (denied,
refused, failed), 2 could not run, 64 wrong usage.";

/// Countersign: signed, single-use intents between AI operations agents and infrastructure.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Every command")]
pub(crate) struct Global {
    /// Folder with keys, databases and ready.json [env: COUNTERSIGN_DATA] [default: countersign-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Folder with tools, inventory, agents, operators and Cedar files [env: COUNTERSIGN_POLICIES] [default: policies]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) policies: Option<PathBuf>,
    /// Settings file [env: COUNTERSIGN_CONFIG] [default: countersign.toml, where it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Where to ask and as whom.
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Where to ask and as whom; without these, what `up` left in the data folder counts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Commands that ask servers (which they find in the data folder)")]
pub(crate) struct Connection {
    /// Address of the authority
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    authority_url: Option<String>,
    /// Address of the enforcer
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    enforcer_url: Option<String>,
    /// Address of the planner
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    planner_url: Option<String>,
    /// Address of the simulator
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    simulator_url: Option<String>,
    /// File with the key of the person who asks
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    operator_key_file: Option<String>,
    /// File with the key of the agent who asks
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    agent_key_file: Option<String>,
}

impl Global {
    /// The flags that are settings.
    pub(crate) fn flags(&self) -> Flags {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let connection = &self.connection;
        vec![
            (setting::DATA, path(&self.data)),
            (setting::POLICIES, path(&self.policies)),
            (setting::AUTHORITY_URL, connection.authority_url.clone()),
            (setting::ENFORCER_URL, connection.enforcer_url.clone()),
            (setting::PLANNER_URL, connection.planner_url.clone()),
            (setting::SIMULATOR_URL, connection.simulator_url.clone()),
            (
                setting::OPERATOR_KEY_FILE,
                connection.operator_key_file.clone(),
            ),
            (setting::AGENT_KEY_FILE, connection.agent_key_file.clone()),
        ]
    }
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run every role in this process, with generated keys
    Up(commands::up::Args),
    /// Run the authority: judges plans, gathers approvals, signs tokens
    Authority(commands::authority::Args),
    /// Run the enforcer: verifies tokens, forwards calls, signs receipts
    Enforcer(commands::enforcer::Args),
    /// Run the planner: turns goals and alerts into plans
    Planner(commands::planner::Args),
    /// Run the simulator: a mini cloud to practise on
    Simulator(commands::simulator::Args),
    /// Run the console's server
    Console(commands::console::Args),
    /// Ask the planner to reach a goal
    Run(commands::run::Args),
    /// Look at runs
    Runs(commands::runs::Args),
    /// Call one tool: plan, token, call
    Call(commands::call::Args),
    /// Submit a plan, look at it, take a step's token
    Plan(commands::plan::Args),
    /// Forward plain HTTP requests to an upstream, with a token for each
    Forward(commands::forward::Args),
    /// Look at what waits for a person, and decide
    Approvals(commands::approvals::Args),
    /// Look into a token or a receipt
    Token(commands::token::Args),
    /// Check, test and explain policies; needs no server
    Policy(commands::policy::Args),
    /// Read, export and verify the ledgers
    Audit(commands::audit::Args),
    /// Break the mini cloud, and mend it
    Fault(commands::fault::Args),
    /// Stop what a scope covers, at once
    Freeze(commands::freeze::FreezeArgs),
    /// Let a frozen scope go on
    Thaw(commands::freeze::ThawArgs),
    /// Look at calls, and resolve those in doubt
    Calls(commands::calls::Args),
    /// Look at the tool catalogue
    Tool(commands::tool::Args),
    /// Generate the keys of an installation
    Keys(commands::keys::Args),
    /// Check addresses, readiness, clocks, key files and policies
    Doctor(commands::doctor::Args),
    /// Print the OpenAPI document of a server
    Openapi(commands::openapi::Args),
    /// Print the effective settings, secrets hidden
    CheckConfig(commands::check_config::Args),
}
