//! Approvals as the agent carries them to the enforcer (DESIGN §5, header `Intent-Approvals`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bounds;
use crate::canonical;
use crate::digest::Digest;
use crate::id::{OperatorId, StepId};
use crate::json;
use crate::key::{SigningKey, VerifyingKey};
use crate::token::MatchedCall;

/// One person's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Who.
    pub approver: OperatorId,
    /// The role in which they approved.
    pub role: String,
    /// Their Ed25519 signature over the 32 bytes of the plan hash, base64url without padding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// The approvals of one step: bound into its token by [`ApprovalSet::digest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalSet {
    /// The plan that people saw.
    pub plan_sha256: Digest,
    /// The step.
    pub step: StepId,
    /// Who said yes.
    pub approvals: Vec<Given>,
    /// The canonical bytes that `plan_sha256` hashes, as text: what people signed. Present where the
    /// enforcer checks signatures, so that a signature counts only for the call that it was given for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// The header does not hold an approval set.
#[derive(Debug, thiserror::Error)]
#[error("`Intent-Approvals` is not base64url of an approval set")]
pub struct ApprovalsError;

impl ApprovalSet {
    /// Whether the plan that people signed holds exactly `call`: its agent, tool and definition,
    /// its precondition, and its parameters and request, or bounds that the parameters keep.
    pub fn covers(&self, call: &MatchedCall) -> bool {
        self.signed_step(call)
            .is_some_and(|step| step_is(&step, call))
    }

    /// The step of `call` in the plan that was signed.
    fn signed_step(&self, call: &MatchedCall) -> Option<Value> {
        let (plan, intent) = (self.plan.as_ref()?, call.intent());
        if Digest::of(plan.as_bytes()) != self.plan_sha256 {
            return None;
        }
        let plan = json::read(plan.as_bytes()).ok()?;
        let named = [
            ("plan_id", intent.plan.as_str()),
            ("agent", intent.sub.as_str()),
            ("tenant", intent.tenant.as_str()),
        ];
        if !named.iter().all(|(member, text)| is(&plan, member, text)) {
            return None;
        }
        let steps = plan.get("steps")?.as_array()?;
        steps
            .iter()
            .find(|step| is(step, "id", self.step.as_str()))
            .cloned()
    }

    fn canonical(&self) -> Vec<u8> {
        canonical::to_vec(&serde_json::to_value(self).unwrap_or(Value::Null))
    }

    /// SHA-256 of the canonical bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.canonical())
    }

    /// Compact JSON in base64url, as the header carries it.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.canonical())
    }

    /// Reads what [`ApprovalSet::encode`] wrote.
    ///
    /// # Errors
    /// [`ApprovalsError`] for anything else.
    pub fn decode(text: &str) -> Result<Self, ApprovalsError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text.trim())
            .map_err(|_cause| ApprovalsError)?;
        json::read_as(&bytes).map_err(|_cause| ApprovalsError)
    }
}

/// Whether the member of `value` is this text.
fn is(value: &Value, member: &str, text: &str) -> bool {
    value.get(member).and_then(Value::as_str) == Some(text)
}

/// Whether the signed `step` is `call`.
fn step_is(step: &Value, call: &MatchedCall) -> bool {
    let approved = call.intent().call();
    let same_tool = is(step, "tool", approved.tool.as_str())
        && is(
            step,
            "definition_sha256",
            &approved.definition_sha256.to_string(),
        );
    let empty = serde_json::Map::new();
    let member = |name: &str| step.get(name).and_then(Value::as_object).unwrap_or(&empty);
    let bounds = member("bounds").clone().into_iter().collect();
    let params = call.params().members();
    let exact = member("bounds").is_empty()
        && is(step, "params_sha256", &approved.params_sha256.to_string())
        && is(step, "request_sha256", &approved.request_sha256.to_string());
    let kept = !member("bounds").is_empty()
        && bounds::settle(member("params"), &bounds, params)
            .is_ok_and(|settled| settled == *params);
    let seen = step.get("precondition").map(Digest::of_json);
    same_tool && (exact || kept) && seen == call.intent().precondition
}

/// Signs the plan hash as an approver does: base64url over its 32 bytes.
pub fn sign(key: &SigningKey, plan_sha256: &Digest) -> String {
    URL_SAFE_NO_PAD.encode(key.sign(plan_sha256.as_bytes()))
}

/// Whether `signature` (base64url) is `key`'s over the 32 bytes of the plan hash.
pub fn verify(key: &VerifyingKey, plan_sha256: &Digest, signature: &str) -> bool {
    URL_SAFE_NO_PAD
        .decode(signature)
        .is_ok_and(|signature| key.verify(plan_sha256.as_bytes(), &signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_its_header_and_a_signature_binds_the_plan() {
        let key = SigningKey::from_seed(&[3; 32]).unwrap();
        let plan = Digest::of(b"plan");
        let set = ApprovalSet {
            plan_sha256: plan,
            step: "s1".parse().unwrap(),
            approvals: vec![Given {
                approver: "alice".parse().unwrap(),
                role: "approver".to_owned(),
                signature: Some(sign(&key, &plan)),
            }],
            plan: None,
        };
        let again = ApprovalSet::decode(&set.encode()).unwrap();
        assert_eq!(again.digest(), set.digest());
        let signature = again.approvals[0].signature.clone().unwrap();
        assert!(verify(key.verifying_key(), &plan, &signature));
        assert!(!verify(
            key.verifying_key(),
            &Digest::of(b"other"),
            &signature
        ));
    }
}
