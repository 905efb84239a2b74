//! The closed list of problem types.

use std::fmt;
use std::str::FromStr;

use countersign_intent::refusal::RefusalCode;
use http::StatusCode;

/// Where the descriptions live; a type's URI is this and its code.
const BASE: &str = "https://countersign.dev/problems/";

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:ident, $title:literal;)+) => {
        /// Every kind of failed answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ProblemType {
            $($(#[$doc])* $variant,)+
            /// The enforcer refused a call.
            Refused(RefusalCode),
        }

        impl ProblemType {
            /// The kinds that are not refusals.
            const OWN: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable code, `snake_case`.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Refused(code) => code.as_str(),
                }
            }

            /// The HTTP status.
            pub fn status(self) -> StatusCode {
                match self {
                    $(Self::$variant => StatusCode::$status,)+
                    Self::Refused(code) => {
                        StatusCode::from_u16(code.status()).unwrap_or(StatusCode::FORBIDDEN)
                    }
                }
            }

            /// The type in words.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)+
                    Self::Refused(code) => refusal_title(code),
                }
            }
        }
    };
}

kinds! {
    /// Unreadable: not JSON, a repeated member, a number that is not exact, too deep.
    Malformed = "malformed", BAD_REQUEST, "The request cannot be read";
    /// Readable, but not of the expected shape; `field` names the place.
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "The request does not have the expected shape";
    /// More bytes than are read.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// No credential.
    CredentialMissing = "credential_missing", UNAUTHORIZED, "A credential is required";
    /// A credential nobody has.
    CredentialInvalid = "credential_invalid", UNAUTHORIZED, "The credential is not known";
    /// A known caller who may not do this.
    Forbidden = "forbidden", FORBIDDEN, "The caller may not do this";
    /// Unknown, or hidden from this caller.
    NotFound = "not_found", NOT_FOUND, "No such thing";
    /// The path exists, with other methods.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The path does not take this method";
    /// The state does not allow it.
    Conflict = "conflict", CONFLICT, "The current state does not allow this";
    /// Policy denies the step, or another step of its plan.
    PlanDenied = "plan_denied", FORBIDDEN, "Policy denies the plan";
    /// The policy bundle changed since the plan was judged.
    PlanStale = "plan_stale", CONFLICT, "The policies changed since the plan was judged";
    /// The plan ended.
    PlanClosed = "plan_closed", CONFLICT, "The plan has ended";
    /// The decision names another plan hash than the one that waits.
    PlanHashMismatch = "plan_hash_mismatch", CONFLICT, "The plan is not the one that was shown";
    /// The approval is decided, expired or void.
    ApprovalClosed = "approval_closed", CONFLICT, "The approval is closed";
    /// The requester tries to approve.
    OwnRequest = "own_request", FORBIDDEN, "Requester and approver must differ";
    /// Policy does not let this person approve this.
    NotAnApprover = "not_an_approver", FORBIDDEN, "The caller may not approve this";
    /// The approver's own signature is required.
    SignatureMissing = "signature_missing", UNPROCESSABLE_ENTITY, "The approver's signature is required";
    /// The signature is not the approver's over this plan hash.
    SignatureInvalid = "signature_invalid", FORBIDDEN, "The approver's signature does not verify";
    /// A step that this one depends on is not done.
    StepNotReady = "step_not_ready", CONFLICT, "A step that this one depends on is not done";
    /// The step ended.
    StepClosed = "step_closed", CONFLICT, "The step has ended";
    /// A token for the step is live or its fate is not known.
    TokenOutstanding = "token_outstanding", CONFLICT, "The step's last token may still run";
    /// The parameters are outside the bounds that were judged.
    BoundsExceeded = "bounds_exceeded", UNPROCESSABLE_ENTITY, "The parameters are outside the step's bounds";
    /// A budget is used up.
    BudgetExhausted = "budget_exhausted", FORBIDDEN, "A budget is used up";
    /// A receipt that no known enforcer signed, or that does not fit the token it names.
    ReceiptRefused = "receipt_refused", UNPROCESSABLE_ENTITY, "A receipt was not accepted";
    /// Too many requests of this caller.
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS, "Too many requests";
    /// The server's fault.
    Internal = "internal", INTERNAL_SERVER_ERROR, "The server failed";
    /// A server that this one asked failed.
    UpstreamFailed = "upstream_failed", BAD_GATEWAY, "A server that this one needs failed";
    /// Not now.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The server cannot do this now";
    /// The request took too long.
    Timeout = "timeout", SERVICE_UNAVAILABLE, "The request took too long";
}

impl ProblemType {
    /// Too much to do: see [`RefusalCode::Overload`].
    pub const OVERLOAD: Self = Self::Refused(RefusalCode::Overload);
    /// The database cannot record: see [`RefusalCode::StoreUnavailable`].
    pub const STORE_UNAVAILABLE: Self = Self::Refused(RefusalCode::StoreUnavailable);
    /// It ran, unrecorded: see [`RefusalCode::OutcomeUnrecorded`].
    pub const OUTCOME_UNRECORDED: Self = Self::Refused(RefusalCode::OutcomeUnrecorded);

    /// Every type.
    pub fn all() -> impl Iterator<Item = Self> {
        let refusals = RefusalCode::ALL.iter().copied().map(Self::Refused);
        Self::OWN.iter().copied().chain(refusals)
    }

    /// The type's URI.
    pub fn uri(self) -> String {
        format!("{BASE}{}", self.code())
    }

    /// The type with the URI `uri`.
    ///
    /// # Errors
    /// When there is none.
    pub fn from_uri(uri: &str) -> Result<Self, UnknownProblem> {
        uri.strip_prefix(BASE)
            .ok_or_else(|| UnknownProblem(uri.to_owned()))?
            .parse()
    }
}

/// The title of a refusal. The long form of each is in `docs/problems.md`.
const fn refusal_title(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::TokenMissing => "No intent token came with the call",
        RefusalCode::TokenMalformed => "The intent token is malformed",
        RefusalCode::TokenHeader => "The intent token's header is not that of an intent",
        RefusalCode::TokenKey => "The intent token's key is not known",
        RefusalCode::TokenSignature => "The intent token's signature does not verify",
        RefusalCode::TokenClaims => "The intent token's claims are not those of an intent",
        RefusalCode::TokenIssuer => "The intent token is from another issuer",
        RefusalCode::TokenAudience => "The intent token is for another enforcer",
        RefusalCode::TokenTenant => "The intent token is for another tenant",
        RefusalCode::TokenEarly => "The intent token is not valid yet",
        RefusalCode::TokenExpired => "The intent token has expired",
        RefusalCode::TokenFloor => "The intent token is older than the issuance floor",
        RefusalCode::TokenEpoch => "The intent token was issued under an older policy epoch",
        RefusalCode::TokenUsed => "The intent token was used already",
        RefusalCode::AgentMismatch => "The intent token is another agent's",
        RefusalCode::AgentProof => "The agent's proof of possession is missing or wrong",
        RefusalCode::ToolMismatch => "The intent token is for another tool",
        RefusalCode::ParamsInvalid => "The parameters do not fit the tool",
        RefusalCode::ParamsMismatch => "The parameters are not those that were approved",
        RefusalCode::ToolUnknown => "No such tool",
        RefusalCode::ToolChanged => "The tool changed since the token was issued",
        RefusalCode::ToolQuarantined => "The tool is quarantined",
        RefusalCode::RenderRefused => "The call cannot be rendered safely",
        RefusalCode::RenderMismatch => "The rendered call is not the one that was approved",
        RefusalCode::ApprovalMissing => "An approval is missing or does not verify",
        RefusalCode::PreconditionFailed => "A precondition does not hold",
        RefusalCode::Ceiling => "A ceiling of the enforcer is reached",
        RefusalCode::Killed => "Stopped by the kill switch",
        RefusalCode::ControlStale => "The enforcer has not heard from the authority",
        RefusalCode::ClockBehind => "The enforcer's clock is behind",
        RefusalCode::ConsumeUnknown => "Whether the token was consumed is not known",
        RefusalCode::StoreUnavailable => "The database cannot record",
        RefusalCode::OutcomeUnrecorded => "The call ran but its outcome is not recorded",
        RefusalCode::Overload => "Too much to do",
    }
}

/// No problem type has this code or URI.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a problem type")]
pub struct UnknownProblem(String);

impl FromStr for ProblemType {
    type Err = UnknownProblem;

    fn from_str(code: &str) -> Result<Self, UnknownProblem> {
        Self::all()
            .find(|kind| kind.code() == code)
            .ok_or_else(|| UnknownProblem(code.to_owned()))
    }
}

impl fmt::Display for ProblemType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}
