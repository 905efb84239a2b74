//! The gate: every check that a call must pass before its token is spent, in one fixed order.
//!
//! Nothing here writes: a call that fails any check leaves the journal as it was (I11), so the token
//! stays good for the call that it was issued for.

mod possession;
mod remembered;

use std::sync::Arc;

use countersign_intent::catalogue::Catalogue;
use countersign_intent::digest::Digest;
use countersign_intent::id::ToolName;
use countersign_intent::precondition::Probe;
use countersign_intent::proof;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::{Intent, MatchedCall, UnverifiedToken, Use, Verified, Verifier};
use countersign_intent::tool::Tool;
use countersign_service::clock::Clock;
use countersign_service::credential::bearer_key;
use countersign_service::directory::{Agent, Directory, SharedDirectory};
use countersign_service::problem::{Problem, ProblemType};
use http::HeaderMap;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use self::remembered::{Lease, World};
use crate::approvals;
use crate::approved::Approved;
use crate::books::Books;
use crate::control::Control;
use crate::header;
use crate::journal::Journal;
use crate::refusals::Subject;

pub(crate) use self::possession::{Proofs, Unused};
pub(crate) use self::remembered::Remembered;

/// The longest id of a resource, in bytes, as it is written in quotes.
const MAX_RESOURCE_ID: usize = 512;

/// A call as a door received it.
pub(crate) struct Knock<'a> {
    /// The intent token, where one came.
    pub(crate) token: Option<&'a str>,
    /// The request's head: method and path for the agent's proof, headers for its key and the approvals.
    pub(crate) head: &'a Parts,
    /// Tool and parameters, or why they cannot be read. Looked at only once the token is genuine.
    pub(crate) asked: Result<Asked, Problem>,
}

/// What the caller wants done.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) tool: String,
    pub(crate) params: Map<String, Value>,
}

/// A call that passed every check but the precondition, the ceilings and those of the journal.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) approved: Arc<Approved>,
    pub(crate) usage: Use,
    /// The control generation under which it was admitted.
    pub(crate) generation: u64,
    /// The agent's proof, where this call uses one up.
    pub(crate) proof: Option<Unused>,
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
    pub(crate) remembered: Remembered,
    pub(crate) proofs: Proofs,
}

/// A token that was verified, now or when its lease was let through before.
struct Known<'a> {
    text: &'a str,
    digest: Digest,
    verified: Verified<Intent>,
    /// The call that the lease was let through for.
    before: Option<Arc<Approved>>,
    /// The time by which it was verified.
    now: Timestamp,
}

/// The call matched to its token.
enum Matched {
    /// As it was matched before, for the same agent, definition and parameters.
    Again(Arc<Approved>),
    /// Just now.
    New(Box<MatchedCall>),
}

impl Matched {
    fn call(&self) -> &MatchedCall {
        match self {
            Self::Again(approved) => &approved.call,
            Self::New(call) => call,
        }
    }
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
        let world = World {
            control: self.control.snapshot()?,
            catalogue: self.books.snapshot(),
            directory: self.directory.snapshot(),
        };
        let known = self.verify(token, &world)?;
        let intent = known.verified.share();
        subject.jti = Some(intent.jti.clone());
        subject.agent = Some(intent.sub.clone());
        let asked = knock.asked?;
        let tool = find_tool(&world.catalogue, &asked.tool)?;
        subject.tool = Some(tool.name.clone());
        let agent = agent(knock.head, &world.directory)?;
        if agent.id != intent.sub {
            subject.agent = Some(agent.id.clone());
        }
        known.verified.check_agent(&agent.id)?;
        let proof = self.proof(&known, agent, knock.head)?;
        let matched = known.matched(agent, tool, asked.params)?;
        let header = approvals_header(&knock.head.headers)?;
        let (effect, call) = (tool.effect, matched.call());
        approvals::check(call, effect, agent.autonomy, header, &world.directory)?;
        world.control.check(&intent, call.kid())?;
        self.control.check_lease(effect, self.clock.monotonic())?;
        let usage = intent.call().use_;
        let approved = match matched {
            Matched::Again(approved) => approved,
            Matched::New(call) => {
                let verified = known.verified.clone();
                let now = known.now.as_second();
                let approved = Arc::new(known.approve(*call, tool, &world.catalogue)?);
                if usage == Use::Lease {
                    let lease = Lease {
                        verified,
                        approved: Arc::clone(&approved),
                    };
                    self.remembered.keep(&world, lease, now);
                }
                approved
            }
        };
        Ok(Admitted {
            approved,
            usage,
            generation: world.control.generation(),
            proof,
        })
    }

    /// Verifies the token; of a lease that was let through before, only what time may have changed.
    fn verify<'a>(&self, token: UnverifiedToken<'a>, world: &World) -> Result<Known<'a>, Refusal> {
        let journal = self.journal.shared();
        let floor = journal.floor(world.control.policy_epoch());
        // A clock that went back makes no old token fresh, reads under a lease included.
        let now = journal.now()?;
        let (text, digest) = (token.as_str(), token.digest());
        let (verified, before) = if let Some(lease) = self.remembered.find(&digest, world) {
            lease.verified.check_time(now, floor)?;
            (lease.verified, Some(lease.approved))
        } else {
            let keys = world.control.keys();
            (self.verifier.verify(token, keys, now, floor)?, None)
        };
        Ok(Known {
            text,
            digest,
            verified,
            before,
            now,
        })
    }

    /// The agent's proof that it has its key, to be used up by a lease's call. A token that is spent
    /// serves one request anyway.
    fn proof(
        &self,
        known: &Known<'_>,
        agent: &Agent,
        head: &Parts,
    ) -> Result<Option<Unused>, Refusal> {
        let request = proof::Request {
            method: head.method.as_str(),
            path: head.uri.path(),
            token: known.text,
        };
        let intent = known.verified.get();
        let proof = possession::check(intent, agent, &head.headers, request, known.now)?;
        match (proof, intent.call().use_) {
            (Some(proof), Use::Lease) => self.proofs.take(&known.digest, &proof).map(Some),
            (Some(_), Use::Once) | (None, _) => Ok(None),
        }
    }
}

impl Known<'_> {
    /// Matches what `agent` asks to the token. A lease's call that was matched before is the same one
    /// where definition and canonical parameters are: rendering depends on nothing else.
    fn matched(
        &self,
        agent: &Agent,
        tool: &Tool,
        params: Map<String, Value>,
    ) -> Result<Matched, Refusal> {
        if let Some(approved) = &self.before {
            let bound = self.verified.get().call();
            let same = bound.tool == tool.name
                && bound.definition_sha256 == tool.definition_sha256()
                && bound.params_sha256 == Digest::of_object(&params);
            if same {
                return Ok(Matched::Again(Arc::clone(approved)));
            }
        }
        let call = self.verified.clone().match_call(&agent.id, tool, params)?;
        Ok(Matched::New(Box::new(call)))
    }

    /// The matched call with everything that is established once.
    fn approve(
        self,
        call: MatchedCall,
        tool: &Tool,
        catalogue: &Catalogue,
    ) -> Result<Approved, Refusal> {
        Ok(Approved {
            token: Zeroizing::new(self.text.to_owned()),
            token_sha256: self.digest,
            effect: tool.effect,
            resource: resource(tool, call.params().members())?,
            timeout: tool.timeout,
            resend: tool.resend.clone(),
            probe: probe(tool, &call, catalogue)?,
            call,
        })
    }
}

/// The agent that shows its key. A missing or unknown key is 401 and says nothing of the token.
fn agent<'a>(head: &Parts, directory: &'a Directory) -> Result<&'a Agent, Problem> {
    let key = bearer_key(&head.headers)?;
    directory
        .by_agent_key(key)
        .map(Arc::as_ref)
        .ok_or_else(|| Problem::new(ProblemType::CredentialInvalid, "no agent has this key"))
}

fn find_tool<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Tool, Refusal> {
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
    header::single(headers, "Intent-Approvals")
        .map_err(|why| Refusal::new(RefusalCode::ApprovalMissing, why))
}

/// How to see whether the token's precondition holds. Token and tool have one, or neither has: an
/// unread constraint would widen the token.
fn probe(tool: &Tool, call: &MatchedCall, catalogue: &Catalogue) -> Result<Option<Probe>, Refusal> {
    let refuse = |message: String| Err(Refusal::new(RefusalCode::PreconditionFailed, message));
    match (&tool.definition().precondition, call.intent().precondition) {
        (None, None) => Ok(None),
        (Some(precondition), Some(_)) => match precondition.probe(catalogue, call.params()) {
            Ok(probe) => Ok(Some(probe)),
            Err(error) => refuse(format!("the precondition cannot be looked at: {error}")),
        },
        (Some(_), None) => refuse(format!(
            "`{}` has a precondition, and the token names none",
            tool.name
        )),
        (None, Some(_)) => refuse(format!(
            "the token names a precondition, and `{}` has none",
            tool.name
        )),
    }
}

/// The resource of a call, such as `Service::"payments"`. The journal finds and records calls by it, so
/// its id is of a length that every database can index.
fn resource(tool: &Tool, params: &Map<String, Value>) -> Result<String, Refusal> {
    let resource = &tool.definition().resource;
    let id = resource.id_in(params).unwrap_or_default();
    let quoted = Value::String(id).to_string();
    if quoted.len() > MAX_RESOURCE_ID.saturating_add(2) {
        let message = format!("the resource's id is longer than {MAX_RESOURCE_ID} bytes");
        return Err(Refusal::new(RefusalCode::ParamsInvalid, message));
    }
    Ok(format!("{}::{quoted}", resource.type_))
}
