//! The one table of settings: names, defaults, forms, meanings.

use std::net::SocketAddr;

use url::Url;

use self::Form::{
    Address, Choice, Database, NamedUrls, Number, Pairs, Seconds, Secret, Text, Urls,
};

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Its name in `countersign.toml`; a dot separates the table from the key.
    pub(crate) key: &'static str,
    /// Its environment variable.
    pub(crate) variable: &'static str,
    /// Its value when nobody sets it.
    pub(crate) default: Option<&'static str>,
    /// What its values look like.
    pub(crate) form: Form,
    /// What it is.
    pub(crate) meaning: &'static str,
}

/// What a setting's values look like. They are checked when settings are read, before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Anything: a name, a path.
    Text,
    /// Anything, and never shown.
    Secret,
    /// An IP address and a port.
    Address,
    /// One HTTP address.
    Url,
    /// Several HTTP addresses with commas between.
    Urls,
    /// The address of a database.
    Database,
    /// Whole seconds, from 1 to this.
    Seconds(u64),
    /// A whole number, from 0 to this.
    Number(u64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `NAME=VALUE` with commas between.
    Pairs,
    /// `NAME=URL` with commas between.
    NamedUrls,
}

impl Form {
    /// Why `value` is not of this form.
    pub(crate) fn check(self, value: &str) -> Result<(), String> {
        let good = match self {
            Text | Secret => Ok(()),
            Address => value.parse::<SocketAddr>().map(drop).map_err(|_cause| {
                "write an IP address and a port, such as 127.0.0.1:8080".to_owned()
            }),
            Self::Url => http(value),
            Urls => value.split(',').try_for_each(|one| http(one.trim())),
            Database => match value.split_once("://") {
                Some(("sqlite" | "postgres" | "postgresql", _)) => Ok(()),
                Some(_) | None => Err("write `sqlite:///…` or `postgres://…`".to_owned()),
            },
            Seconds(most) => match value.parse::<u64>() {
                Ok(seconds) if (1..=most).contains(&seconds) => Ok(()),
                Ok(_) | Err(_) => Err(format!("write whole seconds, 1 to {most}")),
            },
            Number(most) => match value.parse::<u64>() {
                Ok(number) if number <= most => Ok(()),
                Ok(_) | Err(_) => Err(format!("write a whole number, 0 to {most}")),
            },
            Choice(words) if words.contains(&value) => Ok(()),
            Choice(words) => Err(format!("write one of {}", words.join(", "))),
            Pairs => pairs(value).map(drop),
            NamedUrls => {
                pairs(value).and_then(|pairs| pairs.iter().try_for_each(|(_, url)| http(url)))
            }
        };
        good.and_then(|()| {
            if value.trim().is_empty() {
                Err("it is empty".to_owned())
            } else {
                Ok(())
            }
        })
    }
}

fn http(text: &str) -> Result<(), String> {
    let wrong = || "write an address, such as http://127.0.0.1:8000".to_owned();
    let url = Url::parse(text).map_err(|_cause| wrong())?;
    let good = matches!(url.scheme(), "http" | "https") && url.has_host();
    if good { Ok(()) } else { Err(wrong()) }
}

/// The comma-separated `NAME=VALUE` pairs of `text`, in order.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let given = text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty());
    given
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
            None => Err("write NAME=VALUE, separated by commas".to_owned()),
        })
        .collect()
}

macro_rules! settings {
    ($($name:ident = $key:literal, $variable:literal, $default:expr, $form:expr, $meaning:literal;)+) => {
        $(pub(crate) const $name: Setting = Setting {
            key: $key,
            variable: $variable,
            default: $default,
            form: $form,
            meaning: $meaning,
        };)+

        /// Every setting there is.
        pub(crate) const ALL: &[Setting] = &[$($name,)+];
    };
}

settings! {
    DATA = "data", "COUNTERSIGN_DATA", Some("countersign-data"), Text,
        "folder for keys, databases and ready.json";
    POLICIES = "policies", "COUNTERSIGN_POLICIES", Some("policies"), Text,
        "folder with tools, inventory, agents, operators and Cedar files";
    OVERLAY = "overlay", "COUNTERSIGN_OVERLAY", None, Text,
        "folder with the key hashes of agents and operators; DATA/overlay unless set";
    LOG = "log", "COUNTERSIGN_LOG", Some("info"), Text,
        "log filter, such as `info` or `warn,countersign_enforcer=debug`";
    LOG_FORMAT = "log_format", "COUNTERSIGN_LOG_FORMAT", Some("text"), Choice(&["text", "json"]),
        "`text` or `json`";
    ISSUER = "issuer", "COUNTERSIGN_ISSUER", Some("countersign"), Text,
        "`iss` of every token";
    AUDIENCE = "audience", "COUNTERSIGN_AUDIENCE", Some("enforcer"), Text,
        "`aud` of every token: the enforcers that share a journal";
    TOKEN_TTL = "token_ttl", "COUNTERSIGN_TOKEN_TTL", Some("60"), Seconds(300),
        "life of a token in seconds, 1 to 300";
    CALLS_KEPT = "calls_kept", "COUNTERSIGN_CALLS_KEPT", Some("34560000"), Seconds(3_153_600_000),
        "how long the enforcer keeps calls after they ended, in seconds; 400 days unless set";
    FREE_SPACE = "free_space", "COUNTERSIGN_FREE_SPACE", Some("256"), Number(1_048_576),
        "MiB that must be free on the disk of the enforcer's SQLite journal for a call to start";
    SERVICE_KEY_FILE = "service_key_file", "COUNTERSIGN_SERVICE_KEY_FILE", None, Text,
        "key that roles show each other; DATA/keys/service.key unless set";
    AGENT = "agent", "COUNTERSIGN_AGENT", Some("remediator"), Text,
        "the agent as which the planner acts";
    AGENT_KEY_FILE = "agent_key_file", "COUNTERSIGN_AGENT_KEY_FILE", None, Text,
        "key of the agent that the planner, or a client command, is";
    PROOF_KEY_FILE = "proof_key_file", "COUNTERSIGN_PROOF_KEY_FILE", None, Text,
        "private JWK with which a client command proves that it is the agent, where the agent registered a key";
    OPERATOR_KEY_FILE = "operator_key_file", "COUNTERSIGN_OPERATOR_KEY_FILE", None, Text,
        "key of the person whom a client command asks for";
    UPSTREAMS = "upstreams", "COUNTERSIGN_UPSTREAMS", None, NamedUrls,
        "NAME=URL of each upstream of the enforcer, separated by commas";
    UPSTREAM_CREDENTIALS = "upstream_credentials", "COUNTERSIGN_UPSTREAM_CREDENTIALS", None, Pairs,
        "NAME=FILE with the credential that the enforcer adds for that upstream";
    UPSTREAM_KEY_FILE = "upstream_key_file", "COUNTERSIGN_UPSTREAM_KEY_FILE", None, Text,
        "the enforcer's credential, as the simulator checks it; DATA/keys/upstream-cloud.key unless set";
    RUNBOOKS = "runbooks", "COUNTERSIGN_RUNBOOKS", Some("on"), Choice(&["on", "off"]),
        "`on`: runbooks are tried before a model; `off`: the model plans alone";
    LLM_PROVIDER = "llm.provider", "COUNTERSIGN_LLM_PROVIDER", None, Choice(&["ollama", "openai", "anthropic"]),
        "`ollama`, `openai` or `anthropic`; no model unless set";
    LLM_BASE_URL = "llm.base_url", "COUNTERSIGN_LLM_BASE_URL", None, Form::Url,
        "address of the model server";
    LLM_MODEL = "llm.model", "COUNTERSIGN_LLM_MODEL", None, Text,
        "name of the model";
    LLM_API_KEY = "llm.api_key", "COUNTERSIGN_LLM_API_KEY", None, Secret,
        "key at the model server";
    AUTHORITY_LISTEN = "authority.listen", "COUNTERSIGN_AUTHORITY_LISTEN", Some("127.0.0.1:8002"), Address,
        "listen address; port 0 picks a free one";
    AUTHORITY_URL = "authority.url", "COUNTERSIGN_AUTHORITY_URL", Some("http://127.0.0.1:8002"), Form::Url,
        "where others reach the authority";
    AUTHORITY_DATABASE_URL = "authority.database_url", "COUNTERSIGN_AUTHORITY_DATABASE_URL", None, Database,
        "`sqlite:///…` or `postgres://…`; DATA/authority.db unless set";
    ENFORCER_LISTEN = "enforcer.listen", "COUNTERSIGN_ENFORCER_LISTEN", Some("127.0.0.1:8000"), Address,
        "listen address; port 0 picks a free one";
    ENFORCER_URL = "enforcer.url", "COUNTERSIGN_ENFORCER_URL", Some("http://127.0.0.1:8000"), Urls,
        "where others reach the enforcer; several for the authority, separated by commas";
    ENFORCER_DATABASE_URL = "enforcer.database_url", "COUNTERSIGN_ENFORCER_DATABASE_URL", None, Database,
        "`sqlite:///…` or `postgres://…`; DATA/enforcer.db unless set";
    PLANNER_LISTEN = "planner.listen", "COUNTERSIGN_PLANNER_LISTEN", Some("127.0.0.1:8001"), Address,
        "listen address; port 0 picks a free one";
    PLANNER_URL = "planner.url", "COUNTERSIGN_PLANNER_URL", Some("http://127.0.0.1:8001"), Form::Url,
        "where others reach the planner";
    PLANNER_DATABASE_URL = "planner.database_url", "COUNTERSIGN_PLANNER_DATABASE_URL", None, Database,
        "`sqlite:///…` or `postgres://…`; DATA/planner.db unless set";
    SIMULATOR_LISTEN = "simulator.listen", "COUNTERSIGN_SIMULATOR_LISTEN", Some("127.0.0.1:8003"), Address,
        "listen address; port 0 picks a free one";
    SIMULATOR_URL = "simulator.url", "COUNTERSIGN_SIMULATOR_URL", Some("http://127.0.0.1:8003"), Form::Url,
        "where others reach the simulator";
    CONSOLE_LISTEN = "console.listen", "COUNTERSIGN_CONSOLE_LISTEN", Some("127.0.0.1:8080"), Address,
        "listen address; port 0 picks a free one";
}
