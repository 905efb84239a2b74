//! `countersign simulator`: the mini cloud alone.

use countersign_service::server::Isolation;
use countersign_simulator as simulator;

use super::role::{self, Common as RoleArgs};
use crate::failure::Failure;
use crate::output::Report;
use crate::settings::{Flags, Settings, setting};
use crate::start::configs::{Common, own_folder, read_key};
use crate::start::listen;

const EXAMPLES: &str = "\
Example:
  countersign simulator --data /var/lib/simulator --policies policies --overlay keys/overlay \\
      --upstream-key-file keys/upstream-cloud.key

Its tool API answers whoever shows that key, which the enforcer alone has; its state and
its faults are for operators.";

/// Run the simulator: a mini cloud to practise on
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    role: RoleArgs,
    /// The enforcer's credential, to be checked here [env: COUNTERSIGN_UPSTREAM_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    upstream_key_file: Option<String>,
}

impl Args {
    /// The flags that are settings.
    pub(crate) fn flags(&self) -> Flags {
        let own = [
            (setting::SIMULATOR_LISTEN, self.role.listen()),
            (setting::UPSTREAM_KEY_FILE, self.upstream_key_file.clone()),
        ];
        self.role.flags().into_iter().chain(own).collect()
    }
}

/// Runs until a signal comes.
pub(crate) async fn run(settings: &Settings, args: &Args) -> Result<Report, Failure> {
    own_folder(settings)?;
    let common = Common::new(settings, Isolation::OwnProcess);
    let key = read_key(&settings.key_file(setting::UPSTREAM_KEY_FILE, "upstream-cloud.key"))?;
    let config = common.simulator(key.hash());
    let door = listen(settings, setting::SIMULATOR_LISTEN).await?;
    role::serve(
        settings,
        "simulator",
        door,
        &args.role,
        async |listener, tasks| simulator::run(config, listener, &tasks).await,
    )
    .await
}
