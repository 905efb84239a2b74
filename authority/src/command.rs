//! Operators' commands over the kill switch, and the document that tells enforcers of it.

use countersign_ledger::Kind;
use countersign_service::problem::{Problem, ProblemType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::AnyConnection;
use utoipa::ToSchema;

use crate::authority::Authority;
use crate::control::{ControlView, Entry, Scope};
use crate::enforcers::Acknowledged;
use crate::store::{self, StoreError};

/// The longest reason, in bytes.
const MAX_REASON: usize = 4_096;

/// What an operator commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ControlAction)]
pub(crate) enum Action {
    /// Stop the scope.
    Freeze,
    /// Let it run again.
    Thaw,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::Thaw => "thaw",
        }
    }
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CommandError {
    /// The reason is too long.
    #[error("a reason has at most {MAX_REASON} bytes")]
    Reason,
    /// The store failed.
    #[error("the command cannot be recorded")]
    Store(#[from] StoreError),
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Reason => Self::new(ProblemType::Invalid, error.to_string()),
            CommandError::Store(error) => error.into(),
        }
    }
}

/// A command, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) action: Action,
    pub(crate) scope: Scope,
    pub(crate) by: String,
    pub(crate) reason: Option<String>,
}

/// Records the command and tells every enforcer. Answers the generation and who took it.
pub(crate) async fn carry_out(
    authority: &Authority,
    command: Command,
) -> Result<(u64, Acknowledged), CommandError> {
    if command
        .reason
        .as_ref()
        .is_some_and(|reason| reason.len() > MAX_REASON)
    {
        return Err(CommandError::Reason);
    }
    let now = authority.now();
    let Command {
        action,
        scope,
        by,
        reason,
    } = command;
    let mut tx = authority.write().await?;
    let body = json!({
        "action": action.as_str(), "scope": scope.to_string(), "by": by, "reason": reason,
    });
    match action {
        Action::Freeze => {
            let entry = Entry {
                scope: scope.clone(),
                by,
                reason,
                at: now,
            };
            store::control::freeze(&mut tx, &entry).await?;
        }
        Action::Thaw => {
            store::control::thaw(&mut tx, &scope).await?;
        }
    }
    authority.record(&mut tx, Kind::Control, now, body).await?;
    let control = document(authority, &mut tx, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::warn!(target: "audit", action = action.as_str(), scope = %scope,
        generation = control.generation, "the kill switch was moved");
    authority.hub.publish("control", "control", &control);
    let acknowledged = authority.enforcers.push(&control).await;
    Ok((control.generation, acknowledged))
}

/// The control document as of `now`.
pub(crate) async fn document(
    authority: &Authority,
    connection: &mut AnyConnection,
    now: Timestamp,
) -> Result<ControlView, StoreError> {
    let head = store::control::head(connection).await?;
    Ok(ControlView {
        generation: head.generation,
        policy_epoch: head.policy_epoch,
        entries: store::control::entries(connection).await?,
        keys: authority.keys.to_jwks(),
        at: now,
    })
}
