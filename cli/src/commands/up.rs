//! `countersign up`: every role in one process, talking HTTP only to each other.

mod doors;
mod keys;
mod links;
mod roles;

use std::path::PathBuf;

use doors::Doors;
use links::Links;

use super::plan::with;
use crate::data::prepare::People;
use crate::data::{DataFolder, Ready};
use crate::failure::Failure;
use crate::output::{Form, Report, line, pretty};
use crate::settings::setting;
use crate::settings::{Flags, Settings};
use crate::start::{Roles, upstreams};

const EXAMPLES: &str = "\
Examples:
  countersign up --demo
      the mini cloud, agents, an operator and two approvers; prints one sign-in link
  countersign up --data /var/lib/countersign --policies /etc/countersign/policies \\
      --upstream cloud=https://cloud.internal --upstream-credential cloud=/run/keys/cloud
      the same in front of a real upstream

The first start generates every key into the data folder (mode 0600) and writes who
holds which to credentials.json there. A restart finds them again. SIGTERM lets calls in
flight finish.";

/// Run every role in this process, with generated keys
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Start the mini cloud too, with keys for its approvers
    #[arg(long)]
    demo: bool,
    /// Write the addresses to FILE once every role is ready
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Where the authority listens [default: 127.0.0.1:8002]
    #[arg(long, value_name = "ADDRESS")]
    authority_listen: Option<String>,
    /// Where the enforcer listens [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS")]
    enforcer_listen: Option<String>,
    /// Where the planner listens [default: 127.0.0.1:8001]
    #[arg(long, value_name = "ADDRESS")]
    planner_listen: Option<String>,
    /// Where the simulator listens [default: 127.0.0.1:8003]
    #[arg(long, value_name = "ADDRESS")]
    simulator_listen: Option<String>,
    /// Where the console listens [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    console_listen: Option<String>,
    /// The authority's database [default: an SQLite file in the data folder]
    #[arg(long, value_name = "URL")]
    authority_database_url: Option<String>,
    /// The enforcer's database [default: an SQLite file in the data folder]
    #[arg(long, value_name = "URL")]
    enforcer_database_url: Option<String>,
    /// The planner's database [default: an SQLite file in the data folder]
    #[arg(long, value_name = "URL")]
    planner_database_url: Option<String>,
    /// An upstream of the enforcer; may be given several times
    #[arg(long, value_name = "NAME=URL")]
    upstream: Vec<String>,
    /// The credential that the enforcer adds for an upstream
    #[arg(long, value_name = "NAME=FILE")]
    upstream_credential: Vec<String>,
}

impl Args {
    /// The flags that are settings.
    pub(crate) fn flags(&self) -> Flags {
        vec![
            (setting::AUTHORITY_LISTEN, self.authority_listen.clone()),
            (setting::ENFORCER_LISTEN, self.enforcer_listen.clone()),
            (setting::PLANNER_LISTEN, self.planner_listen.clone()),
            (setting::SIMULATOR_LISTEN, self.simulator_listen.clone()),
            (setting::CONSOLE_LISTEN, self.console_listen.clone()),
            (
                setting::AUTHORITY_DATABASE_URL,
                self.authority_database_url.clone(),
            ),
            (
                setting::ENFORCER_DATABASE_URL,
                self.enforcer_database_url.clone(),
            ),
            (
                setting::PLANNER_DATABASE_URL,
                self.planner_database_url.clone(),
            ),
            (setting::UPSTREAMS, joined(&self.upstream)),
            (
                setting::UPSTREAM_CREDENTIALS,
                joined(&self.upstream_credential),
            ),
        ]
    }
}

/// Repeated flags as one setting.
pub(super) fn joined(values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| values.join(","))
}

/// Runs until a signal comes.
pub(crate) async fn run(settings: &Settings, args: &Args, form: Form) -> Result<Report, Failure> {
    let failed = |error| Failure::because("cannot prepare the data folder", error);
    let data = DataFolder::make(&settings.data()).map_err(failed)?;
    let _lock = data.lock()?;
    data.clear_ready(args.ready_file.as_deref());
    let people = if args.demo {
        People::Demo
    } else {
        People::Operator
    };
    let mut keys = keys::generate(settings, &data, people)?;

    // Before any port is bound: a wrong upstream is a mistake in the settings.
    upstreams::read(settings)?;
    let doors = Doors::open(settings, people).await?;
    let ready = doors.ready(&data);
    let mut roles = Roles::new()?;
    let links = Links::new(&mut keys, doors.console.url.as_str());
    keys.credentials
        .write(&data.credentials())
        .map_err(failed)?;
    let urls = doors.urls();
    let started = roles::start(&roles, settings, doors, &keys, &links);
    let outcome = match started {
        Ok(()) => {
            serve(&mut roles, &urls, || {
                data.write_ready(&ready, args.ready_file.as_deref())
                    .map_err(failed)?;
                announce(&ready, &links, form);
                Ok(())
            })
            .await
        }
        Err(failure) => Err(failure),
    };
    data.clear_ready(args.ready_file.as_deref());
    roles.drain().await;
    outcome.map(|()| Report::silent())
}

/// Waits until every role is ready, says so with `announce`, and waits for the end.
async fn serve(
    roles: &mut Roles,
    urls: &[String],
    announce: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    roles.ready(&urls).await?;
    if !roles.tasks().token().is_cancelled() {
        announce()?;
    }
    roles.until_stopped().await
}

/// Says where everything is. The sign-in link is the one secret that is shown.
fn announce(ready: &Ready, links: &Links, form: Form) {
    if form == Form::Json {
        let document = serde_json::to_value(ready).unwrap_or_default();
        line(&pretty(&with(document, "sign_in", links.printed.clone())));
        return;
    }
    let rows = [
        ("authority", &ready.authority),
        ("enforcer", &ready.enforcer),
        ("planner", &ready.planner),
        ("simulator", &ready.simulator),
        ("console", &ready.console),
    ];
    line("Countersign is ready.");
    for (name, url) in rows {
        if let Some(url) = url {
            line(&format!("  {name:<10} {url}"));
        }
    }
    line(&format!("  {:<10} {}", "data", ready.data.display()));
    if let Some(link) = &links.printed {
        line(&format!("Sign in to the console (once): {link}"));
    }
    line("Stop with Ctrl-C.");
}
