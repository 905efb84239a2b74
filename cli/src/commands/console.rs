//! `countersign console`: the console's server alone.

use std::collections::BTreeMap;

use countersign_service::server::Isolation;

use super::role::{self, Common as RoleArgs};
use crate::console::{self, Demo};
use crate::failure::Failure;
use crate::output::Report;
use crate::settings::{Flags, Settings, setting};
use crate::start::configs::{Common, own_folder};
use crate::start::listen;

const EXAMPLES: &str = "\
Example:
  countersign console --data /var/lib/console --policies policies --overlay keys/overlay \\
      --authority-url http://127.0.0.1:8002 --enforcer-url http://127.0.0.1:8000 \\
      --planner-url http://127.0.0.1:8001 --simulator-url http://127.0.0.1:8003

It holds no key of its own: people sign in with theirs, and every request goes to its
role with the key of the person who sent it. Without --simulator-url there is no
simulator.";

/// Run the console's server
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    role: RoleArgs,
}

impl Args {
    /// The flags that are settings.
    pub(crate) fn flags(&self) -> Flags {
        let own = [(setting::CONSOLE_LISTEN, self.role.listen())];
        self.role.flags().into_iter().chain(own).collect()
    }
}

/// Runs until a signal comes.
pub(crate) async fn run(settings: &Settings, args: &Args) -> Result<Report, Failure> {
    own_folder(settings)?;
    let common = Common::new(settings, Isolation::OwnProcess);
    let first = |text: &str| text.split(',').next().unwrap_or(text).trim().to_owned();
    let mut roles = BTreeMap::from([
        (
            "authority",
            settings.need(setting::AUTHORITY_URL)?.to_owned(),
        ),
        ("enforcer", first(settings.need(setting::ENFORCER_URL)?)),
        ("planner", settings.need(setting::PLANNER_URL)?.to_owned()),
    ]);
    if let Some(url) = settings.chosen(setting::SIMULATOR_URL) {
        roles.insert("simulator", url.to_owned());
    }
    let config = common.console(roles, Vec::new(), Demo::No);
    let door = listen(settings, setting::CONSOLE_LISTEN).await?;
    role::serve(
        settings,
        "console",
        door,
        &args.role,
        async |listener, tasks| console::run(config, listener, &tasks).await,
    )
    .await
}
