//! Refusals, in front of a counting upstream in a process of its own.
//!
//! Each case first shows that the unaltered call runs. Then it changes one thing of a fresh one, expects the
//! code, and looks at the upstream: nothing came through. And the token of the fresh call is still good for
//! what it was issued for.

mod body;
mod short_form;
mod token;

use countersign_intent::digest::Digest;
use countersign_intent::key::SigningKey;
use serde_json::{Value, json};

use crate::harness::forge;
use crate::harness::installation::Installation;
use crate::harness::upstream::Upstream;
use crate::harness::world::{Minted, Shot, find, text, texts};

/// An installation in front of a counting upstream.
struct Range {
    installation: Installation,
    upstream: Upstream,
    /// The authority's own key: what a thief of it could sign.
    stolen: SigningKey,
    /// A key that nobody knows.
    unknown: SigningKey,
}

/// One alteration, and what it must lead to.
struct Case {
    name: &'static str,
    status: u16,
    code: &'static str,
    alter: Alter,
}

/// Changes one thing of a call.
type Alter = Box<dyn Fn(&Range, &mut Shot)>;

/// The case `name`: `alter` must be refused with `status` and `code`.
fn case(
    name: &'static str,
    status: u16,
    code: &'static str,
    alter: impl Fn(&Range, &mut Shot) + 'static,
) -> Case {
    Case {
        name,
        status,
        code,
        alter: Box::new(alter),
    }
}

/// A case that alters the claims and signs them again with the authority's own key.
fn claim(name: &'static str, code: &'static str, alter: impl Fn(&mut Value) + 'static) -> Case {
    let status = match code {
        "tool_changed" | "render_mismatch" | "agent_mismatch" => 403,
        _ => 401,
    };
    case(name, status, code, move |range, shot| {
        let token = shot.token.as_deref().unwrap();
        shot.token = Some(forge::altered(&range.stolen, token, &alter));
    })
}

impl Range {
    async fn open() -> Self {
        let upstream = Upstream::start().await;
        let installation = Installation::before(upstream.url()).await;
        let stolen = installation.intent_key();
        let unknown = SigningKey::from_seed(&[42; 32]).unwrap();
        Self {
            installation,
            upstream,
            stolen,
            unknown,
        }
    }

    /// Scaling payments to `replicas`.
    async fn scaling(&self, replicas: u64) -> Minted {
        let params = json!({"service_id": "payments", "replicas": replicas});
        self.installation.mint("infra.scale", params).await
    }

    /// The unaltered call runs, and exactly it reaches the upstream.
    async fn runs(&self, name: &str, minted: &Minted) {
        let before = self.upstream.count().await;
        self.installation.execute(minted).await;
        let log = self.upstream.log().await.requests;
        assert_eq!(
            log.len(),
            before + 1,
            "{name}: the unaltered call reaches the upstream once"
        );
        let sent = log.last().unwrap();
        let body = json!({"replicas": minted.params["replicas"]}).to_string();
        assert_eq!(
            sent["key"],
            forge::claims(&minted.token)["jti"],
            "{name}: {sent:#}"
        );
        assert_eq!(
            (text(sent, "/method"), text(sent, "/path")),
            ("POST", "/v1/services/payments/scale")
        );
        assert_eq!(
            sent["body_sha256"],
            Digest::of(body.as_bytes()).to_string(),
            "{name}: {sent:#}"
        );
    }

    /// Plays a case on `/v1/calls`.
    async fn refuses(&self, case: &Case) {
        self.runs(case.name, &self.scaling(4).await).await;
        let fresh = self.scaling(4).await;
        let before = self.upstream.log().await;
        let mut shot = self.installation.shot(&fresh);
        (case.alter)(self, &mut shot);
        let answer = self.installation.fire(&shot).await;
        assert_eq!(
            (answer.status, text(&answer.body, "/code")),
            (case.status, case.code),
            "{}: {:#}",
            case.name,
            answer.body
        );
        assert_eq!(
            self.upstream.log().await,
            before,
            "{}: something was forwarded",
            case.name
        );
        self.runs(case.name, &fresh).await;
    }

    /// Plays every case; each code must be among the enforcer's latest refusals afterwards.
    async fn refuses_all(&self, cases: &[Case]) {
        for case in cases {
            self.refuses(case).await;
        }
        let operator = self.installation.person("operator");
        let listed = self
            .installation
            .get("enforcer", "/v1/refusals?limit=1000", operator)
            .await
            .with(200);
        for case in cases {
            find(&listed["refusals"], "code", case.code);
        }
    }
}

#[tokio::test]
async fn a_used_token_is_refused() {
    let range = Range::open().await;
    let minted = range.scaling(4).await;
    range.runs("replay", &minted).await;
    let before = range.upstream.log().await;
    for _ in 0..3 {
        let again = range
            .installation
            .fire(&range.installation.shot(&minted))
            .await;
        again.refused(409, "token_used");
    }
    assert_eq!(
        range.upstream.log().await,
        before,
        "something was forwarded"
    );
}

#[tokio::test]
async fn what_is_frozen_is_refused_until_it_is_thawed() {
    let range = Range::open().await;
    let world = &range.installation;
    let operator = world.person("operator");
    let kid = range.stolen.kid();
    let fixed = [
        "all",
        "tenant:default",
        "agent:remediator",
        "tool:infra.scale",
    ]
    .map(str::to_owned);
    for scope in fixed
        .into_iter()
        .chain([format!("key:{kid}"), "plan:".to_owned()])
    {
        range.runs(&scope, &range.scaling(4).await).await;
        let fresh = range.scaling(4).await;
        let scope = if scope == "plan:" {
            format!("plan:{}", fresh.plan)
        } else {
            scope
        };
        let order = |action: &str| json!({"action": action, "scope": scope, "reason": "a drill"});
        let taken = world
            .post("authority", "/v1/control", operator, &order("freeze"))
            .await
            .with(200);
        assert_eq!(
            (
                texts(&taken["missing"]),
                texts(&taken["acknowledged"]).len()
            ),
            (vec![], 1),
            "{taken:#}"
        );
        let before = range.upstream.log().await;
        world.fire(&world.shot(&fresh)).await.refused(403, "killed");
        assert_eq!(
            range.upstream.log().await,
            before,
            "{scope}: something was forwarded"
        );
        world
            .post("authority", "/v1/control", operator, &order("thaw"))
            .await
            .with(200);
        range.runs(&scope, &fresh).await;
    }
    let freeze = json!({"action": "freeze", "scope": "agent:watcher"});
    world
        .post("authority", "/v1/control", operator, &freeze)
        .await
        .with(200);
    range
        .runs("another agent's freeze", &range.scaling(4).await)
        .await;
}

#[tokio::test]
async fn what_policy_denies_gets_no_token() {
    let range = Range::open().await;
    let world = &range.installation;
    range.runs("an allowed call", &range.scaling(4).await).await;
    let admin =
        json!({"user_id": "mallory", "name": "M", "email": "m@example.com", "role": "admin"});
    let before = range.upstream.log().await;
    for (agent, tool, params, policy) in [
        (
            "remediator",
            "data.wipe",
            json!({"db_id": "prod_db", "confirm": "prod_db"}),
            "data-is-sacred",
        ),
        (
            "remediator",
            "identity.create",
            admin,
            "agents-leave-identities-alone",
        ),
        (
            "watcher",
            "data.wipe",
            json!({"db_id": "prod_db", "confirm": "prod_db"}),
            "data-is-sacred",
        ),
    ] {
        let plan = world
            .submit(agent, json!([{"id": "s1", "tool": tool, "params": params}]))
            .await;
        assert_eq!(text(&plan, "/verdict"), "deny", "{plan:#}");
        let step = find(&plan["steps"], "id", "s1");
        assert!(texts(&step["policies"]).contains(&policy), "{step:#}");
        assert!(
            step["jti"].is_null() && step["approval_id"].is_null(),
            "{step:#}"
        );
        let path = format!("/v1/plans/{}/steps/s1/token", text(&plan, "/plan_id"));
        let answer = world
            .post("authority", &path, world.agent(agent), &json!({}))
            .await;
        let problem = answer.refused(403, "plan_denied");
        assert!(texts(&problem["policies"]).contains(&policy), "{problem:#}");
        assert!(problem["token"].is_null(), "{problem:#}");
    }
    assert_eq!(
        range.upstream.log().await,
        before,
        "something was forwarded"
    );
}

/// A thief of the signing key still cannot touch data: the enforcer asks for two people's signatures itself.
#[tokio::test]
async fn a_stolen_signing_key_neither_wipes_nor_destroys() {
    let range = Range::open().await;
    let wipe = json!({"db_id": "prod_db", "confirm": "prod_db"});
    stolen(&range, "01J0000000000000000000WXPE", "data.wipe", wipe).await;
    let shutdown = json!({"service_id": "payments"});
    stolen(
        &range,
        "01J000000000000000000STQPX",
        "infra.shutdown",
        shutdown,
    )
    .await;
}

/// Forges a token for a call that needs people, without any approval.
async fn stolen(range: &Range, jti: &str, tool: &str, params: Value) {
    let world = &range.installation;
    range.runs("an allowed call", &range.scaling(4).await).await;
    let plan = world
        .submit(
            "remediator",
            json!([{"id": "s1", "tool": tool, "params": params}]),
        )
        .await;
    let step = find(&plan["steps"], "id", "s1");
    let tools = world
        .get("authority", "/v1/tools", world.agent("remediator"))
        .await
        .with(200);
    let definition = find(&tools["tools"], "name", tool);
    let fresh = range.scaling(4).await;
    let token = forge::altered(&range.stolen, &fresh.token, |claims| {
        claims["jti"] = jti.into();
        claims["plan"] = plan["plan_id"].clone();
        claims["plan_sha256"] = plan["plan_hash"].clone();
        let call = &mut claims["authorization_details"][0];
        call["tool"] = tool.into();
        call["params_sha256"] = step["params_sha256"].clone();
        call["request_sha256"] = step["request_sha256"].clone();
        call["definition_sha256"] = definition["definition_sha256"].clone();
    });
    let body = json!({"tool": tool, "params": params}).to_string();
    let shot = Shot {
        token: Some(token),
        body,
        ..world.shot(&fresh)
    };
    let before = range.upstream.log().await;
    world.fire(&shot).await.refused(403, "approval_missing");
    assert_eq!(
        range.upstream.log().await,
        before,
        "something was forwarded"
    );
    range.runs("afterwards", &fresh).await;
}

/// The enforcer's credential goes to the upstream and nowhere else; nothing of the agent's request does.
#[tokio::test]
async fn the_upstream_gets_the_enforcers_credential_and_nothing_of_the_agents() {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("cloud.key");
    write_private(&key, "cs_up_0000000000000000000000000000000000000000000\n");
    let cloud = format!("cloud={}", upstream.url());
    let credential = format!("cloud={}", key.display());
    let arguments = ["--upstream", &cloud, "--upstream-credential", &credential];
    let world = Installation::start(&arguments, &crate::harness::policies()).await;
    let params = json!({"service_id": "payments", "replicas": 4});
    let minted = world.mint("infra.scale", params).await;
    let request = world
        .aimed(&world.shot(&minted))
        .header("x-forwarded-host", "evil.example")
        .header("cookie", "a=b");
    crate::harness::world::send(request).await.with(200);
    let sent = upstream.log().await.requests.pop().unwrap();
    let expected = Digest::of(b"Bearer cs_up_0000000000000000000000000000000000000000000");
    assert_eq!(
        sent["authorization_sha256"],
        expected.to_string(),
        "{sent:#}"
    );
    for foreign in [
        "intent-token",
        "intent-approvals",
        "cookie",
        "x-forwarded-host",
    ] {
        assert!(!texts(&sent["headers"]).contains(&foreign), "{sent:#}");
    }
}

fn write_private(path: &std::path::Path, text: &str) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
