//! From settings to each role's own configuration. A role is given its own keys and no others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_authority as authority;
use countersign_enforcer as enforcer;
use countersign_intent::id::{AgentId, TenantId};
use countersign_planner as planner;
use countersign_service::clock::Clock;
use countersign_service::credential::{SecretHash, SecretKey};
use countersign_service::database::sqlite_url;
use countersign_service::directory::SharedDirectory;
use countersign_service::faults::Faults;
use countersign_service::files::ensure_dir_private;
use countersign_service::random::Random;
use countersign_service::server::Isolation;
use countersign_simulator as simulator;
use url::Url;

use crate::console;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::settings::setting::{self, Setting};

/// What every role of this process shares.
#[derive(Clone, Debug)]
pub(crate) struct Common<'a> {
    /// The settings.
    pub(crate) settings: &'a Settings,
    /// Whether several roles share the process.
    pub(crate) isolation: Isolation,
    /// The clock.
    pub(crate) clock: Clock,
    /// The randomness.
    pub(crate) random: Random,
}

/// What the planner may do and as whom.
#[derive(Clone, Debug)]
pub(crate) struct PlannerKeys {
    /// The agent.
    pub(crate) agent: AgentId,
    /// Its key.
    pub(crate) key: SecretKey,
    /// The key by which other roles may watch.
    pub(crate) service: Option<SecretHash>,
}

impl<'a> Common<'a> {
    /// The system's clock and randomness.
    pub(crate) fn new(settings: &'a Settings, isolation: Isolation) -> Self {
        Self {
            settings,
            isolation,
            clock: Clock::system(),
            random: Random::system(),
        }
    }

    fn database(&self, setting: Setting, file: &str) -> Result<String, Failure> {
        if let Some(url) = self.settings.text(setting) {
            return Ok(url.to_owned());
        }
        let data = self.settings.data();
        let absolute = std::path::absolute(&data)
            .map_err(|error| Failure::because("cannot find the data folder", error))?;
        Ok(sqlite_url(&absolute.join(file)))
    }

    fn overlay(&self) -> Option<PathBuf> {
        let overlay = self.settings.overlay();
        let named = self.settings.chosen(setting::OVERLAY).is_some();
        (named || overlay.is_dir()).then_some(overlay)
    }

    fn directory(&self) -> Result<SharedDirectory, Failure> {
        SharedDirectory::load(&self.settings.policies(), self.overlay().as_deref())
            .map_err(|error| Failure::because("cannot load agents and operators", error))
    }

    /// The authority's configuration, for enforcers at `enforcers`.
    pub(crate) fn authority(
        &self,
        enforcers: Vec<String>,
        service_key: SecretKey,
    ) -> Result<authority::Config, Failure> {
        let ttl: u64 = self.settings.parse(setting::TOKEN_TTL)?;
        let defaults = authority::Config::new(&self.settings.data(), &self.settings.policies());
        Ok(authority::Config {
            overlay: self.overlay(),
            database_url: self.database(setting::AUTHORITY_DATABASE_URL, "authority.db")?,
            issuer: self.settings.need(setting::ISSUER)?.to_owned(),
            audience: self.settings.need(setting::AUDIENCE)?.to_owned(),
            enforcers,
            service_key: Some(service_key),
            token_ttl: Duration::from_secs(ttl),
            isolation: self.isolation,
            clock: self.clock.clone(),
            random: self.random.clone(),
            faults: faults()?,
            ..defaults
        })
    }

    /// The enforcer's configuration.
    pub(crate) fn enforcer(
        &self,
        authority: &str,
        service_key: SecretKey,
        upstreams: Vec<enforcer::Upstream>,
    ) -> Result<enforcer::Config, Failure> {
        Ok(enforcer::Config {
            issuer: self.settings.need(setting::ISSUER)?.to_owned(),
            audience: self.settings.need(setting::AUDIENCE)?.to_owned(),
            tenant: TenantId::single(),
            data: self.settings.data(),
            policies: self.settings.policies(),
            overlay: self.overlay(),
            database_url: self.database(setting::ENFORCER_DATABASE_URL, "enforcer.db")?,
            authority: Some(address(setting::AUTHORITY_URL, authority)?),
            service_key,
            upstreams,
            ceilings: self.settings.ceilings().enforcer()?,
            lock_wait: Duration::from_secs(5),
            free_space: self.settings.parse::<u64>(setting::FREE_SPACE)? << 20,
            calls_kept: Duration::from_secs(self.settings.parse(setting::CALLS_KEPT)?),
            isolation: self.isolation,
            clock: self.clock.clone(),
            random: self.random.clone(),
            faults: faults()?,
        })
    }

    /// The planner's configuration.
    pub(crate) fn planner(
        &self,
        authority_url: &str,
        enforcer_url: &str,
        keys: PlannerKeys,
    ) -> Result<planner::Config, Failure> {
        let runbooks = match self.settings.need(setting::RUNBOOKS)? {
            "off" => planner::RunbookUse::Off,
            _ => planner::RunbookUse::On,
        };
        Ok(planner::Config {
            database_url: self.database(setting::PLANNER_DATABASE_URL, "planner.db")?,
            authority_url: authority_url.to_owned(),
            enforcer_url: enforcer_url.to_owned(),
            agent: keys.agent,
            agent_key: keys.key,
            directory: self.directory()?,
            service_key: keys.service,
            runbooks,
            runbooks_dir: None,
            model: self.model()?,
            pace: planner::Pace::default(),
            isolation: self.isolation,
            clock: self.clock.clone(),
            random: self.random.clone(),
        })
    }

    fn model(&self) -> Result<Option<planner::ModelConfig>, Failure> {
        if self.settings.chosen(setting::LLM_PROVIDER).is_none() {
            return Ok(None);
        }
        Ok(Some(planner::ModelConfig {
            provider: self.settings.parse(setting::LLM_PROVIDER)?,
            base_url: self.settings.text(setting::LLM_BASE_URL).map(str::to_owned),
            model: self.settings.need(setting::LLM_MODEL)?.to_owned(),
            api_key: self
                .settings
                .text(setting::LLM_API_KEY)
                .map(SecretKey::from_text),
            timeout: Duration::from_mins(2),
        }))
    }

    /// The simulator's configuration; `credential` is how it knows the enforcer.
    pub(crate) fn simulator(&self, credential: SecretHash) -> simulator::Config {
        simulator::Config {
            policies: self.settings.policies(),
            overlay: self.overlay(),
            upstream_credential: credential,
            isolation: self.isolation,
            seed: u64::from_be_bytes(self.random.bytes::<8>()),
            clock: self.clock.clone(),
            random: self.random.clone(),
        }
    }

    /// The console's configuration, in front of `roles`.
    pub(crate) fn console(
        &self,
        roles: BTreeMap<&'static str, String>,
        codes: Vec<console::Code>,
        demo: console::Demo,
    ) -> console::Config {
        console::Config {
            policies: self.settings.policies(),
            overlay: self.overlay(),
            roles,
            codes,
            demo,
            isolation: self.isolation,
            clock: self.clock.clone(),
            random: self.random.clone(),
        }
    }
}

/// Makes the data folder of a role that runs alone.
pub(crate) fn own_folder(settings: &Settings) -> Result<(), Failure> {
    ensure_dir_private(&settings.data())
        .and_then(|()| ensure_dir_private(&settings.data().join("keys")))
        .map_err(|error| Failure::because("cannot prepare the data folder", error))
}

/// The key that roles show each other.
pub(crate) fn service_key(settings: &Settings) -> Result<SecretKey, Failure> {
    read_key(&settings.key_file(setting::SERVICE_KEY_FILE, "service.key"))
}

/// A bearer key from its file.
pub(crate) fn read_key(path: &Path) -> Result<SecretKey, Failure> {
    SecretKey::read(path).map_err(|error| {
        Failure::because(
            "a key is missing (`countersign keys generate` makes them)",
            error,
        )
    })
}

fn address(setting: Setting, text: &str) -> Result<Url, Failure> {
    Url::parse(text).map_err(|error| {
        Failure::Usage(format!(
            "{}: `{text}` is no address: {error}",
            setting.variable
        ))
    })
}

/// Where a test ends the process.
#[cfg(feature = "faults")]
fn faults() -> Result<Faults, Failure> {
    match crate::settings::variable("COUNTERSIGN_FAULT") {
        Some(text) => Faults::parse(&text).map_err(|error| Failure::Usage(error.to_string())),
        None => Ok(Faults::none()),
    }
}

/// Faults are not part of this build.
#[cfg(not(feature = "faults"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same call as with the feature `faults`"
)]
fn faults() -> Result<Faults, Failure> {
    Ok(Faults::none())
}
