//! `countersign up`: every role in one process, talking HTTP only to each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_authority as authority;
use countersign_enforcer as enforcer;
use countersign_planner as planner;
use countersign_service::credential::{KeyKind, SecretKey};
use countersign_service::random::Random;
use countersign_service::server::Isolation;
use countersign_simulator as simulator;

use super::plan::with;
use crate::console::{self, Code, Demo, Uses};
use crate::data::credentials::{CredentialsFile, Key};
use crate::data::prepare::{People, Places, prepare};
use crate::data::{DataFolder, Ready};
use crate::failure::Failure;
use crate::output::{Form, Report, line, pretty};
use crate::settings::{setting, Flags, Settings};
use crate::start::configs::{Common, PlannerKeys, read_key, upstream};
use crate::start::{Door, Roles, listen};

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
    let mut keys = generate(settings, &data, args.demo)?;

    let doors = Doors::open(settings, args.demo).await?;
    let ready = doors.ready(&data);
    let mut roles = Roles::new()?;
    let links = Links::new(&mut keys, doors.console.url.as_str());
    keys.credentials
        .write(&data.credentials())
        .map_err(failed)?;
    let urls = doors.urls();
    let started = start(&roles, settings, doors, &keys, &links);
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

/// The keys of one installation.
struct Keys {
    credentials: CredentialsFile,
    service: SecretKey,
    upstream: Option<SecretKey>,
    random: Random,
}

fn generate(settings: &Settings, data: &DataFolder, demo: bool) -> Result<Keys, Failure> {
    let random = Random::system();
    let failed = |error| Failure::because("cannot prepare the data folder", error);
    let (policies, overlay) = (settings.policies(), settings.overlay());
    let places = Places {
        data,
        policies: &policies,
        overlay: &overlay,
    };
    let people = if demo { People::Demo } else { People::Operator };
    let service = settings.key_file(setting::SERVICE_KEY_FILE, "service.key");
    let service = SecretKey::read_or_generate(&service, KeyKind::Service, &random);
    let upstream = demo.then(|| {
        let path = settings.key_file(setting::UPSTREAM_KEY_FILE, "upstream-cloud.key");
        SecretKey::read_or_generate(&path, KeyKind::Upstream, &random)
    });
    Ok(Keys {
        credentials: prepare(places, people, &random)?,
        service: service.map_err(failed)?,
        upstream: upstream.transpose().map_err(failed)?,
        random,
    })
}

/// The listening sockets.
struct Doors {
    authority: Door,
    enforcer: Door,
    planner: Door,
    simulator: Option<Door>,
    console: Door,
}

impl Doors {
    async fn open(settings: &Settings, demo: bool) -> Result<Self, Failure> {
        Ok(Self {
            authority: listen(settings, setting::AUTHORITY_LISTEN).await?,
            enforcer: listen(settings, setting::ENFORCER_LISTEN).await?,
            planner: listen(settings, setting::PLANNER_LISTEN).await?,
            simulator: if demo {
                Some(listen(settings, setting::SIMULATOR_LISTEN).await?)
            } else {
                None
            },
            console: listen(settings, setting::CONSOLE_LISTEN).await?,
        })
    }

    fn ready(&self, data: &DataFolder) -> Ready {
        let folder = std::path::absolute(data.path()).unwrap_or_else(|_| data.path().to_owned());
        Ready {
            authority: Some(self.authority.url.clone()),
            enforcer: Some(self.enforcer.url.clone()),
            planner: Some(self.planner.url.clone()),
            simulator: self.simulator.as_ref().map(|door| door.url.clone()),
            console: Some(self.console.url.clone()),
            data: folder,
        }
    }

    fn roles(&self) -> BTreeMap<&'static str, String> {
        let mut roles = BTreeMap::from([
            ("authority", self.authority.url.clone()),
            ("enforcer", self.enforcer.url.clone()),
            ("planner", self.planner.url.clone()),
        ]);
        if let Some(simulator) = &self.simulator {
            roles.insert("simulator", simulator.url.clone());
        }
        roles
    }

    fn urls(&self) -> Vec<String> {
        let mut urls: Vec<String> = self.roles().into_values().collect();
        urls.push(self.console.url.clone());
        urls
    }
}

/// The console's sign-in codes: one for the screen, one for `credentials.json`.
struct Links {
    codes: Vec<Code>,
    printed: Option<String>,
}

impl Links {
    fn new(keys: &mut Keys, console: &str) -> Self {
        let Some(operator) = keys.credentials.operator_key.as_ref().map(Key::secret) else {
            keys.credentials.console_url = None;
            return Self {
                codes: Vec::new(),
                printed: None,
            };
        };
        let random = keys.random.clone();
        let code = |uses| {
            let text = SecretKey::from_text(&URL_SAFE_NO_PAD.encode(random.bytes::<32>()));
            let link = format!("{console}/#signin={}", text.expose());
            (
                Code {
                    text,
                    key: operator.clone(),
                    uses,
                },
                link,
            )
        };
        let (once, printed) = code(Uses::Once);
        let (lasting, kept) = code(Uses::WhileRunning);
        keys.credentials.console_url = Some(kept);
        Self {
            codes: vec![once, lasting],
            printed: Some(printed),
        }
    }
}

fn start(
    roles: &Roles,
    settings: &Settings,
    doors: Doors,
    keys: &Keys,
    links: &Links,
) -> Result<(), Failure> {
    let common = Common::new(settings, Isolation::SharedProcess);
    let others = doors.roles();
    let demo = if doors.simulator.is_some() {
        Demo::Yes
    } else {
        Demo::No
    };
    let mut upstreams = common.upstreams()?;
    if let (Some(door), Some(key)) = (&doors.simulator, &keys.upstream) {
        upstreams.retain(|upstream| upstream.name != "cloud");
        upstreams.push(upstream("cloud", &door.url, Some(key.clone()))?);
    }
    let authority = common.authority(vec![doors.enforcer.url.clone()], keys.service.clone())?;
    let enforcer = common.enforcer(&doors.authority.url, keys.service.clone(), upstreams)?;
    let planner = common.planner(
        &doors.authority.url,
        &doors.enforcer.url,
        planner_keys(settings, keys)?,
    )?;
    let console = common.console(others, links.codes.clone(), demo);
    let simulator = keys
        .upstream
        .as_ref()
        .map(|key| common.simulator(key.hash()));

    let tasks = roles.tasks();
    roles.run("authority", async move {
        authority::run(authority, doors.authority.listener, &tasks).await
    });
    let tasks = roles.tasks();
    roles.run("enforcer", async move {
        enforcer::run(enforcer, doors.enforcer.listener, &tasks).await
    });
    let tasks = roles.tasks();
    roles.run("planner", async move {
        planner::run(planner, doors.planner.listener, &tasks).await
    });
    if let (Some(config), Some(door)) = (simulator, doors.simulator) {
        let tasks = roles.tasks();
        roles.run("simulator", async move {
            simulator::run(config, door.listener, &tasks).await
        });
    }
    let tasks = roles.tasks();
    roles.run("console", async move {
        console::run(console, doors.console.listener, &tasks).await
    });
    Ok(())
}

/// The planner's agent: the one of the settings, or the first one that a key was generated for.
fn planner_keys(settings: &Settings, keys: &Keys) -> Result<PlannerKeys, Failure> {
    let agent = super::planner::agent(settings)?;
    let key = match settings.path(setting::AGENT_KEY_FILE) {
        Some(path) => read_key(&path)?,
        None => keys.credentials.agent_keys.get(agent.as_str()).ok_or_else(|| {
            Failure::could_not(format!(
                "the planner has no key: `{agent}` is not in agents.toml, or brings its own key (give \
                 its file with COUNTERSIGN_AGENT_KEY_FILE)"
            ))
        })?,
    };
    Ok(PlannerKeys {
        agent,
        key,
        service: Some(keys.service.hash()),
    })
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
