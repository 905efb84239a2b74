//! A running installation as its users see it: addresses, keys, and the requests they make.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_intent::approval;
use countersign_intent::key::SigningKey;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Map, Value, json};

use super::{SOON, eventually};

/// How long a run may take: two looks at an alert, a plan, a call, a check.
const RUN: Duration = Duration::from_secs(90);

/// Where the roles are, and everybody's keys.
#[derive(Debug)]
pub(crate) struct World {
    http: Client,
    addresses: BTreeMap<String, String>,
    people: People,
    keys: PathBuf,
}

/// Who holds which key.
#[derive(Debug)]
struct People {
    operators: BTreeMap<String, String>,
    agents: BTreeMap<String, String>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// A token, and what it was issued for.
#[derive(Clone, Debug)]
pub(crate) struct Minted {
    pub(crate) plan: String,
    pub(crate) tool: String,
    pub(crate) params: Value,
    pub(crate) token: String,
    pub(crate) approvals: Option<String>,
}

/// The request of a tool call, as an agent sends it.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    /// The agent's key.
    pub(crate) agent: Option<String>,
    /// `Intent-Token`.
    pub(crate) token: Option<String>,
    /// `Intent-Approvals`.
    pub(crate) approvals: Option<String>,
    /// The body, byte for byte.
    pub(crate) body: String,
}

impl Answer {
    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn with(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }

    /// Checks that this is the problem `code` with its status; gives the problem.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, text(&self.body, "/code")),
            (status, code),
            "{:#}",
            self.body
        );
        self.body
    }
}

impl World {
    /// The installation of the ready file `ready`, whose keys stand in `credentials`; the approvers'
    /// signing keys lie in the folder `keys`.
    pub(crate) fn new(ready: &Value, credentials: &Value, keys: &Path) -> Self {
        let mut operators = strings(&credentials["approver_keys"]);
        operators.insert(
            "operator".to_owned(),
            text(credentials, "/operator_key").to_owned(),
        );
        let mut addresses = strings(ready);
        addresses.remove("data");
        Self {
            http: countersign_service::client::internal().unwrap(),
            addresses,
            people: People {
                operators,
                agents: strings(&credentials["agent_keys"]),
            },
            keys: keys.to_owned(),
        }
    }

    /// Where `role` is.
    pub(crate) fn url(&self, role: &str) -> &str {
        self.addresses
            .get(role)
            .unwrap_or_else(|| panic!("there is no {role} here"))
    }

    /// The key of an operator or approver.
    pub(crate) fn person(&self, name: &str) -> &str {
        &self.people.operators[name]
    }

    /// The key of an agent.
    pub(crate) fn agent(&self, name: &str) -> &str {
        &self.people.agents[name]
    }

    /// A request to `role`.
    pub(crate) fn request(&self, method: Method, role: &str, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url(role)))
    }

    /// `GET path` of `role` with `key`.
    pub(crate) async fn get(&self, role: &str, path: &str, key: &str) -> Answer {
        send(self.request(Method::GET, role, path).bearer_auth(key)).await
    }

    /// `POST path` of `role` with `key`.
    pub(crate) async fn post(&self, role: &str, path: &str, key: &str, body: &Value) -> Answer {
        send(
            self.request(Method::POST, role, path)
                .bearer_auth(key)
                .json(body),
        )
        .await
    }

    // === plans and calls

    /// Submits a plan as `agent`; gives its view.
    pub(crate) async fn submit(&self, agent: &str, steps: Value) -> Value {
        let body = json!({"goal": "a test", "steps": steps});
        self.post("authority", "/v1/plans", self.agent(agent), &body)
            .await
            .with(201)
    }

    /// Asks for the token of a step as `remediator`.
    pub(crate) async fn token(&self, plan: &str, step: &str) -> Answer {
        let path = format!("/v1/plans/{plan}/steps/{step}/token");
        self.post("authority", &path, self.agent("remediator"), &json!({}))
            .await
    }

    /// A plan of one step, and its token, for `remediator`.
    pub(crate) async fn mint(&self, tool: &str, params: Value) -> Minted {
        let steps = json!([{"id": "s1", "tool": tool, "params": params}]);
        let plan = self.submit("remediator", steps).await;
        let plan = text(&plan, "/plan_id").to_owned();
        let issued = self.token(&plan, "s1").await.with(201);
        Minted {
            plan,
            tool: tool.to_owned(),
            params,
            token: text(&issued, "/token").to_owned(),
            approvals: issued["approvals"].as_str().map(str::to_owned),
        }
    }

    /// The call that `minted` was issued for, as `remediator` makes it.
    pub(crate) fn shot(&self, minted: &Minted) -> Shot {
        Shot {
            agent: Some(self.agent("remediator").to_owned()),
            token: Some(minted.token.clone()),
            approvals: minted.approvals.clone(),
            body: json!({"tool": minted.tool, "params": minted.params}).to_string(),
        }
    }

    /// Makes the call.
    pub(crate) async fn fire(&self, shot: &Shot) -> Answer {
        send(self.aimed(shot)).await
    }

    /// The call, not sent yet.
    pub(crate) fn aimed(&self, shot: &Shot) -> RequestBuilder {
        let mut request = self
            .request(Method::POST, "enforcer", "/v1/calls")
            .header("content-type", "application/json")
            .body(shot.body.clone());
        if let Some(key) = &shot.agent {
            request = request.bearer_auth(key);
        }
        if let Some(token) = &shot.token {
            request = request.header("intent-token", token);
        }
        if let Some(approvals) = &shot.approvals {
            request = request.header("intent-approvals", approvals);
        }
        request
    }

    /// Makes the call, which must be done and answered with 200 by the upstream.
    pub(crate) async fn execute(&self, minted: &Minted) -> Value {
        let answer = self.fire(&self.shot(minted)).await.with(200);
        assert_eq!(
            (text(&answer, "/outcome"), &answer["status"]),
            ("done", &json!(200)),
            "{answer:#}"
        );
        answer
    }

    /// A plan as its agent reads it.
    pub(crate) async fn plan(&self, plan: &str) -> Value {
        self.get(
            "authority",
            &format!("/v1/plans/{plan}"),
            self.agent("remediator"),
        )
        .await
        .with(200)
    }

    // === approvals

    /// An approval as `person` reads it.
    pub(crate) async fn approval(&self, approval: &str, person: &str) -> Value {
        let path = format!("/v1/approvals/{approval}");
        self.get("authority", &path, self.person(person))
            .await
            .with(200)
    }

    /// `person` answers an approval with `decision`.
    pub(crate) async fn decide(&self, approval: &str, person: &str, decision: &Value) -> Answer {
        let path = format!("/v1/approvals/{approval}/decision");
        self.post("authority", &path, self.person(person), decision)
            .await
    }

    /// The signature of `person` over a plan hash, with the key that the demo made for them.
    pub(crate) fn signature(&self, person: &str, plan_hash: &str) -> String {
        let path = self.keys.join(format!("approver-{person}.jwk"));
        let key = SigningKey::from_jwk(&std::fs::read_to_string(path).unwrap()).unwrap();
        approval::sign(&key, &plan_hash.parse().unwrap())
    }

    // === runs

    /// `person` starts a run; gives its id.
    pub(crate) async fn start_run(&self, goal: &str, person: &str) -> String {
        let started = self
            .post(
                "planner",
                "/v1/runs",
                self.person(person),
                &json!({"goal": goal}),
            )
            .await
            .with(202);
        text(&started, "/run_id").to_owned()
    }

    /// A run as it is now.
    pub(crate) async fn run(&self, run: &str) -> Value {
        self.get(
            "planner",
            &format!("/v1/runs/{run}"),
            self.person("operator"),
        )
        .await
        .with(200)
    }

    /// Waits until a run ends.
    pub(crate) async fn end_of(&self, run: &str) -> Value {
        eventually(&format!("the end of run {run}"), RUN, async || {
            Some(self.run(run).await).filter(|view| !view["finished_at"].is_null())
        })
        .await
    }

    /// The operator starts a run, which must end in `state`.
    pub(crate) async fn run_to(&self, goal: &str, state: &str) -> Value {
        let run = self.start_run(goal, "operator").await;
        let view = self.end_of(&run).await;
        assert_eq!(text(&view, "/state"), state, "{view:#}");
        view
    }

    // === the mini cloud

    /// Injects a fault.
    pub(crate) async fn inject(&self, kind: &str, target: &str) {
        let body = json!({"kind": kind, "target": target});
        let answer = self
            .post("simulator", "/v1/faults", self.person("operator"), &body)
            .await;
        assert!(matches!(answer.status, 200 | 201), "{:#}", answer.body);
    }

    /// The whole state of the mini cloud.
    pub(crate) async fn cloud(&self) -> Value {
        self.get("simulator", "/v1/state", self.person("operator"))
            .await
            .with(200)
    }

    /// One service of the mini cloud.
    pub(crate) async fn service(&self, id: &str) -> Value {
        find(&self.cloud().await["services"], "id", id)
    }

    /// The open alerts of a resource.
    pub(crate) async fn alerts(&self, resource: &str) -> Vec<Value> {
        let cloud = self.cloud().await;
        let alerts = cloud["alerts"].as_array().unwrap().iter();
        let open = |alert: &&Value| alert["resource_id"] == resource && alert["status"] == "open";
        alerts.filter(open).cloned().collect()
    }

    /// Waits until a resource has an open alert; gives the first.
    pub(crate) async fn alarm(&self, resource: &str) -> Value {
        eventually(&format!("an alert of {resource}"), SOON, async || {
            self.alerts(resource).await.into_iter().next()
        })
        .await
    }
}

/// Sends a request; the answer must be JSON or empty.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    let body = match bytes.as_ref() {
        b"" => Value::Null,
        bytes => serde_json::from_slice(bytes)
            .unwrap_or_else(|_| panic!("{status}, not JSON: {}", String::from_utf8_lossy(bytes))),
    };
    Answer { status, body }
}

/// The text at a JSON Pointer; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The texts of a list.
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The item of a list whose member `name` is `value`.
#[track_caller]
pub(crate) fn find(list: &Value, name: &str, value: &str) -> Value {
    let found = list
        .as_array()
        .into_iter()
        .flatten()
        .find(|item| item[name] == value);
    found
        .unwrap_or_else(|| panic!("no item with {name} `{value}` in {list:#}"))
        .clone()
}

fn strings(object: &Value) -> BTreeMap<String, String> {
    let none = Map::new();
    let members = object.as_object().unwrap_or(&none).iter();
    members
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}
