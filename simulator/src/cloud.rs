//! The world made live: one lock, a clock that drives it, and a hub that hears of each change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_service::clock::Clock;
use countersign_service::events::{Hub, Snapshot};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::views::assets::DatabaseView;
use crate::views::infra::{AlertView, ServiceView};
use crate::views::state::FaultView;
use crate::world::World;

/// How often time passes in the world by itself.
pub(crate) const TICK: Duration = Duration::from_millis(250);

const SERVICE: &str = "service";
const ALERT: &str = "alert";
const FAULT: &str = "fault";
const DATABASE: &str = "database";

/// The running mini cloud. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Cloud(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    hub: Hub,
    live: Mutex<Live>,
}

#[derive(Debug)]
struct Live {
    world: World,
    shown: Shown,
}

/// What subscribers were told last.
#[derive(Debug, Default)]
struct Shown {
    services: BTreeMap<String, ServiceView>,
    databases: BTreeMap<String, DatabaseView>,
    faults: BTreeMap<String, FaultView>,
}

// === impl Cloud ===

impl Cloud {
    /// A healthy world that lives on `clock` and tells `hub`.
    pub(crate) fn new(clock: Clock, hub: Hub, seed: u64) -> Self {
        let world = World::new(seed, clock.now());
        let live = Mutex::new(Live {
            world,
            shown: Shown::default(),
        });
        Self(Arc::new(Inner { clock, hub, live }))
    }

    /// Reads the world as it is now.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        self.change(|world, now| {
            world.tick(now);
            look(world)
        })
    }

    /// Changes the world and tells what became different.
    pub(crate) fn change<R>(&self, act: impl FnOnce(&mut World, Timestamp) -> R) -> R {
        let mut live = self.0.live.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = act(&mut live.world, self.0.clock.now());
        // Under the lock, so that subscribers hear of changes in their order.
        live.tell(&self.0.hub);
        outcome
    }

    /// Lets time pass until the task is dropped.
    pub(crate) async fn live(self) {
        loop {
            self.0.clock.sleep(TICK).await;
            self.change(World::tick);
        }
    }

    /// What a new subscriber is told first.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let cloud = self.clone();
        Snapshot::new(move || {
            let items = cloud.read(items);
            async move { Ok(items) }
        })
    }
}

// === impl Live ===

impl Live {
    fn tell(&mut self, hub: &Hub) {
        let Self { world, shown } = self;
        let services = ServiceView::all(world).into_iter();
        publish(
            hub,
            SERVICE,
            &mut shown.services,
            services.map(|view| (view.id().to_owned(), view)).collect(),
        );
        let databases = world
            .databases()
            .map(|database| DatabaseView::of(world, database));
        publish(
            hub,
            DATABASE,
            &mut shown.databases,
            databases.map(|view| (view.id().to_owned(), view)).collect(),
        );
        let faults = world.faults().iter().map(FaultView::of);
        publish(
            hub,
            FAULT,
            &mut shown.faults,
            faults.map(|view| (view.id().to_owned(), view)).collect(),
        );
        let changes = world.take_alert_changes();
        for alert in world
            .alerts()
            .iter()
            .filter(|alert| changes.changed.contains(&alert.id))
        {
            hub.publish(ALERT, alert.id.as_str(), &AlertView::of(alert));
        }
        for id in changes.forgotten {
            hub.remove(ALERT, id.as_str());
        }
    }
}

/// Tells the difference between what was shown and what is.
fn publish<T: PartialEq + Serialize>(
    hub: &Hub,
    topic: &'static str,
    shown: &mut BTreeMap<String, T>,
    current: BTreeMap<String, T>,
) {
    for (id, view) in &current {
        if shown.get(id) != Some(view) {
            hub.publish(topic, id, view);
        }
    }
    for id in shown.keys().filter(|id| !current.contains_key(*id)) {
        hub.remove(topic, id);
    }
    *shown = current;
}

fn items(world: &World) -> Vec<(&'static str, String, Value)> {
    let services = ServiceView::all(world)
        .into_iter()
        .map(|view| (SERVICE, view.id().to_owned(), serde_json::to_value(view)));
    let databases = world
        .databases()
        .map(|database| DatabaseView::of(world, database))
        .map(|view| (DATABASE, view.id().to_owned(), serde_json::to_value(view)));
    let faults = world
        .faults()
        .iter()
        .map(FaultView::of)
        .map(|view| (FAULT, view.id().to_owned(), serde_json::to_value(view)));
    let alerts = world.alerts().iter().map(|alert| {
        (
            ALERT,
            alert.id.to_string(),
            serde_json::to_value(AlertView::of(alert)),
        )
    });
    services
        .chain(databases)
        .chain(faults)
        .chain(alerts)
        .filter_map(|(topic, id, item)| Some((topic, id, item.ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::faults::FaultKind;

    fn cloud() -> (Clock, Hub, Cloud) {
        let clock = Clock::manual("2026-03-02T09:00:00Z".parse().unwrap());
        let hub = Hub::new(clock.clone());
        let cloud = Cloud::new(clock.clone(), hub.clone(), 7);
        cloud.change(World::tick);
        (clock, hub, cloud)
    }

    #[test]
    fn a_world_in_which_nothing_happens_is_told_only_when_its_noise_moves() {
        let (clock, hub, cloud) = cloud();
        let first = hub.latest();
        for _ in 0..7 {
            clock.advance(TICK);
            cloud.change(World::tick);
        }
        assert_eq!(hub.latest(), first);
        clock.advance(TICK);
        cloud.change(World::tick);
        assert_eq!(hub.latest(), first + 3);
    }

    #[tokio::test]
    async fn a_fault_its_alert_and_its_end_are_told() {
        let (clock, hub, cloud) = cloud();
        let cursor = hub.latest();
        let fault = cloud
            .change(|world, now| world.inject(now, FaultKind::Crash, "payments"))
            .unwrap();
        let told = hub
            .wait(cursor, |event| event.topic == FAULT)
            .await
            .unwrap();
        assert_eq!(told.id, fault.id.as_str());
        assert_eq!(told.item["kind"], "crash");
        let told = hub
            .wait(cursor, |event| event.topic == SERVICE)
            .await
            .unwrap();
        assert_eq!(
            (told.id.as_str(), &told.item["status"]),
            ("payments", &Value::from("down"))
        );

        clock.advance(Duration::from_secs(1));
        cloud.change(World::tick);
        let told = hub
            .wait(cursor, |event| event.topic == ALERT)
            .await
            .unwrap();
        assert_eq!(told.item["status"], "open");

        let cursor = hub.latest();
        cloud
            .change(|world, now| world.restart(now, "payments"))
            .unwrap();
        let told = hub
            .wait(cursor, |event| event.topic == FAULT)
            .await
            .unwrap();
        assert_eq!(
            (told.id.as_str(), told.item.text()),
            (fault.id.as_str(), "null")
        );
    }

    #[tokio::test]
    async fn time_passes_by_itself() {
        let (clock, hub, cloud) = cloud();
        cloud
            .change(|world, now| world.inject(now, FaultKind::Crash, "auth"))
            .unwrap();
        let cursor = hub.latest();
        let mut living = Box::pin(cloud.live());
        let told = hub.wait(cursor, |event| event.topic == ALERT);
        tokio::pin!(told);
        let opened = loop {
            clock.advance(TICK);
            tokio::select! {
                biased;
                () = &mut living => unreachable!("the world lives on"),
                told = &mut told => break told.unwrap(),
                () = tokio::task::yield_now() => {}
            }
        };
        assert_eq!(opened.item["resource_id"], "auth");
    }
}
