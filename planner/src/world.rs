//! What a run read, in the form in which runbooks look at it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::run::view::Sense;

/// One alert, as far as runbooks look at it. Its other members are kept in the run's view.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Alert {
    pub(crate) id: String,
    pub(crate) resource_id: String,
    #[serde(default)]
    pub(crate) severity: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) symptom: String,
    #[serde(default)]
    pub(crate) opened_at: Option<Timestamp>,
}

impl Alert {
    /// More urgent first.
    fn urgency(&self) -> u8 {
        match self.severity.as_str() {
            "critical" => 0,
            "warning" => 1,
            "info" => 2,
            _ => 3,
        }
    }
}

/// Services and open alerts at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    services: BTreeMap<String, Value>,
    /// The more urgent first, then the older.
    alerts: Vec<Alert>,
}

impl World {
    /// Reads what was sensed. Entries without an id are left out: nothing can be done about them.
    pub(crate) fn new(sense: &Sense) -> Self {
        let services = sense
            .services
            .iter()
            .filter_map(|service| Some((text(service, "/id")?, service.clone())))
            .collect();
        let mut alerts: Vec<Alert> = sense
            .alerts
            .iter()
            .filter_map(|alert| Alert::deserialize(alert).ok())
            .filter(|alert| alert.status != "resolved")
            .collect();
        alerts.sort_by(|a, b| {
            (a.urgency(), a.opened_at, &a.id).cmp(&(b.urgency(), b.opened_at, &b.id))
        });
        Self { services, alerts }
    }

    /// The service called `id`.
    pub(crate) fn service(&self, id: &str) -> Option<&Value> {
        self.services.get(id)
    }

    /// The names of all services.
    pub(crate) fn service_ids(&self) -> impl Iterator<Item = &str> {
        self.services.keys().map(String::as_str)
    }

    /// Open alerts, the more urgent first.
    pub(crate) fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// The alert called `id`, when it is open.
    pub(crate) fn alert(&self, id: &str) -> Option<&Alert> {
        self.alerts.iter().find(|alert| alert.id == id)
    }

    /// Services that are not well, by their own word.
    pub(crate) fn unwell(&self) -> Vec<&str> {
        self.services
            .iter()
            .filter(|(_, service)| {
                service
                    .get("status")
                    .and_then(Value::as_str)
                    .is_some_and(|status| status != "up")
            })
            .map(|(id, _)| id.as_str())
            .collect()
    }

    /// Everything that `id` depends on, directly or through others; without `id` itself.
    pub(crate) fn dependencies(&self, id: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![id.to_owned()];
        while let Some(next) = open.pop() {
            let on = self
                .service(&next)
                .and_then(|service| service.get("depends_on"));
            for on in on
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                if on != id && found.insert(on.to_owned()) {
                    open.push(on.to_owned());
                }
            }
        }
        found
    }
}

/// The version before the current one in the service's history.
pub(crate) fn previous_version(service: &Value) -> Option<Value> {
    let current = service.get("version")?;
    let versions = service.get("versions")?.as_array()?;
    let mut names = versions.iter().filter_map(|version| version.get("version"));
    let mut before = None;
    names
        .by_ref()
        .take_while(|name| *name != current)
        .for_each(|name| before = Some(name.clone()));
    before
}

/// When the current version was put into service.
pub(crate) fn deployed_at(service: &Value) -> Option<Timestamp> {
    let current = service.get("version")?;
    let versions = service.get("versions")?.as_array()?;
    let version = versions
        .iter()
        .find(|version| version.get("version") == Some(current))?;
    version.get("deployed_at")?.as_str()?.parse().ok()
}

/// The list in an answer: the answer itself, or its member `name`.
pub(crate) fn list(answer: &Value, name: &str) -> Vec<Value> {
    let list = answer
        .as_array()
        .or_else(|| answer.get(name).and_then(Value::as_array));
    list.cloned().unwrap_or_default()
}

/// The alert as a JSON value for templates.
pub(crate) fn alert_value(alert: &Alert) -> Value {
    json!({
        "id": alert.id,
        "resource_id": alert.resource_id,
        "severity": alert.severity,
        "symptom": alert.symptom,
    })
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World::new(&Sense {
            services: vec![
                json!({"id": "payments", "status": "down", "depends_on": ["auth", "db"]}),
                json!({"id": "auth", "status": "up", "depends_on": ["db"]}),
                json!({"id": "db", "status": "up", "depends_on": ["db"]}),
                json!({"status": "up"}),
            ],
            alerts: vec![
                json!({"id": "a1", "resource_id": "auth", "severity": "warning", "status": "open",
                       "symptom": "high_latency", "opened_at": "2030-01-01T00:00:00Z"}),
                json!({"id": "a2", "resource_id": "payments", "severity": "critical", "status": "open",
                       "symptom": "health_check_failing", "opened_at": "2030-01-01T00:00:09Z"}),
                json!({"id": "a3", "resource_id": "payments", "status": "resolved"}),
                json!({"id": 7}),
            ],
            ..Sense::default()
        })
    }

    #[test]
    fn alerts_are_sorted_by_urgency_and_closed_ones_are_left_out() {
        let world = world();
        let ids: Vec<&str> = world
            .alerts()
            .iter()
            .map(|alert| alert.id.as_str())
            .collect();
        assert_eq!(ids, ["a2", "a1"]);
        assert_eq!(world.unwell(), ["payments"]);
    }

    #[test]
    fn dependencies_are_transitive_and_end_in_a_cycle() {
        let deps = world().dependencies("payments");
        assert_eq!(deps.into_iter().collect::<Vec<_>>(), ["auth", "db"]);
        assert!(world().dependencies("db").is_empty());
        assert!(world().dependencies("nobody").is_empty());
    }

    #[test]
    fn previous_version_is_the_one_before_the_current_one() {
        let service = json!({"version": "2", "versions": [
            {"version": "1", "deployed_at": "2030-01-01T00:00:00Z"},
            {"version": "2", "deployed_at": "2030-02-01T00:00:00Z"},
            {"version": "3", "deployed_at": "2030-03-01T00:00:00Z"},
        ]});
        assert_eq!(previous_version(&service), Some(json!("1")));
        assert_eq!(
            deployed_at(&service),
            Some("2030-02-01T00:00:00Z".parse().unwrap())
        );
        let first = json!({"version": "1", "versions": [{"version": "1"}]});
        assert_eq!(previous_version(&first), None);
        assert_eq!(deployed_at(&first), None);
    }
}
