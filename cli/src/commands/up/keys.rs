//! The keys of an installation that runs in one process.

use countersign_intent::id::AgentId;
use countersign_service::credential::{KeyKind, SecretKey};
use countersign_service::random::Random;

use crate::data::DataFolder;
use crate::data::credentials::CredentialsFile;
use crate::data::prepare::{People, Places, prepare};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::settings::setting;
use crate::start::configs::{PlannerKeys, read_key};

/// The keys of one installation.
pub(super) struct Keys {
    pub(super) credentials: CredentialsFile,
    pub(super) service: SecretKey,
    pub(super) upstream: Option<SecretKey>,
    pub(super) random: Random,
}

/// Reads the keys, after generating those that are missing.
pub(super) fn generate(
    settings: &Settings,
    data: &DataFolder,
    people: People,
) -> Result<Keys, Failure> {
    let random = Random::system();
    let failed = |error| Failure::because("cannot prepare the data folder", error);
    let (policies, overlay) = (settings.policies(), settings.overlay());
    let places = Places {
        data,
        policies: &policies,
        overlay: &overlay,
    };
    let service = settings.key_file(setting::SERVICE_KEY_FILE, "service.key");
    let service = SecretKey::read_or_generate(&service, KeyKind::Service, &random);
    let upstream = (people == People::Demo).then(|| {
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

/// The planner's agent: the one of the settings, or the first one that a key was generated for.
pub(super) fn planner_keys(settings: &Settings, keys: &Keys) -> Result<PlannerKeys, Failure> {
    let agent: AgentId = settings.parse(setting::AGENT)?;
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
