//! The states of plans, steps and approvals, each with one spelling for the store and the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::StoreError;

macro_rules! states {
    ($(#[$doc:meta])* $name:ident, $kind:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The one spelling.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            pub(crate) fn parse(text: &str) -> Result<Self, StoreError> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err(StoreError::corrupt($kind, format!("`{other}` is no state"))),
                }
            }
        }
    };
}

states! {
    /// Where a plan stands.
    PlanState, "plan" {
        /// Steps may still get tokens.
        Open = "open",
        /// Every step is done.
        Done = "done",
        /// A step failed; no further token is issued.
        Failed = "failed",
        /// Policy or a person said no.
        Denied = "denied",
        /// Withdrawn by its agent or an operator.
        Cancelled = "cancelled",
    }
}

states! {
    /// Where a step stands.
    StepState, "step" {
        /// No token yet.
        Pending = "pending",
        /// A token is out.
        Issued = "issued",
        /// The call was answered with success.
        Done = "done",
        /// The call was answered with an error.
        Failed = "failed",
        /// The call did not leave the enforcer; another token may be asked for.
        NotSent = "not_sent",
        /// Whether the call ran is not known; an operator resolves it at the enforcer.
        InDoubt = "in_doubt",
        /// Policy or a person said no.
        Denied = "denied",
        /// Its plan was denied or withdrawn.
        Cancelled = "cancelled",
    }
}

states! {
    /// Where an approval stands.
    ApprovalState, "approval" {
        /// Waits for people.
        Pending = "pending",
        /// Enough people said yes.
        Approved = "approved",
        /// One person said no.
        Denied = "denied",
        /// Nobody may answer any more: its time is over.
        Expired = "expired",
        /// Its plan ended or its policy bundle changed.
        Void = "void",
    }
}

states! {
    /// What a person answers.
    Answer, "approval decision" {
        /// Yes.
        Approve = "approve",
        /// No: closes the step and its plan.
        Deny = "deny",
    }
}
