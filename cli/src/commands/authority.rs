//! `countersign authority`: the authority alone.

use countersign_authority as authority;
use countersign_service::server::Isolation;

use super::role::{self, Common as RoleArgs};
use crate::failure::Failure;
use crate::output::Report;
use crate::settings::{Flags, Settings, setting};
use crate::start::configs::{Common, own_folder, service_key};
use crate::start::listen;

const EXAMPLES: &str = "\
Example:
  countersign authority --data /var/lib/authority --policies policies --overlay keys/overlay \\
      --service-key-file keys/service.key --enforcer-url http://127.0.0.1:8000

It makes its intent-signing key in DATA/keys on the first start. It needs the policies
folder, the overlay with key hashes, the shared service key and the enforcers'
addresses; no other key.";

/// Run the authority: judges plans, gathers approvals, signs tokens
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    role: RoleArgs,
    /// The database [env: COUNTERSIGN_AUTHORITY_DATABASE_URL] [default: an SQLite file in the data folder]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// The key that roles show each other [env: COUNTERSIGN_SERVICE_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    service_key_file: Option<String>,
    /// Life of a token in seconds, at most 300 [env: COUNTERSIGN_TOKEN_TTL] [default: 60]
    #[arg(long, value_name = "SECONDS")]
    token_ttl: Option<String>,
}

impl Args {
    /// The flags that are settings.
    pub(crate) fn flags(&self) -> Flags {
        let own = [
            (setting::AUTHORITY_LISTEN, self.role.listen()),
            (setting::AUTHORITY_DATABASE_URL, self.database_url.clone()),
            (setting::SERVICE_KEY_FILE, self.service_key_file.clone()),
            (setting::TOKEN_TTL, self.token_ttl.clone()),
        ];
        self.role.flags().into_iter().chain(own).collect()
    }
}

/// Runs until a signal comes.
pub(crate) async fn run(settings: &Settings, args: &Args) -> Result<Report, Failure> {
    own_folder(settings)?;
    let common = Common::new(settings, Isolation::OwnProcess);
    let enforcers = settings.need(setting::ENFORCER_URL)?.split(',');
    let enforcers = enforcers.map(|url| url.trim().to_owned()).collect();
    let config = common.authority(enforcers, service_key(settings)?)?;
    let door = listen(settings, setting::AUTHORITY_LISTEN).await?;
    role::serve(
        settings,
        "authority",
        door,
        &args.role,
        async |listener, tasks| authority::run(config, listener, &tasks).await,
    )
    .await
}
