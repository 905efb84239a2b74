//! Real `kubectl` through `countersign forward`, against a server with the shapes of Kubernetes' API.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::forwarding::Forwarding;
use super::kubernetes;
use crate::harness::command::Ended;
use crate::harness::installation::Installation;
use crate::harness::world::text;
use crate::harness::{SOON, eventually};

const CREDENTIAL: &str = "service-account-of-the-enforcer";
const WEB: &str = "/apis/apps/v1/namespaces/shop/deployments/web";

/// A cluster, an installation in front of it, and the door for `kubectl`.
struct Stage {
    cluster: Cluster,
    installation: Installation,
    forwarding: Forwarding,
}

impl Stage {
    async fn set() -> Self {
        let cluster = Cluster::start().await;
        let folder = tempfile::tempdir().unwrap();
        let credential = folder.path().join("token");
        countersign_service::files::write_private(&credential, CREDENTIAL.as_bytes()).unwrap();
        let upstream = format!("kubernetes={}", cluster.url());
        let credential = format!("kubernetes={}", credential.display());
        let arguments = [
            "--demo",
            "--upstream",
            &upstream,
            "--upstream-credential",
            &credential,
        ];
        let installation = Installation::start(&arguments, &kubernetes()).await;
        let forwarding = Forwarding::start(&installation, "kubernetes", &["--kubernetes"]).await;
        Self {
            cluster,
            installation,
            forwarding,
        }
    }

    /// `kubectl` as a person types it, with nothing of this machine's configuration.
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new("kubectl");
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.forwarding.folder());
        command.env("KUBECONFIG", "/dev/null");
        command.current_dir(self.forwarding.folder());
        command.args(["--server", self.forwarding.url(), "--cache-dir", "cache"]);
        command.args(arguments.split(' ')).stdin(Stdio::null());
        command
    }

    fn kubectl(&self, arguments: &str) -> Ended {
        ended(self.command(arguments).output())
    }

    /// The only pending approval.
    async fn approval(&self) -> Value {
        eventually("an approval waits", SOON, async || {
            let key = self.installation.person("alice");
            let listed = self
                .installation
                .get("authority", "/v1/approvals", key)
                .await
                .with(200);
            let mut listed = listed["approvals"].as_array().unwrap().clone();
            listed.retain(|approval| approval["state"] == "pending");
            listed.into_iter().next()
        })
        .await
    }

    async fn approve(&self, approval: &Value) {
        let id = ["/approval_id", "/id"]
            .map(|name| text(approval, name))
            .concat();
        let shown = self.installation.approval(&id, "alice").await;
        let decision =
            json!({"decision": "approve", "plan_hash": shown["plan_hash"], "reason": "a test"});
        self.installation
            .decide(&id, "alice", &decision)
            .await
            .with(200);
    }
}

fn ended(output: std::io::Result<std::process::Output>) -> Ended {
    let output = output.expect("`kubectl` runs: `scripts/setup --tests` installs it");
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test]
async fn kubectl_reads_scales_restarts_and_cordons_each_once() {
    let stage = Stage::set().await;
    let cluster = &stage.cluster;
    let pods = stage.kubectl("get pods -n shop").with(0).stdout;
    for pod in ["web-1", "web-2", "web-3"] {
        assert!(pods.contains(pod), "{pods}");
    }
    let names = stage
        .kubectl("get deployments -n shop -o name")
        .with(0)
        .stdout;
    assert_eq!(names, "deployment.apps/web\n");

    stage
        .kubectl("scale deployment web --replicas=5 -n shop")
        .with(0);
    assert_eq!(cluster.object(WEB).await["spec"]["replicas"], 5);
    stage
        .kubectl("rollout restart deployment/web -n shop")
        .with(0);
    let annotations =
        cluster.object(WEB).await["spec"]["template"]["metadata"]["annotations"].clone();
    assert!(
        annotations["kubectl.kubernetes.io/restartedAt"].is_string(),
        "{annotations}"
    );
    stage.kubectl("cordon worker-1").with(0);
    assert_eq!(
        cluster.object("/api/v1/nodes/worker-1").await["spec"]["unschedulable"],
        true
    );
    stage.kubectl("uncordon worker-1").with(0);
    assert_eq!(
        cluster.object("/api/v1/nodes/worker-1").await["spec"],
        json!({})
    );

    each_once(cluster).await;
}

/// Each change reached the cluster once, as its tool renders it, in the enforcer's name.
async fn each_once(cluster: &Cluster) {
    let patches = cluster.with("PATCH").await;
    let sent: Vec<(&str, &str, &Value)> = patches
        .iter()
        .map(|patch| {
            (
                text(patch, "/path"),
                text(patch, "/content_type"),
                &patch["body"],
            )
        })
        .collect();
    let scale = format!("{WEB}/scale");
    let (merge, strategic) = (
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
    );
    assert_eq!(sent.len(), 4, "each once: {sent:#?}");
    assert_eq!(
        sent[0],
        (scale.as_str(), merge, &json!({"spec": {"replicas": 5}}))
    );
    assert_eq!((sent[1].0, sent[1].1), (WEB, strategic));
    assert_eq!(text(&patches[1], "/query"), "fieldManager=kubectl-rollout");
    assert_eq!(
        sent[2],
        (
            "/api/v1/nodes/worker-1",
            strategic,
            &json!({"spec": {"unschedulable": true}})
        )
    );
    assert_eq!(
        sent[3],
        (
            "/api/v1/nodes/worker-1",
            strategic,
            &json!({"spec": {"unschedulable": null}})
        )
    );
    for request in cluster.log().await {
        assert_eq!(
            request["authorization"],
            format!("Bearer {CREDENTIAL}"),
            "{request}"
        );
        let headers = request["headers"].to_string();
        assert!(!headers.contains("intent-"), "{headers}");
    }
}

#[tokio::test]
async fn kubectl_is_refused_by_name_of_the_policies_and_nothing_reaches_the_server() {
    let stage = Stage::set().await;
    for (arguments, policies) in [
        (
            "delete namespace shop --wait=false",
            &["k8s-namespaces-stay", "data-is-sacred"][..],
        ),
        (
            "delete pv pv-1 --wait=false",
            &["k8s-volumes-stay", "data-is-sacred"],
        ),
        (
            "delete pvc data -n shop --wait=false",
            &["k8s-volumes-stay", "data-is-sacred"],
        ),
        ("get pods -n kube-system", &["kube-system"]),
    ] {
        let refused = stage.kubectl(arguments).with(1);
        for policy in policies {
            assert!(
                refused.stderr.contains(policy),
                "{arguments}: {}",
                refused.stderr
            );
        }
    }
    // What no tool has means nothing, whatever the cluster would say.
    for arguments in [
        "delete pod web-1 -n shop --wait=false",
        "get pod web-1 -n shop",
        "logs web-1 -n shop",
    ] {
        let refused = stage.kubectl(arguments).with(1);
        assert!(
            refused.stderr.contains("tool_unknown"),
            "{arguments}: {}",
            refused.stderr
        );
    }
    assert_eq!(stage.cluster.with("DELETE").await, Vec::<Value>::new());
    let beyond = |request: &Value| {
        let path = text(request, "/path").to_owned();
        path.contains("kube-system") || path.contains("/pods/") || request["method"] != "GET"
    };
    let log = stage.cluster.log().await;
    assert!(!log.iter().any(beyond), "{log:#?}");
    for path in ["/api/v1/namespaces/shop", "/api/v1/persistentvolumes/pv-1"] {
        assert!(stage.cluster.object(path).await.is_object(), "{path}");
    }
}

#[tokio::test]
async fn kubectl_waits_for_the_person_whom_policy_asks() {
    let stage = Stage::set().await;
    let waiting = stage
        .command("cordon control-1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let waiting = waiting.expect("`kubectl` runs: `scripts/setup --tests` installs it");
    let approval = stage.approval().await;
    assert_eq!(stage.cluster.with("PATCH").await, Vec::<Value>::new());
    stage.approve(&approval).await;
    let done = tokio::task::spawn_blocking(move || ended(waiting.wait_with_output()))
        .await
        .unwrap();
    done.with(0);
    assert_eq!(
        stage.cluster.object("/api/v1/nodes/control-1").await["spec"]["unschedulable"],
        true
    );
    assert_eq!(stage.cluster.with("PATCH").await.len(), 1);
    let log = stage.forwarding.log();
    assert!(
        log.contains("waits for a person: countersign approvals approve"),
        "{log}"
    );
}
