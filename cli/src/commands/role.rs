//! What the commands that run one role have in common.

use std::error::Error;
use std::future::Future;
use std::path::PathBuf;

use countersign_service::tasks::Tasks;
use tokio::net::TcpListener;

use crate::data::{DataFolder, Ready};
use crate::failure::Failure;
use crate::output::{Report, line};
use crate::settings::{Flags, Settings, setting};
use crate::start::{Door, Roles};

/// Flags of every role.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Folder with the key hashes of agents and operators [env: COUNTERSIGN_OVERLAY] [default: DATA/overlay]
    #[arg(long, value_name = "DIR")]
    overlay: Option<String>,
    /// Write the address to FILE once the role is ready
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl Common {
    /// The listen address, where given.
    pub(crate) fn listen(&self) -> Option<String> {
        self.listen.clone()
    }

    /// The flags that are settings of every role.
    pub(crate) fn flags(&self) -> Flags {
        vec![(setting::OVERLAY, self.overlay.clone())]
    }
}

/// Runs the role `name` behind `door` until a signal comes.
pub(crate) async fn serve<F, E>(
    settings: &Settings,
    name: &'static str,
    door: Door,
    args: &Common,
    role: impl FnOnce(TcpListener, Tasks) -> F,
) -> Result<Report, Failure>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Error + Send + 'static,
{
    let mut roles = Roles::new()?;
    let Door { listener, url } = door;
    roles.run(name, role(listener, roles.tasks()));
    let outcome = announced(&mut roles, settings, name, &url, args).await;
    if let Some(path) = &args.ready_file {
        // It may never have been written.
        let _ = std::fs::remove_file(path);
    }
    roles.drain().await;
    outcome.map(|()| Report::silent())
}

async fn announced(
    roles: &mut Roles,
    settings: &Settings,
    name: &'static str,
    url: &str,
    args: &Common,
) -> Result<(), Failure> {
    roles.ready(&[url]).await?;
    if let Some(path) = &args.ready_file {
        ready(settings, name, url)
            .write_to(path)
            .map_err(|error| Failure::because("cannot say that the role is ready", error))?;
    }
    line(&format!("The {name} is ready at {url}"));
    roles.until_stopped().await
}

fn ready(settings: &Settings, name: &str, url: &str) -> Ready {
    let here = |role: &str| (role == name).then(|| url.to_owned());
    Ready {
        authority: here("authority"),
        enforcer: here("enforcer"),
        planner: here("planner"),
        simulator: here("simulator"),
        console: here("console"),
        data: DataFolder::at(settings.data()).path().to_owned(),
    }
}
