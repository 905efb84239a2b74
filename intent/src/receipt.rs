//! Receipts: what the enforcer did with one token, signed with its own key.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::{AgentId, AttemptId, IntentId, KeyId, PlanId, StepId, TenantId, ToolName};
use crate::jws::{self, OpenError};
use crate::key::{SigningKey, VerifyingKeys};

/// The `typ` of a receipt.
pub const TYP: &str = "receipt+jwt";

/// How an attempt ended (SECURITY-DESIGN §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A complete answer came; its status says what the upstream thought of the call.
    Done,
    /// Nothing was written to the upstream.
    NotSent,
    /// Something was written and no complete answer came: whether it ran is not known.
    InDoubt,
    /// An operator or a late answer settled that the call in doubt ran.
    ResolvedExecuted,
    /// An operator settled that the call in doubt did not run.
    ResolvedNotExecuted,
}

/// How a precondition was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Looked {
    /// By a read right before the token was spent: something may have changed between the two.
    Probe,
}

/// The claims of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The enforcer.
    pub iss: String,
    /// Signed at, in seconds since 1970.
    pub iat: i64,
    /// The agent.
    pub sub: AgentId,
    /// The spent token's id.
    pub jti: IntentId,
    /// The attempt.
    pub attempt: AttemptId,
    /// The tenant.
    pub tenant: TenantId,
    /// The plan.
    pub plan: PlanId,
    /// The step.
    pub step: StepId,
    /// The tool.
    pub tool: ToolName,
    /// SHA-256 of the canonical parameters.
    pub params_sha256: Digest,
    /// SHA-256 of the rendered call that was sent.
    pub request_sha256: Digest,
    /// SHA-256 of the tool definition.
    pub definition_sha256: Digest,
    /// SHA-256 of the token's text.
    pub token_sha256: Digest,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// The upstream's HTTP status, when a complete answer came, be it late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// SHA-256 of the answer's body as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_sha256: Option<Digest>,
    /// Length of the answer's body, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_length: Option<u64>,
    /// How often the call was sent, where its definition allowed more than once and it took that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sends: Option<u32>,
    /// When the token was consumed.
    pub consumed_at: Timestamp,
    /// When the attempt ended.
    pub ended_at: Timestamp,
    /// How the token's precondition was looked at, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precondition: Option<Looked>,
    /// Leaf hash of the outcome's record in the enforcer's ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<Digest>,
}

impl Receipt {
    /// Whether the step that this receipt is for is done with success: a complete 2xx answer, in time or
    /// late, or a person's word.
    pub fn succeeded(&self) -> bool {
        let is_success = |status| (200..300).contains(&status);
        match self.outcome {
            Outcome::Done => self.status.is_some_and(is_success),
            Outcome::ResolvedExecuted => self.status.is_none_or(is_success),
            Outcome::NotSent | Outcome::InDoubt | Outcome::ResolvedNotExecuted => false,
        }
    }
}

/// Why a receipt was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The envelope does not open.
    #[error("the receipt's envelope was refused")]
    Envelope(#[from] OpenError),
    /// The claims are not those of a receipt.
    #[error("the receipt's claims are not those of a receipt: {0}")]
    Claims(String),
}

/// Signs `receipt` into a compact JWS.
pub fn sign(key: &SigningKey, receipt: &Receipt) -> String {
    jws::seal(key, TYP, receipt)
}

/// A receipt whose signature was checked, with the key that made it.
#[derive(Clone, Debug)]
#[must_use]
pub struct VerifiedReceipt {
    receipt: Receipt,
    kid: KeyId,
}

impl VerifiedReceipt {
    /// The checked claims.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The key that signed them.
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }
}

/// Checks the compact JWS `text` against the enforcers' `keys`.
///
/// # Errors
/// Each [`ReceiptError`].
pub fn verify(text: &str, keys: &VerifyingKeys) -> Result<VerifiedReceipt, ReceiptError> {
    let opened = jws::open(text, TYP, keys)?;
    let receipt = Receipt::deserialize(opened.claims)
        .map_err(|error| ReceiptError::Claims(error.to_string()))?;
    Ok(VerifiedReceipt {
        receipt,
        kid: opened.kid,
    })
}
