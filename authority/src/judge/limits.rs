//! How large a plan may be, whatever policy says of its steps (SECURITY-DESIGN §6, budgets).

use countersign_intent::tool::Effect;

use super::{Judgement, reason};
use crate::policy::{PlanFacts, Verdict};

/// The most that one plan may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanLimits {
    /// Steps in all.
    pub steps: i64,
    /// Steps that change something.
    pub mutating: i64,
    /// Steps of effect `destructive` or `data`.
    pub destructive: i64,
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self {
            steps: 20,
            mutating: 5,
            destructive: 1,
        }
    }
}

impl PlanLimits {
    /// Denies a step of `effect` that its plan has too many of.
    pub(super) fn apply(self, facts: PlanFacts, effect: Effect, judgement: &mut Judgement) {
        let mut over = Vec::new();
        let mut check = |what: &str, found: i64, limit: i64| {
            if found > limit {
                let message = format!("the plan has {found} {what}, at most {limit} are allowed");
                over.push(reason("plan_limit", message));
            }
        };
        check("steps", facts.steps, self.steps);
        match effect {
            Effect::Read => {}
            Effect::Service => check("steps that change something", facts.mutating, self.mutating),
            Effect::Destructive | Effect::Data => {
                check("steps that change something", facts.mutating, self.mutating);
                check("destructive steps", facts.destructive, self.destructive);
            }
        }
        if !over.is_empty() {
            judgement.verdict = Verdict::Deny;
            judgement.reasons.extend(over);
            judgement.rules.clear();
        }
    }
}
