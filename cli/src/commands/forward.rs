//! `countersign forward`: a loopback door for programs that cannot ask for tokens themselves.
//!
//! For each request it asks the enforcer what the request means, submits a plan of that one step to the
//! authority, takes the token and sends the request on. It holds the agent's key and nothing else, so
//! whoever reaches it can do what policy lets that agent do.

mod desk;
mod door;
mod guard;
mod refusal;
mod relay;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use countersign_intent::json::MAX_BYTES;
use countersign_service::client;
use countersign_service::clock::Clock;
use countersign_service::files;
use countersign_service::server;
use countersign_service::tasks::Tasks;
use serde_json::json;
use tokio::net::TcpListener;

use self::desk::Desk;
use self::door::Forward;
use self::refusal::Wording;
use self::relay::Enforcer;
use crate::client::{Client, Role, Who};
use crate::failure::Failure;
use crate::output::{Form, Report, line, note, pretty};
use crate::proof;

const EXAMPLES: &str = "\
Examples:
  countersign forward cloud &
  curl http://127.0.0.1:8010/v1/services/payments
  countersign forward kubernetes --kubernetes --listen 127.0.0.1:8011 &
  kubectl --server http://127.0.0.1:8011 get pods -n shop

Every request becomes a plan of one step, a token and a call; reads share a token as long as it
lives. Where policy asks a person, the request waits (--wait) and a line here says where to
approve. Everybody who reaches the address acts as the agent: it listens on loopback alone.";

/// Forward plain HTTP requests to an upstream, with a token for each
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The upstream, as the catalogue names it
    upstream: String,
    /// Where to listen: an address of this machine itself; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8010")]
    listen: SocketAddr,
    /// Write the address to FILE once requests are taken
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// The agent as which to act; the first of credentials.json unless given
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The private JWK of the agent's registered key; COUNTERSIGN_PROOF_KEY_FILE unless given
    #[arg(long, value_name = "FILE")]
    proof_key: Option<PathBuf>,
    /// How many seconds a request waits for a person
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    wait: u64,
    /// Answer refusals as Kubernetes' Status objects, which kubectl shows
    #[arg(long)]
    kubernetes: bool,
}

/// Forwards until a signal comes.
pub(crate) async fn run(client: &Client, args: Args, form: Form) -> Result<Report, Failure> {
    check(&args)?;
    let failed = |error| Failure::because("cannot ask servers", error);
    let who = Who::Agent(args.agent.clone());
    let enforcer = client
        .url(Role::Enforcer)
        .ok_or_else(|| Failure::could_not("there is no enforcer here"))?;
    let forward = Forward {
        enforcer: Enforcer {
            http: client::streaming().map_err(failed)?,
            base: enforcer.trim_end_matches('/').to_owned(),
            upstream: args.upstream.clone(),
            key: client.key(&who)?,
            proof_key: proof::key(client, args.proof_key.as_deref())?,
        },
        authority: client.peer(Role::Authority, &who)?,
        desk: Desk::new(Clock::system()),
        wait: Duration::from_secs(args.wait),
        wording: if args.kubernetes {
            Wording::Kubernetes
        } else {
            Wording::Problem
        },
    };
    let tasks = Tasks::new();
    tasks
        .cancel_on_signal()
        .map_err(|error| Failure::because("cannot listen for signals", error))?;
    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        let what = format!("cannot listen on {} (--listen names another)", args.listen);
        Failure::because(what, error)
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::because("cannot listen", error))?;
    announce(&args, address, form)?;
    let router = Router::new()
        .fallback(door::forward)
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .with_state(Arc::new(forward));
    let served = server::serve(listener, router, &tasks).await;
    served.map_err(|error| Failure::because("the forwarding stopped", error))?;
    Ok(Report::silent())
}

fn check(args: &Args) -> Result<(), Failure> {
    if !args.listen.ip().is_loopback() {
        let message = "--listen: an address of this machine itself, such as 127.0.0.1:8010: whoever \
                       reaches it acts as the agent";
        return Err(Failure::Usage(message.to_owned()));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let first = args.upstream.bytes().next();
    let named = first.is_some_and(|byte| byte.is_ascii_alphanumeric());
    if named && args.upstream.bytes().all(plain) {
        return Ok(());
    }
    let message = format!("`{}` names no upstream", args.upstream);
    Err(Failure::Usage(message))
}

fn announce(args: &Args, address: SocketAddr, form: Form) -> Result<(), Failure> {
    let url = format!("http://{address}");
    let document = json!({"forward": url, "upstream": args.upstream});
    if let Some(file) = &args.ready_file {
        files::write_public(file, format!("{}\n", pretty(&document)).as_bytes())
            .map_err(|error| Failure::because("cannot write the ready file", error))?;
    }
    match form {
        Form::Json => line(&pretty(&document)),
        Form::Text => {
            line(&format!(
                "Forwarding {url} to the upstream `{}`.",
                args.upstream
            ));
            note("Stop with Ctrl-C.");
        }
    }
    Ok(())
}
