//! The stable refusal codes, with the HTTP status each one answers (DESIGN §5).

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:literal;)+) => {
        /// Why a call was refused. Codes are stable: they stand in answers, records and tests.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum RefusalCode {
            $($(#[$doc])* $variant,)+
        }

        impl RefusalCode {
            /// Every code, in the order of the checks.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code's text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The HTTP status that answers it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }
        }
    };
}

codes! {
    /// No token came with the call.
    TokenMissing = "token_missing", 401;
    /// Not a compact JWS of at most 4,096 bytes.
    TokenMalformed = "token_malformed", 401;
    /// The header is not exactly `alg`, `kid` and `typ` of an intent.
    TokenHeader = "token_header", 401;
    /// The key is not in the key set, or was revoked.
    TokenKey = "token_key", 401;
    /// The signature does not verify.
    TokenSignature = "token_signature", 401;
    /// A claim is missing, unknown, repeated or of the wrong type.
    TokenClaims = "token_claims", 401;
    /// Another issuer.
    TokenIssuer = "token_issuer", 401;
    /// For another enforcer.
    TokenAudience = "token_audience", 401;
    /// For another tenant.
    TokenTenant = "token_tenant", 401;
    /// Not valid yet.
    TokenEarly = "token_early", 401;
    /// No longer valid.
    TokenExpired = "token_expired", 401;
    /// Issued before the issuance floor.
    TokenFloor = "token_floor", 401;
    /// Issued under an older policy epoch.
    TokenEpoch = "token_epoch", 401;
    /// The token ran already.
    TokenUsed = "token_used", 409;
    /// The caller is not the agent of the token.
    AgentMismatch = "agent_mismatch", 403;
    /// The agent's proof of possession is missing or wrong.
    AgentProof = "agent_proof", 401;
    /// The token is for another tool.
    ToolMismatch = "tool_mismatch", 403;
    /// The parameters do not fit the tool's schema.
    ParamsInvalid = "params_invalid", 422;
    /// The parameters are not those that were approved.
    ParamsMismatch = "params_mismatch", 403;
    /// No such tool in the catalogue.
    ToolUnknown = "tool_unknown", 403;
    /// The tool's definition changed since the token was issued.
    ToolChanged = "tool_changed", 403;
    /// The tool is quarantined until an operator pins it again.
    ToolQuarantined = "tool_quarantined", 403;
    /// The call cannot be rendered safely.
    RenderRefused = "render_refused", 422;
    /// The rendered call is not the one that was approved.
    RenderMismatch = "render_mismatch", 403;
    /// An approval that the token names is missing or does not verify.
    ApprovalMissing = "approval_missing", 403;
    /// A precondition does not hold.
    PreconditionFailed = "precondition_failed", 403;
    /// A ceiling of the enforcer is reached.
    Ceiling = "ceiling", 403;
    /// Stopped by the kill switch.
    Killed = "killed", 403;
    /// No recent word from the authority.
    ControlStale = "control_stale", 503;
    /// The clock is behind the journal's high-water time.
    ClockBehind = "clock_behind", 503;
    /// Whether the token was consumed is not known; the call was not sent.
    ConsumeUnknown = "consume_unknown", 503;
    /// The journal cannot record.
    StoreUnavailable = "store_unavailable", 503;
    /// The call ran but its outcome could not be recorded.
    OutcomeUnrecorded = "outcome_unrecorded", 502;
    /// Too much to do; nothing was consumed.
    Overload = "overload", 503;
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A refused call: the stable code and what a person should read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The stable code.
    pub code: RefusalCode,
    /// What was refused and why, in one sentence without a full stop. Holds no token and no secret.
    pub message: String,
}

/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 1_000;

/// `message`, or as much of its beginning as may be kept and shown.
pub fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message.push('…');
    }
    message
}

impl Refusal {
    /// A refusal with `code` for the reason in `message`, of which at most [`MAX_MESSAGE`] bytes are
    /// kept: it may quote what a stranger sent.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        let message = shortened(message.into());
        Self { code, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_cut_between_characters() {
        let refusal = Refusal::new(RefusalCode::ParamsInvalid, "é".repeat(200_000));
        assert!(refusal.message.len() <= MAX_MESSAGE + "…".len());
        assert!(refusal.message.ends_with("é…"));
    }
}
