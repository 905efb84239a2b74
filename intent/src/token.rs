//! The intent token: what one step was approved for, signed (DESIGN §6).
//!
//! `UnverifiedToken` → [`Verified<Intent>`] → [`MatchedCall`]: each can only be made by the check that
//! its name promises. None of them has a public constructor, not even for tests:
//!
//! ```compile_fail
//! use countersign_intent::token::{Intent, Verified};
//! fn forge(intent: Intent) -> Verified<Intent> { Verified { value: intent.into(), kid: todo!() } }
//! ```

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::id::{AgentId, IntentId, KeyId, PlanId, StepId, TenantId, ToolName};
use crate::jws::{self, OpenError};
#[cfg(feature = "issue")]
use crate::key::SigningKey;
use crate::key::VerifyingKeys;
use crate::refusal::{Refusal, RefusalCode};
use crate::render::{RenderedCall, render};
use crate::tool::{Effect, Params, Tool};

/// The `typ` of an intent token.
pub const TYP: &str = "intent+jwt";
/// The longest life of a token, in seconds.
pub const MAX_LIFE: i64 = 300;
/// How far ahead of the verifier's clock `iat` and `nbf` may lie, in seconds. `exp` has no leeway.
pub const SKEW: i64 = 5;

/// How often a token may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// At most once.
    Once,
    /// Any number of times in its life; `read` tools only.
    Lease,
}

/// The one object of `authorization_details` (RFC 9396 §2): which call, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// Always `tool_call`.
    #[serde(rename = "type")]
    pub type_: String,
    /// The tool.
    pub tool: ToolName,
    /// SHA-256 of the canonical parameters.
    pub params_sha256: Digest,
    /// SHA-256 of the canonical tool definition.
    pub definition_sha256: Digest,
    /// SHA-256 of the rendered call.
    pub request_sha256: Digest,
    /// How often it may run.
    #[serde(rename = "use")]
    pub use_: Use,
}

/// Proof-of-possession key (RFC 7800 §3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Thumbprint of the agent's key (RFC 7638).
    pub jkt: String,
}

/// The claims of an intent token. Inapplicable claims are absent; unknown ones refuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// Issuer (RFC 7519 §4.1.1).
    pub iss: String,
    /// The agent that may use the token.
    pub sub: AgentId,
    /// The enforcer, or group of enforcers, that may accept it.
    pub aud: String,
    /// Issued at, in seconds since 1970.
    pub iat: i64,
    /// Not valid before, in seconds since 1970.
    pub nbf: i64,
    /// Not valid at or after, in seconds since 1970.
    pub exp: i64,
    /// The token's id.
    pub jti: IntentId,
    /// Exactly one call.
    pub authorization_details: [ToolCall; 1],
    /// The tenant.
    pub tenant: TenantId,
    /// The plan.
    pub plan: PlanId,
    /// The plan's hash: what people saw and approved.
    pub plan_sha256: Digest,
    /// The step of the plan.
    pub step: StepId,
    /// The policy bundle's hash.
    pub policy: Digest,
    /// The policy epoch.
    pub policy_epoch: u64,
    /// Hash of the approvals that the agent must send along.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub approvals: Option<Digest>,
    /// Hash of a precondition's value.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub precondition: Option<Digest>,
    /// The agent's key, when it registered one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub cnf: Option<Confirmation>,
}

impl Intent {
    /// The call that the token authorizes.
    pub fn call(&self) -> &ToolCall {
        let [call] = &self.authorization_details;
        call
    }
}

/// A claim that is there has a value: `null` refuses, absence does not get here.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Signs `intent` into a compact JWS.
#[cfg(feature = "issue")]
pub fn sign(key: &SigningKey, intent: &Intent) -> String {
    jws::seal(key, TYP, intent)
}

/// A token as it came in. Its `Debug` shows nothing of it.
#[derive(Clone, Copy)]
pub struct UnverifiedToken<'a>(&'a str);

impl<'a> UnverifiedToken<'a> {
    /// Takes the text of a header or body field; blanks around it do not count.
    ///
    /// # Errors
    /// `token_missing` when nothing is left.
    pub fn new(text: &'a str) -> Result<Self, Refusal> {
        let text = text.trim();
        if text.is_empty() {
            let message =
                "no intent token came with the call: send it in the `Intent-Token` header";
            return Err(Refusal::new(RefusalCode::TokenMissing, message));
        }
        Ok(Self(text))
    }

    /// SHA-256 of the token's text, by which it can be named without being shown.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }

    /// The token's text.
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UnverifiedToken(..)")
    }
}

/// A value whose signature, type, audience and lifetime were checked (RFC 8725 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verified<T> {
    value: Arc<T>,
    kid: KeyId,
}

impl<T> Verified<T> {
    /// The checked value.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The checked value, to be shared.
    pub fn share(&self) -> Arc<T> {
        Arc::clone(&self.value)
    }

    /// The key that signed it.
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }
}

/// The lowest acceptable issue time and policy epoch (SECURITY-DESIGN §6).
#[derive(Clone, Copy, Debug, Default)]
pub struct Floor {
    /// Tokens issued before this second refuse.
    pub issued_at: i64,
    /// Tokens of a lower policy epoch refuse.
    pub policy_epoch: u64,
}

/// Who may have issued a token, for whom, in which tenant. Nothing else configures verification.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// The only accepted `iss`.
    pub issuer: String,
    /// The only accepted `aud`.
    pub audience: String,
    /// The only accepted tenant.
    pub tenant: TenantId,
}

impl Verifier {
    /// Checks `token` against the trusted `keys` as of `now`, in the order of SECURITY-DESIGN §2.
    ///
    /// # Errors
    /// The first failing check's refusal, from `token_malformed` to `token_epoch`.
    pub fn verify(
        &self,
        token: UnverifiedToken<'_>,
        keys: &VerifyingKeys,
        now: Timestamp,
        floor: Floor,
    ) -> Result<Verified<Intent>, Refusal> {
        let opened = jws::open(token.0, TYP, keys).map_err(|error| envelope_refusal(&error))?;
        let (kid, intent) = (opened.kid, claims(opened.claims)?);
        self.addressees(&intent)?;
        lifetime(&intent, now.as_second())?;
        floors(&intent, floor)?;
        Ok(Verified {
            value: Arc::new(intent),
            kid,
        })
    }

    fn addressees(&self, intent: &Intent) -> Result<(), Refusal> {
        let refuse = |code, what: &str, found: &str, wanted: &str| {
            let message =
                format!("the token's {what} is `{found}`, this enforcer takes `{wanted}` alone");
            Err(Refusal::new(code, message))
        };
        if intent.iss != self.issuer {
            return refuse(
                RefusalCode::TokenIssuer,
                "issuer",
                &intent.iss,
                &self.issuer,
            );
        }
        if intent.aud != self.audience {
            return refuse(
                RefusalCode::TokenAudience,
                "audience",
                &intent.aud,
                &self.audience,
            );
        }
        if intent.tenant != self.tenant {
            let (found, wanted) = (intent.tenant.as_str(), self.tenant.as_str());
            return refuse(RefusalCode::TokenTenant, "tenant", found, wanted);
        }
        Ok(())
    }
}

fn envelope_refusal(error: &OpenError) -> Refusal {
    let code = match error {
        OpenError::Malformed => RefusalCode::TokenMalformed,
        OpenError::Header(_) => RefusalCode::TokenHeader,
        OpenError::Key(_) => RefusalCode::TokenKey,
        OpenError::Signature(_) => RefusalCode::TokenSignature,
        OpenError::Claims(_) => RefusalCode::TokenClaims,
    };
    Refusal::new(code, error.to_string())
}

fn claims(claims: Value) -> Result<Intent, Refusal> {
    let refuse = |why: String| Refusal::new(RefusalCode::TokenClaims, why);
    if !is_spelled_out(&claims) {
        return Err(refuse(
            "the token's claims are not those of an intent".to_owned(),
        ));
    }
    let intent = Intent::deserialize(claims).map_err(|error| {
        refuse(format!(
            "the token's claims are not those of an intent: {error}"
        ))
    })?;
    if intent.call().type_ != "tool_call" {
        return Err(refuse("the token authorizes no `tool_call`".to_owned()));
    }
    let times = [intent.iat, intent.nbf, intent.exp];
    let plausible = times
        .iter()
        .all(|time| (0..=crate::json::MAX_INTEGER).contains(time));
    let life = intent.exp.saturating_sub(intent.iat);
    if !plausible || intent.nbf < intent.iat || !(1..=MAX_LIFE).contains(&life) {
        let why = format!("the token's times are not `iat` ≤ `nbf` and 1 to {MAX_LIFE} s of life");
        return Err(refuse(why));
    }
    Ok(intent)
}

/// Whether objects are objects and names are names: `serde` would also take a list of an object's values,
/// and an object in place of a name that stands for itself.
fn is_spelled_out(claims: &Value) -> bool {
    let mut details = claims
        .get("authorization_details")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let detail =
        |detail: &Value| detail.is_object() && detail.get("use").is_some_and(Value::is_string);
    details.all(detail) && claims.get("cnf").is_none_or(Value::is_object)
}

fn lifetime(intent: &Intent, now: i64) -> Result<(), Refusal> {
    if intent.nbf > now.saturating_add(SKEW) {
        let ahead = intent.nbf.saturating_sub(now);
        let message = format!("the token is valid only in {ahead} s: check the clocks");
        return Err(Refusal::new(RefusalCode::TokenEarly, message));
    }
    if now >= intent.exp {
        let ago = now.saturating_sub(intent.exp);
        let message = format!("the token expired {ago} s ago: ask the authority for a new one");
        return Err(Refusal::new(RefusalCode::TokenExpired, message));
    }
    Ok(())
}

fn floors(intent: &Intent, floor: Floor) -> Result<(), Refusal> {
    if intent.iat < floor.issued_at {
        let message = "the token was issued before this enforcer's issuance floor";
        return Err(Refusal::new(RefusalCode::TokenFloor, message));
    }
    if intent.policy_epoch < floor.policy_epoch {
        let message = format!(
            "the token was issued under policy epoch {}, the epoch is {}",
            intent.policy_epoch, floor.policy_epoch
        );
        return Err(Refusal::new(RefusalCode::TokenEpoch, message));
    }
    Ok(())
}

/// A call that is exactly the approved one: agent, tool, parameters, definition and rendered request.
#[derive(Clone, Debug)]
#[must_use]
pub struct MatchedCall {
    intent: Arc<Intent>,
    kid: KeyId,
    params: Params,
    request: RenderedCall,
}

impl MatchedCall {
    /// What was approved.
    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    /// What was approved, to be shared.
    pub fn share_intent(&self) -> Arc<Intent> {
        Arc::clone(&self.intent)
    }

    /// The key that signed the token.
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// The parameters, checked against the tool's schema.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// What will be sent, and nothing else.
    pub fn request(&self) -> &RenderedCall {
        &self.request
    }
}

impl Verified<Intent> {
    /// Checks again, as of `now`, what time may have changed since the token was verified: its life,
    /// the floor, the epoch. Keys are not looked at: whoever keeps a verified token drops it when they
    /// change.
    ///
    /// # Errors
    /// `token_early`, `token_expired`, `token_floor`, `token_epoch`.
    pub fn check_time(&self, now: Timestamp, floor: Floor) -> Result<(), Refusal> {
        lifetime(&self.value, now.as_second())?;
        floors(&self.value, floor)
    }

    /// Checks that `agent` may use the token.
    ///
    /// # Errors
    /// `agent_mismatch`.
    pub fn check_agent(&self, agent: &AgentId) -> Result<(), Refusal> {
        if self.value.sub == *agent {
            return Ok(());
        }
        let message = format!("the token was issued to another agent than `{agent}`");
        Err(Refusal::new(RefusalCode::AgentMismatch, message))
    }

    /// Matches the call of `agent` to the token: agent, tool, parameters, definition, rendered request.
    ///
    /// # Errors
    /// `agent_mismatch`, `tool_mismatch`, `params_invalid`, `params_mismatch`, `tool_changed`,
    /// `token_claims` (a lease for a tool that changes things), `render_refused`, `render_mismatch`.
    pub fn match_call(
        self,
        agent: &AgentId,
        tool: &Tool,
        params: Map<String, Value>,
    ) -> Result<MatchedCall, Refusal> {
        self.check_agent(agent)?;
        let approved = self.value.call();
        if approved.tool != tool.name {
            let message = format!(
                "the token is for `{}`, not for `{}`",
                approved.tool, tool.name
            );
            return Err(Refusal::new(RefusalCode::ToolMismatch, message));
        }
        let params = tool
            .params(params)
            .map_err(|error| Refusal::new(RefusalCode::ParamsInvalid, error.to_string()))?;
        if params.digest() != approved.params_sha256 {
            let message = "the parameters are not the ones that were approved";
            return Err(Refusal::new(RefusalCode::ParamsMismatch, message));
        }
        if tool.definition_sha256() != approved.definition_sha256 {
            let message = format!(
                "the definition of `{}` changed since the token was issued",
                tool.name
            );
            return Err(Refusal::new(RefusalCode::ToolChanged, message));
        }
        if approved.use_ == Use::Lease && tool.effect != Effect::Read {
            let message = "a lease exists for `read` tools only";
            return Err(Refusal::new(RefusalCode::TokenClaims, message));
        }
        let request = render(tool, &params)
            .map_err(|error| Refusal::new(RefusalCode::RenderRefused, error.to_string()))?;
        if request.digest() != approved.request_sha256 {
            let message = "the rendered call is not the one that was approved";
            return Err(Refusal::new(RefusalCode::RenderMismatch, message));
        }
        Ok(MatchedCall {
            intent: self.value,
            kid: self.kid,
            params,
            request,
        })
    }
}

/// The key id that a token names, unverified: for messages and logs.
pub fn peek_kid(text: &str) -> Option<KeyId> {
    use base64::Engine as _;
    let header = text.split('.').next()?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(header)
        .ok()?;
    let header = crate::json::read(&bytes).ok()?;
    header.get("kid")?.as_str()?.parse().ok()
}
