//! `countersign planner`: the planner alone.

use countersign_intent::id::AgentId;
use countersign_planner as planner;
use countersign_service::server::Isolation;

use super::role::{self, Common as RoleArgs};
use crate::failure::Failure;
use crate::output::Report;
use crate::settings::{Flags, Settings, setting};
use crate::start::configs::{Common, PlannerKeys, own_folder, read_key, service_key};
use crate::start::listen;

const EXAMPLES: &str = "\
Example:
  countersign planner --data /var/lib/planner --policies policies --overlay keys/overlay \\
      --agent-key-file keys/agent-remediator.key \\
      --authority-url http://127.0.0.1:8002 --enforcer-url http://127.0.0.1:8000

It holds the key of one agent and nothing else: no signing key, no upstream credential.
With COUNTERSIGN_LLM_PROVIDER=ollama|openai|anthropic, COUNTERSIGN_LLM_MODEL and, where
needed, COUNTERSIGN_LLM_BASE_URL and COUNTERSIGN_LLM_API_KEY it asks a model when no
runbook fits.";

/// Run the planner: turns goals and alerts into plans
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    role: RoleArgs,
    /// The database [env: COUNTERSIGN_PLANNER_DATABASE_URL] [default: an SQLite file in the data folder]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The key that roles show each other, so that others may watch runs [env: COUNTERSIGN_SERVICE_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    service_key_file: Option<String>,
    /// The agent as which it acts [env: COUNTERSIGN_AGENT] [default: remediator]
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// `on`: runbooks before the model; `off`: the model alone [env: COUNTERSIGN_RUNBOOKS] [default: on]
    #[arg(long, value_name = "on|off")]
    runbooks: Option<String>,
}

impl Args {
    /// The flags that are settings.
    pub(crate) fn flags(&self) -> Flags {
        let own = [
            (setting::PLANNER_LISTEN, self.role.listen()),
            (setting::PLANNER_DATABASE_URL, self.database_url.clone()),
            (setting::SERVICE_KEY_FILE, self.service_key_file.clone()),
            (setting::AGENT, self.agent.clone()),
            (setting::RUNBOOKS, self.runbooks.clone()),
        ];
        self.role.flags().into_iter().chain(own).collect()
    }
}

/// The agent as which the planner acts.
pub(super) fn agent(settings: &Settings) -> Result<AgentId, Failure> {
    Ok(settings.parse(setting::AGENT)?)
}

/// Runs until a signal comes.
pub(crate) async fn run(settings: &Settings, args: &Args) -> Result<Report, Failure> {
    own_folder(settings)?;
    let common = Common::new(settings, Isolation::OwnProcess);
    let agent = agent(settings)?;
    let key = settings.key_file(setting::AGENT_KEY_FILE, &format!("agent-{agent}.key"));
    let service = settings.chosen(setting::SERVICE_KEY_FILE);
    let service = service.map(|_| service_key(settings)).transpose()?;
    let keys = PlannerKeys {
        agent,
        key: read_key(&key)?,
        service: service.map(|key| key.hash()),
    };
    let authority = settings.need(setting::AUTHORITY_URL)?;
    let enforcer = settings.need(setting::ENFORCER_URL)?;
    let config = common.planner(authority, enforcer, keys)?;
    let door = listen(settings, setting::PLANNER_LISTEN).await?;
    role::serve(
        settings,
        "planner",
        door,
        &args.role,
        async |listener, tasks| planner::run(config, listener, &tasks).await,
    )
    .await
}
