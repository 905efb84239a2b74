//! Starts every role in this process, each with its own configuration.

use countersign_authority as authority;
use countersign_enforcer as enforcer;
use countersign_planner as planner;
use countersign_service::server::Isolation;
use countersign_simulator as simulator;

use super::doors::Doors;
use super::keys::{Keys, planner_keys};
use super::links::Links;
use crate::console::{self, Demo};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::settings::setting;
use crate::start::configs::Common;
use crate::start::{Roles, upstreams};

/// Starts them; a role that ends later is told by `roles`.
pub(super) fn start(
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
    let mut targets = upstreams::read(settings)?;
    if let (Some(door), Some(key)) = (&doors.simulator, &keys.upstream) {
        if targets.iter().any(|upstream| upstream.name == "cloud") {
            let why = "with --demo the upstream `cloud` is the mini cloud";
            return Err(settings.wrong(setting::UPSTREAMS, why).into());
        }
        targets.push(upstreams::at("cloud", &door.url, Some(key.clone()))?);
    }
    let authority = common.authority(vec![doors.enforcer.url.clone()], keys.service.clone())?;
    let enforcer = common.enforcer(&doors.authority.url, keys.service.clone(), targets)?;
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
