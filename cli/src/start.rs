//! Starting roles: bind, run, wait until ready, drain.

pub(crate) mod configs;
pub(crate) mod upstreams;

use std::error::Error;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use countersign_service::client;
use countersign_service::tasks::{Shutdown, Tasks};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::failure::Failure;
use crate::settings::Settings;
use crate::settings::setting::Setting;

/// How long roles may take to become ready.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// Time between two looks at `/readyz`.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How long the whole process may take to end: a role's own drain, and a little.
const GRACE: Duration = Duration::from_secs(35);

/// A socket that listens before its role runs, so that others know its address.
#[derive(Debug)]
pub(crate) struct Door {
    /// The socket.
    pub(crate) listener: TcpListener,
    /// Where this machine reaches it.
    pub(crate) url: String,
}

/// Listens where `setting` says.
pub(crate) async fn listen(settings: &Settings, setting: Setting) -> Result<Door, Failure> {
    let address: SocketAddr = settings.parse(setting)?;
    let failed = |error| {
        let hint = format!(
            "set {} to another address, or end what listens there",
            setting.variable
        );
        Failure::because(format!("cannot listen on {address} ({hint})"), error)
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok(Door {
        listener,
        url: local_url(bound),
    })
}

/// The address by which this machine reaches a listener.
fn local_url(bound: SocketAddr) -> String {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    format!("http://{}", SocketAddr::new(ip, bound.port()))
}

/// The roles of this process.
#[derive(Debug)]
pub(crate) struct Roles {
    tasks: Tasks,
    ended: UnboundedReceiver<(&'static str, Result<(), String>)>,
    end: UnboundedSender<(&'static str, Result<(), String>)>,
}

impl Roles {
    /// No role yet. From now on SIGINT and SIGTERM ask the process to end.
    pub(crate) fn new() -> Result<Self, Failure> {
        let tasks = Tasks::new();
        tasks
            .cancel_on_signal()
            .map_err(|error| Failure::because("cannot listen for signals", error))?;
        let (end, ended) = unbounded_channel();
        Ok(Self { tasks, ended, end })
    }

    /// The tasks of the process.
    pub(crate) fn tasks(&self) -> Tasks {
        self.tasks.clone()
    }

    /// Runs a role.
    pub(crate) fn run<E>(
        &self,
        name: &'static str,
        role: impl Future<Output = Result<(), E>> + Send + 'static,
    ) where
        E: Error + Send + 'static,
    {
        let end = self.end.clone();
        let running = self.tasks.spawn(name, role);
        drop(self.tasks.spawn("role-watch", async move {
            let result = match running.await {
                Ok(result) => result.map_err(|error| chain(&error)),
                Err(_panic) => Err("it panicked, see the log".to_owned()),
            };
            // Nobody listens any more when the process ends.
            let _ = end.send((name, result));
        }));
    }

    /// Waits until every one of `urls` answers `/readyz` with 200.
    pub(crate) async fn ready(&mut self, urls: &[&str]) -> Result<(), Failure> {
        let client = client::internal().map_err(|error| {
            Failure::because("cannot ask the roles whether they are ready", error)
        })?;
        let asking = async {
            for url in urls {
                while !is_ready(&client, url).await {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        };
        tokio::select! {
            () = asking => Ok(()),
            Some(ended) = self.ended.recv() => Err(too_soon(ended)),
            () = self.tasks.cancelled() => Ok(()),
            () = tokio::time::sleep(READY_WITHIN) => Err(Failure::could_not(format!(
                "not every role was ready within {} s: see the log above",
                READY_WITHIN.as_secs()
            ))),
        }
    }

    /// Waits until a signal comes or a role ends by itself, which is a failure.
    pub(crate) async fn until_stopped(&mut self) -> Result<(), Failure> {
        tokio::select! {
            biased;
            () = self.tasks.cancelled() => Ok(()),
            Some(ended) = self.ended.recv() => Err(too_soon(ended)),
        }
    }

    /// Lets requests in flight finish and ends every task.
    pub(crate) async fn drain(self) {
        match self.tasks.shutdown(GRACE).await {
            Shutdown::Drained => tracing::info!("every task ended"),
            Shutdown::Abandoned(left) => tracing::warn!(left, "tasks were left behind"),
        }
    }
}

fn too_soon((name, result): (&'static str, Result<(), String>)) -> Failure {
    match result {
        Ok(()) => Failure::could_not(format!("the {name} ended by itself")),
        Err(reason) => Failure::could_not(format!("the {name} does not run: {reason}")),
    }
}

async fn is_ready(client: &reqwest::Client, url: &str) -> bool {
    let asked = client
        .get(format!("{url}/readyz"))
        .timeout(Duration::from_secs(2))
        .send()
        .await;
    asked.is_ok_and(|answer| answer.status().is_success())
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_reached_on_loopback() {
        assert_eq!(
            local_url("0.0.0.0:80".parse().unwrap()),
            "http://127.0.0.1:80"
        );
        assert_eq!(local_url("[::]:80".parse().unwrap()), "http://[::1]:80");
        assert_eq!(
            local_url("10.0.0.1:80".parse().unwrap()),
            "http://10.0.0.1:80"
        );
    }

    #[tokio::test]
    async fn a_role_that_ends_by_itself_is_a_failure_that_names_it() {
        let mut roles = Roles::new().unwrap();
        roles.run("planner", async {
            Err(std::io::Error::other("disk on fire"))
        });
        let failure = roles.until_stopped().await.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "the planner does not run: disk on fire"
        );
        roles.run("enforcer", async {
            assert!(std::hint::black_box(false), "a bug");
            Ok::<(), std::io::Error>(())
        });
        let failure = roles.until_stopped().await.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "the enforcer does not run: it panicked, see the log"
        );
        roles.drain().await;
    }
}
