//! The cluster: objects by their path, and what requests do to them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::http::{Answer, Request};

/// The media types of patches that are applied.
const PATCHES: [&str; 2] = [
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// Objects by the path under which the API serves them.
#[derive(Debug)]
pub(crate) struct Cluster {
    objects: BTreeMap<String, Value>,
    version: u64,
}

impl Cluster {
    /// Namespace `shop` with the deployment `web` and three pods, two nodes, a volume and its claim.
    pub(crate) fn new() -> Self {
        let mut objects = BTreeMap::new();
        let mut add = |path: &str, object| objects.insert(path.to_owned(), object);
        add(
            "/api/v1/namespaces/shop",
            object("v1", "Namespace", "shop", None, &json!({})),
        );
        for number in 1..=3 {
            let name = format!("web-{number}");
            let pod = object(
                "v1",
                "Pod",
                &name,
                Some("shop"),
                &json!({
                    "spec": {"nodeName": "worker-1", "containers": [{"name": "web", "image": "web:1"}]},
                    "status": {"phase": "Running"},
                }),
            );
            add(&format!("/api/v1/namespaces/shop/pods/{name}"), pod);
        }
        let deployment = object(
            "apps/v1",
            "Deployment",
            "web",
            Some("shop"),
            &json!({
                "spec": {
                    "replicas": 3,
                    "selector": {"matchLabels": {"app": "web"}},
                    "template": {
                        "metadata": {"labels": {"app": "web"}},
                        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
                    },
                },
                "status": {"replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "updatedReplicas": 3},
            }),
        );
        add("/apis/apps/v1/namespaces/shop/deployments/web", deployment);
        for name in ["control-1", "worker-1"] {
            add(
                &format!("/api/v1/nodes/{name}"),
                object("v1", "Node", name, None, &json!({"spec": {}})),
            );
        }
        let volume = json!({"spec": {"capacity": {"storage": "1Gi"}}});
        add(
            "/api/v1/persistentvolumes/pv-1",
            object("v1", "PersistentVolume", "pv-1", None, &volume),
        );
        let claim = object(
            "v1",
            "PersistentVolumeClaim",
            "data",
            Some("shop"),
            &json!({"spec": {}}),
        );
        add("/api/v1/namespaces/shop/persistentvolumeclaims/data", claim);
        Self {
            objects,
            version: 1,
        }
    }

    /// Every object by its path.
    pub(crate) fn to_value(&self) -> Value {
        json!(self.objects)
    }

    /// Does what is asked.
    pub(crate) fn answer(&mut self, request: &Request) -> Answer {
        match request.method.as_str() {
            "GET" => self.read(request),
            "PATCH" => self.patch(request),
            "DELETE" => match self.objects.remove(&request.path) {
                Some(object) => Answer::json(200, object),
                None => missing(request),
            },
            _ => Answer::failure(405, "MethodNotAllowed", "the method is not served"),
        }
    }

    fn read(&self, request: &Request) -> Answer {
        if let Some(object) = self.objects.get(&request.path) {
            return Answer::json(200, object.clone());
        }
        if let Some(object) = scaled(&request.path).and_then(|path| self.objects.get(path)) {
            return Answer::json(200, scale(object));
        }
        let kind = match request.segments().last() {
            Some(&"pods") => ("v1", "PodList"),
            Some(&"nodes") => ("v1", "NodeList"),
            Some(&"deployments") => ("apps/v1", "DeploymentList"),
            _ => return missing(request),
        };
        let prefix = format!("{}/", request.path);
        let below = |path: &String| path.starts_with(&prefix);
        let items = self.objects.iter().filter(|(path, _)| below(path));
        let items: Vec<&Value> = items.map(|(_, object)| object).collect();
        Answer::json(
            200,
            json!({
                "apiVersion": kind.0, "kind": kind.1, "items": items,
                "metadata": {"resourceVersion": self.version.to_string()},
            }),
        )
    }

    fn patch(&mut self, request: &Request) -> Answer {
        let media_type = request.header("content-type").unwrap_or_default();
        if !PATCHES.contains(&media_type) {
            return Answer::failure(415, "UnsupportedMediaType", media_type);
        }
        let scaled = scaled(&request.path);
        let path = scaled.unwrap_or(&request.path);
        let Some(object) = self.objects.get_mut(path) else {
            return missing(request);
        };
        merge(object, &request.json());
        self.version += 1;
        let object = object.clone();
        Answer::json(
            200,
            if scaled.is_some() {
                scale(&object)
            } else {
                object
            },
        )
    }
}

/// The path of the object whose scale a path is.
fn scaled(path: &str) -> Option<&str> {
    path.strip_suffix("/scale")
}

fn scale(object: &Value) -> Value {
    let part = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": part("/metadata"),
        "spec": {"replicas": part("/spec/replicas")},
        "status": {"replicas": part("/status/replicas"), "selector": "app=web"},
    })
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

fn missing(request: &Request) -> Answer {
    Answer::failure(404, "NotFound", &format!("{} was not found", request.path))
}

fn object(version: &str, kind: &str, name: &str, namespace: Option<&str>, more: &Value) -> Value {
    let mut object = json!({
        "apiVersion": version, "kind": kind,
        "metadata": {
            "name": name, "uid": format!("uid-{name}"), "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"app": "web"},
        },
    });
    if let Some(namespace) = namespace {
        merge(&mut object, &json!({"metadata": {"namespace": namespace}}));
    }
    merge(&mut object, more);
    object
}
