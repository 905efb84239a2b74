//! What the server says of itself: versions, groups, resources.

use serde_json::{Value, json};

use super::http::Request;

/// The document of a discovery path.
pub(crate) fn answer(request: &Request) -> Option<Value> {
    if request.method != "GET" {
        return None;
    }
    match request.path.as_str() {
        "/version" => Some(json!({
            "major": "1", "minor": "32", "gitVersion": "v1.32.0", "gitCommit": "0", "gitTreeState": "clean",
            "buildDate": "2024-12-11T00:00:00Z", "goVersion": "go1.23", "compiler": "gc", "platform": "linux/amd64",
        })),
        "/api" => Some(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}],
        })),
        "/apis" => Some(json!({
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": [{
                "name": "apps",
                "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
                "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"},
            }],
        })),
        "/api/v1" => Some(core()),
        "/apis/apps/v1" => Some(apps()),
        _ => None,
    }
}

fn core() -> Value {
    let all = json!(["delete", "get", "list", "patch", "update"]);
    json!({
        "kind": "APIResourceList", "groupVersion": "v1",
        "resources": [
            resource("namespaces", "namespace", "Namespace", false, &["ns"], &all),
            resource("nodes", "node", "Node", false, &["no"], &all),
            resource("persistentvolumeclaims", "persistentvolumeclaim", "PersistentVolumeClaim", true, &["pvc"], &all),
            resource("persistentvolumes", "persistentvolume", "PersistentVolume", false, &["pv"], &all),
            resource("pods", "pod", "Pod", true, &["po"], &all),
        ],
    })
}

fn apps() -> Value {
    let all = json!(["delete", "get", "list", "patch", "update"]);
    let mut scale = resource(
        "deployments/scale",
        "",
        "Scale",
        true,
        &[],
        &json!(["get", "patch", "update"]),
    );
    if let Some(members) = scale.as_object_mut() {
        members.insert("group".to_owned(), json!("autoscaling"));
        members.insert("version".to_owned(), json!("v1"));
    }
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "apps/v1",
        "resources": [
            resource("deployments", "deployment", "Deployment", true, &["deploy"], &all),
            scale,
        ],
    })
}

fn resource(
    name: &str,
    singular: &str,
    kind: &str,
    namespaced: bool,
    short: &[&str],
    verbs: &Value,
) -> Value {
    json!({
        "name": name, "singularName": singular, "namespaced": namespaced, "kind": kind,
        "verbs": verbs, "shortNames": short,
    })
}
