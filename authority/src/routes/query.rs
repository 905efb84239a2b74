//! What lists may be asked for.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::state::ApprovalState;

/// How many of the newest.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// 1 to 500, by default 50.
    limit: Option<u32>,
}

impl ListQuery {
    /// The limit within its range.
    pub(crate) fn limit(self) -> u32 {
        self.limit.unwrap_or(50).clamp(1, 500)
    }
}

/// Which approvals.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalQuery {
    /// Only those that stand here now.
    state: Option<ApprovalState>,
    /// Of the newest 1 to 500, by default 100.
    limit: Option<u32>,
}

impl ApprovalQuery {
    /// The limit within its range.
    pub(crate) fn limit(self) -> u32 {
        self.limit.unwrap_or(100).clamp(1, 500)
    }

    /// Whether approvals that stand at `state` are asked for.
    pub(crate) fn wants(self, state: ApprovalState) -> bool {
        self.state.is_none_or(|wanted| wanted == state)
    }
}
