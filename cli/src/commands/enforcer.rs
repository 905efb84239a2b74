//! `countersign enforcer`: the enforcer alone.

use countersign_enforcer as enforcer;
use countersign_service::server::Isolation;

use super::role::{self, Common as RoleArgs};
use super::up::joined;
use crate::failure::Failure;
use crate::output::Report;
use crate::settings::{Flags, Settings, setting};
use crate::start::configs::{Common, own_folder, service_key};
use crate::start::{listen, upstreams};

const EXAMPLES: &str = "\
Example:
  countersign enforcer --data /var/lib/enforcer --policies policies --overlay keys/overlay \\
      --service-key-file keys/service.key --authority-url http://127.0.0.1:8002 \\
      --upstream cloud=http://127.0.0.1:8003 --upstream-credential cloud=keys/upstream-cloud.key

It makes its receipt-signing key in DATA/keys on the first start. The upstream's
credential is given to this process and to no other. More can be said of an upstream
in countersign.toml (`countersign check-config --help`).";

/// Run the enforcer: verifies tokens, forwards calls, signs receipts
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    role: RoleArgs,
    /// The database [env: COUNTERSIGN_ENFORCER_DATABASE_URL] [default: an SQLite file in the data folder]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The key that roles show each other [env: COUNTERSIGN_SERVICE_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    service_key_file: Option<String>,
    /// Where the calls of some tools go; may be given several times [env: COUNTERSIGN_UPSTREAMS]
    #[arg(long, value_name = "NAME=URL")]
    upstream: Vec<String>,
    /// The credential added to that upstream's calls [env: COUNTERSIGN_UPSTREAM_CREDENTIALS]
    #[arg(long, value_name = "NAME=FILE")]
    upstream_credential: Vec<String>,
}

impl Args {
    /// The flags that are settings.
    pub(crate) fn flags(&self) -> Flags {
        let own = [
            (setting::ENFORCER_LISTEN, self.role.listen()),
            (setting::ENFORCER_DATABASE_URL, self.database_url.clone()),
            (setting::SERVICE_KEY_FILE, self.service_key_file.clone()),
            (setting::UPSTREAMS, joined(&self.upstream)),
            (
                setting::UPSTREAM_CREDENTIALS,
                joined(&self.upstream_credential),
            ),
        ];
        self.role.flags().into_iter().chain(own).collect()
    }
}

/// Runs until a signal comes.
pub(crate) async fn run(settings: &Settings, args: &Args) -> Result<Report, Failure> {
    own_folder(settings)?;
    let common = Common::new(settings, Isolation::OwnProcess);
    let authority = settings.need(setting::AUTHORITY_URL)?;
    let config = common.enforcer(
        authority,
        service_key(settings)?,
        upstreams::read(settings)?,
    )?;
    let door = listen(settings, setting::ENFORCER_LISTEN).await?;
    role::serve(
        settings,
        "enforcer",
        door,
        &args.role,
        async |listener, tasks| enforcer::run(config, listener, &tasks).await,
    )
    .await
}
