//! One request: its meaning, a plan, a token, the call.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_intent::digest::Digest;
use countersign_intent::refusal::RefusalCode;
use countersign_service::client::Peer;
use countersign_service::extract::read_body;
use countersign_service::problem::{Problem, ProblemType, Reason};
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::desk::{Desk, Meaning, Pass};
use super::guard;
use super::refusal::{Refused, Wording, sentence};
use super::relay::{self, Asked, Enforcer};
use crate::client::segment;
use crate::output::{cell, note, shown};

/// Time between two looks at an approval.
const LOOK: Duration = Duration::from_secs(1);
/// Characters of a plan's goal that repeat the request.
const GOAL: usize = 200;

/// What forwarding takes.
#[derive(Debug)]
pub(super) struct Forward {
    pub(super) enforcer: Enforcer,
    pub(super) authority: Peer,
    pub(super) desk: Desk,
    pub(super) wait: Duration,
    pub(super) wording: Wording,
}

/// Forwards a request.
pub(super) async fn forward(State(forward): State<Arc<Forward>>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri().path());
    match forward.pass(request).await {
        Ok(answer) => answer,
        Err(refused) => {
            note(&shown(&format!("{line}: {}", sentence(&refused.0))));
            refused.answer(forward.wording)
        }
    }
}

impl Forward {
    async fn pass(&self, request: Request) -> Result<Response, Refused> {
        let (head, body) = request.into_parts();
        guard::check(&head.headers)?;
        let asked = Asked {
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            content_type: head.headers.get(CONTENT_TYPE).cloned(),
            body: read_body(&head.headers, body).await?,
            method: head.method,
        };
        let id = asked.digest();
        if let Some(lease) = self.desk.lease(&id) {
            let answer = self.enforcer.send(&asked, Some(&lease)).await?;
            // Revoked, or the control moved: a new one may do.
            if !relay::token_refused(&answer) {
                return self.answer(answer).await;
            }
            self.desk.forget(&id);
        }
        let pass = self.obtain(&asked, id).await?;
        let answer = self.enforcer.send(&asked, Some(&pass)).await?;
        if relay::is_refusal(&answer) {
            // What was learned may no longer be so.
            self.desk.forget(&id);
        }
        self.answer(answer).await
    }

    async fn answer(&self, answer: reqwest::Response) -> Result<Response, Refused> {
        if relay::is_refusal(&answer) && self.wording == Wording::Kubernetes {
            return Err(Refused(Box::new(relay::problem(answer).await?)));
        }
        Ok(relay::passed(answer))
    }

    /// A token for the request: of the plan that waits for it, or of a new one.
    async fn obtain(&self, asked: &Asked, id: Digest) -> Result<Pass, Refused> {
        let outcome = self.planned(asked, id).await;
        match &outcome {
            Ok(Some(pass)) => self.desk.issued(&id, pass),
            // The plan stays: the same request goes on waiting for the same approval.
            Ok(None) => {}
            Err(_) => self.desk.forget(&id),
        }
        match outcome? {
            Some(pass) => Ok(pass),
            None => Err(self.unapproved(&id)),
        }
    }

    /// As [`Forward::obtain`]; none when nobody approved the plan in time.
    async fn planned(&self, asked: &Asked, id: Digest) -> Result<Option<Pass>, Refused> {
        let (meaning, waiting) = match self.desk.known(&id) {
            Some(known) => known,
            None => (self.enforcer.meaning(asked).await?, None),
        };
        let plan = if let Some(plan) = waiting {
            plan
        } else {
            let plan = self.submit(asked, &meaning).await?;
            self.desk.planned(id, meaning, plan.clone());
            plan
        };
        self.token(asked, &plan).await
    }

    fn unapproved(&self, id: &Digest) -> Refused {
        let plan = self.desk.known(id).and_then(|(_, plan)| plan);
        let plan = plan.unwrap_or_default();
        let detail = format!(
            "a person must approve plan `{plan}` first, and nobody did within {} s: send the request again afterwards",
            self.wait.as_secs()
        );
        let kind = ProblemType::Refused(RefusalCode::ApprovalMissing);
        Problem::new(kind, detail).field("plan_id", plan).into()
    }

    /// Submits a plan of the one step; gives its id.
    async fn submit(&self, asked: &Asked, meaning: &Meaning) -> Result<String, Refused> {
        let query = asked.query.as_deref().map(|query| format!("?{query}"));
        let goal = format!(
            "{} {}{}",
            asked.method,
            asked.path,
            query.unwrap_or_default()
        );
        let goal: String = goal.chars().take(GOAL).collect();
        let step = json!({"id": "s1", "tool": meaning.tool, "params": meaning.params});
        let body = json!({"goal": goal, "steps": [step]});
        let view: Value = self.authority.post("/v1/plans", &body).await?.body;
        if cell(&view, "/verdict") == "deny" {
            return Err(denied(meaning, &view));
        }
        Ok(cell(&view, "/plan_id"))
    }

    /// Takes the step's token, once people have approved it where they must; none when they did not in
    /// time.
    async fn token(&self, asked: &Asked, plan: &str) -> Result<Option<Pass>, Refused> {
        let path = format!("/v1/plans/{}/steps/s1/token", segment(plan));
        let mut waited = Duration::ZERO;
        loop {
            let answer = self
                .authority
                .post::<Value, Value>(&path, &json!({}))
                .await?;
            if answer.status.as_u16() != 202 {
                return Ok(Some(pass(&answer.body)));
            }
            if waited.is_zero() {
                let approval = cell(&answer.body, "/approval_id");
                note(&shown(&format!(
                    "{} {} waits for a person: countersign approvals approve {approval}",
                    asked.method, asked.path
                )));
            }
            if waited >= self.wait {
                return Ok(None);
            }
            tokio::time::sleep(LOOK).await;
            waited = waited.saturating_add(LOOK);
        }
    }
}

/// The denial of a plan of one step.
fn denied(meaning: &Meaning, view: &Value) -> Refused {
    let step = view.pointer("/steps/0").cloned().unwrap_or_default();
    let list = |name: &str| step.get(name).cloned().unwrap_or_default();
    let reasons = Vec::<Reason>::deserialize(list("reasons")).unwrap_or_default();
    let policies = Vec::<String>::deserialize(list("policies")).unwrap_or_default();
    let detail = format!("policy denies `{}`", meaning.tool);
    Problem::new(ProblemType::PlanDenied, detail)
        .reasons(reasons)
        .policies(policies)
        .field("plan_id", cell(view, "/plan_id"))
        .into()
}

fn pass(issued: &Value) -> Pass {
    let token = cell(issued, "/token");
    let expires_at: Option<Timestamp> = cell(issued, "/expires_at").parse().ok();
    Pass {
        approvals: issued
            .get("approvals")
            .and_then(Value::as_str)
            .map(str::to_owned),
        lease: expires_at.filter(|_| is_lease(&token)),
        token,
    }
}

/// Whether the token says that it may be used more than once. The enforcer decides; this only saves
/// asking for another one.
fn is_lease(token: &str) -> bool {
    let claims = token
        .split('.')
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value = claims
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    cell(&claims, "/authorization_details/0/use") == "lease"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_says_so_is_a_lease() {
        let token = |use_: &str| {
            let claims = json!({"authorization_details": [{"use": use_}]}).to_string();
            format!("h.{}.s", URL_SAFE_NO_PAD.encode(claims))
        };
        assert!(is_lease(&token("lease")));
        for other in [
            token("once"),
            "x".to_owned(),
            String::new(),
            "a.b.c".to_owned(),
        ] {
            assert!(!is_lease(&other), "{other}");
        }
        let issued = json!({"token": token("once"), "expires_at": "2026-01-01T00:00:00Z"});
        assert_eq!(pass(&issued).lease, None);
        let issued = json!({"token": token("lease"), "expires_at": "2026-01-01T00:00:00Z"});
        assert!(pass(&issued).lease.is_some());
    }
}
