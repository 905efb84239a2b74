//! The sockets on which the roles listen, bound before any role runs so that all know all addresses.

use std::collections::BTreeMap;

use crate::data::prepare::People;
use crate::data::{DataFolder, Ready};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::settings::setting;
use crate::start::{Door, listen};

/// The listening sockets.
pub(super) struct Doors {
    pub(super) authority: Door,
    pub(super) enforcer: Door,
    pub(super) planner: Door,
    pub(super) simulator: Option<Door>,
    pub(super) console: Door,
}

impl Doors {
    /// Listens where the settings say.
    pub(super) async fn open(settings: &Settings, people: People) -> Result<Self, Failure> {
        Ok(Self {
            authority: listen(settings, setting::AUTHORITY_LISTEN).await?,
            enforcer: listen(settings, setting::ENFORCER_LISTEN).await?,
            planner: listen(settings, setting::PLANNER_LISTEN).await?,
            simulator: if people == People::Demo {
                Some(listen(settings, setting::SIMULATOR_LISTEN).await?)
            } else {
                None
            },
            console: listen(settings, setting::CONSOLE_LISTEN).await?,
        })
    }

    /// The ready file's content.
    pub(super) fn ready(&self, data: &DataFolder) -> Ready {
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

    /// Where the roles behind the console are, by name.
    pub(super) fn roles(&self) -> BTreeMap<&'static str, String> {
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

    /// Every address.
    pub(super) fn urls(&self) -> Vec<String> {
        let mut urls: Vec<String> = self.roles().into_values().collect();
        urls.push(self.console.url.clone());
        urls
    }
}
