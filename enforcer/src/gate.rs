//! The gate: every check that a call must pass before its token is spent, in one fixed order.
//!
//! Nothing here writes: a call that fails any check leaves the journal as it was (I11), so the token
//! stays good for the call that it was issued for.

use std::sync::Arc;

use countersign_intent::catalogue::Catalogue;
use countersign_intent::id::ToolName;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::{
    Intent, MatchedCall, UnverifiedToken, Use, Verified, Verifier, peek_kid,
};
use countersign_intent::tool::{Effect, Tool};
use countersign_service::clock::Clock;
use countersign_service::credential::bearer_key;
use countersign_service::directory::{Agent, SharedDirectory};
use countersign_service::problem::{Problem, ProblemType};
use http::HeaderMap;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::approvals;
use crate::books::Books;
use crate::control::{Control, Snapshot};
use crate::journal::Journal;
use crate::refusals::Subject;

/// A call as a door received it.
pub(crate) struct Knock<'a> {
    /// The intent token, where one came.
    pub(crate) token: Option<&'a str>,
    /// The request's headers: the agent's key and the approvals.
    pub(crate) headers: &'a HeaderMap,
    /// Tool and parameters, or why they cannot be read. Looked at only once the token is genuine.
    pub(crate) asked: Result<Asked, Problem>,
}

/// What the caller wants done.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) tool: String,
    pub(crate) params: Map<String, Value>,
}

/// A call that passed every check but those of the journal.
pub(crate) struct Admitted {
    pub(crate) call: MatchedCall,
    pub(crate) token: Zeroizing<String>,
    pub(crate) kid: String,
    pub(crate) effect: Effect,
    pub(crate) usage: Use,
    /// The resource as policy names it.
    pub(crate) resource: String,
    pub(crate) timeout: std::time::Duration,
    /// The control generation under which it was admitted.
    pub(crate) generation: u64,
}

/// What the checks need.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) books: Books,
    pub(crate) directory: SharedDirectory,
    pub(crate) control: Control,
    pub(crate) journal: Journal,
    pub(crate) clock: Clock,
}

impl Gate {
    /// Checks a call in the order of SECURITY-DESIGN §2. `subject` learns who it is about as soon as
    /// that is certain.
    ///
    /// # Errors
    /// The first failing check's problem.
    pub(crate) fn admit(
        &self,
        knock: Knock<'_>,
        subject: &mut Subject,
    ) -> Result<Admitted, Problem> {
        let token = UnverifiedToken::new(knock.token.unwrap_or_default())?;
        let control = self.control.snapshot()?;
        let verified = self.verify(token, &control)?;
        subject.jti = Some(verified.get().jti.clone());
        subject.agent = Some(verified.get().sub.clone());
        let asked = knock.asked?;
        let catalogue = self.books.snapshot();
        let tool = known(&catalogue, &asked.tool)?;
        subject.tool = Some(tool.name.clone());
        let agent = self.agent(knock.headers)?;
        subject.agent = Some(agent.id.clone());
        let call = verified.match_call(&agent.id, tool, asked.params)?;
        let intent = call.intent();
        let header = approvals_header(knock.headers)?;
        let directory = self.directory.snapshot();
        approvals::check(&call, tool.effect, agent.autonomy, header, &directory)?;
        unsupported(intent)?;
        let kid = peek_kid(token.as_str())
            .map(|kid| kid.to_string())
            .unwrap_or_default();
        control.check(intent, &kid)?;
        self.control
            .check_lease(tool.effect, self.clock.monotonic())?;
        Ok(Admitted {
            token: Zeroizing::new(token.as_str().to_owned()),
            kid,
            effect: tool.effect,
            usage: intent.call().use_,
            resource: resource(tool, call.params().members()),
            timeout: tool.timeout,
            generation: control.generation(),
            call,
        })
    }

    fn verify(
        &self,
        token: UnverifiedToken<'_>,
        control: &Snapshot,
    ) -> Result<Verified<Intent>, Refusal> {
        let journal = self.journal.shared();
        let floor = journal.floor(control.policy_epoch());
        // A clock that went back makes no old token fresh, reads under a lease included.
        self.verifier
            .verify(token, control.keys(), journal.now()?, floor)
    }

    /// The agent that shows its key. A missing or unknown key is 401 and says nothing of the token.
    fn agent(&self, headers: &HeaderMap) -> Result<Arc<Agent>, Problem> {
        let key = bearer_key(headers)?;
        let directory = self.directory.snapshot();
        directory
            .by_agent_key(key)
            .cloned()
            .ok_or_else(|| Problem::new(ProblemType::CredentialInvalid, "no agent has this key"))
    }
}

fn known<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Tool, Refusal> {
    let found = name
        .parse::<ToolName>()
        .ok()
        .and_then(|name| catalogue.get(&name));
    found.ok_or_else(|| {
        let name: String = name.chars().take(128).collect();
        Refusal::new(
            RefusalCode::ToolUnknown,
            format!("there is no tool `{name}`"),
        )
    })
}

fn approvals_header(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let refuse = |message| Err(Refusal::new(RefusalCode::ApprovalMissing, message));
    let mut values = headers.get_all("intent-approvals").iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => refuse("`Intent-Approvals` is not readable"),
        },
        (Some(_), Some(_)) => refuse("`Intent-Approvals` was sent more than once"),
    }
}

/// A constraint that this enforcer cannot check refuses the call: an unread constraint would widen it.
fn unsupported(intent: &Intent) -> Result<(), Refusal> {
    if intent.cnf.is_some() {
        let message =
            "the token is bound to a key of the agent, whose proof this enforcer does not take";
        return Err(Refusal::new(RefusalCode::AgentProof, message));
    }
    if intent.precondition.is_some() {
        let message = "the token names a precondition, which this enforcer cannot check";
        return Err(Refusal::new(RefusalCode::PreconditionFailed, message));
    }
    Ok(())
}

/// The resource of a call, such as `Service::"payments"`.
fn resource(tool: &Tool, params: &Map<String, Value>) -> String {
    let resource = &tool.definition().resource;
    let id = resource.id_in(params).unwrap_or_default();
    format!("{}::{}", resource.type_, Value::String(id))
}
