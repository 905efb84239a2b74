//! One file per subcommand. Each reads its arguments, asks, and says what came of it.

pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod authority;
pub(crate) mod call;
pub(crate) mod calls;
pub(crate) mod check_config;
pub(crate) mod console;
pub(crate) mod doctor;
pub(crate) mod enforcer;
pub(crate) mod fault;
pub(crate) mod forward;
pub(crate) mod freeze;
pub(crate) mod keys;
pub(crate) mod openapi;
pub(crate) mod plan;
pub(crate) mod planner;
pub(crate) mod policy;
mod role;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod simulator;
pub(crate) mod token;
pub(crate) mod tool;
pub(crate) mod up;

use countersign_service::telemetry::{self, Format};

use crate::args::{Cli, Command, Global};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Form, Report};
use crate::settings::{self, Flags, Settings, setting};

/// Runs the command.
pub(crate) async fn run(cli: Cli) -> Result<Report, Failure> {
    let global = cli.global;
    let form = if global.json { Form::Json } else { Form::Text };
    match cli.command {
        Command::Up(args) => up::run(&server(&global, args.flags())?, &args, form).await,
        Command::Authority(args) => authority::run(&server(&global, args.flags())?, &args).await,
        Command::Enforcer(args) => enforcer::run(&server(&global, args.flags())?, &args).await,
        Command::Planner(args) => planner::run(&server(&global, args.flags())?, &args).await,
        Command::Simulator(args) => simulator::run(&server(&global, args.flags())?, &args).await,
        Command::Console(args) => console::run(&server(&global, args.flags())?, &args).await,
        Command::Run(args) => run::run(&client(&global)?, args, form).await,
        Command::Runs(args) => runs::run(&client(&global)?, args).await,
        Command::Call(args) => call::run(&client(&global)?, args).await,
        Command::Plan(args) => plan::run(&client(&global)?, args).await,
        Command::Forward(args) => forward::run(&client(&global)?, args, form).await,
        Command::Approvals(args) => approvals::run(&client(&global)?, args).await,
        Command::Token(args) => token::run(&global, args).await,
        Command::Policy(args) => policy::run(&settings(&global, Vec::new())?, args),
        Command::Audit(args) => audit::run(&global, args, form).await,
        Command::Fault(args) => fault::run(&client(&global)?, args).await,
        Command::Freeze(args) => freeze::freeze(&client(&global)?, args).await,
        Command::Thaw(args) => freeze::thaw(&client(&global)?, args).await,
        Command::Calls(args) => calls::run(&client(&global)?, args).await,
        Command::Tool(args) => tool::run(&client(&global)?, args).await,
        Command::Keys(args) => keys::run(&settings(&global, Vec::new())?, &args),
        Command::Doctor(_) => doctor::run(&client(&global)?).await,
        Command::Openapi(args) => openapi::run(&args),
        Command::CheckConfig(_) => check_config::run(&settings(&global, Vec::new())?),
    }
}

/// The settings, with the flags of a command above everything else.
pub(crate) fn settings(global: &Global, flags: Flags) -> Result<Settings, Failure> {
    let named = global.config.clone();
    let named = named.or_else(|| settings::variable("COUNTERSIGN_CONFIG").map(Into::into));
    let file = settings::read_file(named.as_deref())?;
    let file = file
        .as_ref()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    let flags = global.flags().into_iter().chain(flags).collect();
    Ok(Settings::read(flags, settings::variable, file)?)
}

/// Settings and logs of a command that asks servers.
fn client(global: &Global) -> Result<Client, Failure> {
    Client::open(&settings(global, Vec::new())?)
}

/// Settings and logs of a command that runs servers.
fn server(global: &Global, flags: Flags) -> Result<Settings, Failure> {
    let settings = settings(global, flags)?;
    let format = match settings.need(setting::LOG_FORMAT)? {
        "json" => Format::Json,
        _ => Format::Text,
    };
    if settings.text(setting::LLM_PROVIDER).is_some() {
        settings.need(setting::LLM_MODEL)?;
    }
    telemetry::init(settings.need(setting::LOG)?, format)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(settings)
}
