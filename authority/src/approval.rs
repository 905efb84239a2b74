//! Approvals: one step of one plan hash, put before people.

use std::collections::{BTreeMap, BTreeSet};

use countersign_intent::approval::{ApprovalSet, Given};
use countersign_intent::digest::Digest;
use countersign_intent::id::{AgentId, ApprovalId, IntentId, OperatorId, PlanId, StepId};
use countersign_service::problem::Reason;
use jiff::Timestamp;
use serde_json::Value;

use crate::quorum::{self, Rule, Yes};
use crate::state::{Answer, ApprovalState};

/// A request for people's yes to one step.
#[derive(Clone, Debug)]
pub(crate) struct Approval {
    pub(crate) id: ApprovalId,
    pub(crate) plan: PlanId,
    pub(crate) step: StepId,
    pub(crate) plan_hash: Digest,
    /// As stored; whether it is over by time is [`Approval::state_at`]'s to say.
    pub(crate) state: ApprovalState,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) policies: Vec<String>,
    pub(crate) rule: Vec<Rule>,
    /// The counted change that the step makes, as policy saw it: context, not hashed.
    pub(crate) change: Option<Value>,
    pub(crate) signature: Signature,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// The token that this approval led to.
    pub(crate) used: Option<IntentId>,
    pub(crate) given: Vec<GivenAnswer>,
}

/// Whether each yes must be signed with the approver's own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    /// For `destructive` and `data`: the enforcer checks it too.
    Required,
    /// A signature may be sent, and is checked if it is.
    Optional,
}

/// One person's answer.
#[derive(Clone, Debug)]
pub(crate) struct GivenAnswer {
    pub(crate) by: OperatorId,
    /// The roles of the rule that the person held.
    pub(crate) roles: BTreeSet<String>,
    pub(crate) answer: Answer,
    pub(crate) reason: String,
    pub(crate) signature: Option<String>,
    pub(crate) at: Timestamp,
}

impl Approval {
    /// The state as of `now`: an open approval past its time is expired, also an approved one that led
    /// to no token.
    pub(crate) fn state_at(&self, now: Timestamp) -> ApprovalState {
        let open = matches!(self.state, ApprovalState::Pending | ApprovalState::Approved);
        if open && self.used.is_none() && now >= self.expires_at {
            ApprovalState::Expired
        } else {
            self.state
        }
    }

    /// Who said yes, with the roles that count.
    pub(crate) fn yes(&self) -> Yes {
        self.given
            .iter()
            .filter(|given| given.answer == Answer::Approve)
            .map(|given| (given.by.clone(), given.roles.clone()))
            .collect()
    }

    /// Whether enough people said yes.
    pub(crate) fn has_quorum(&self) -> bool {
        quorum::is_met(&self.rule, &self.yes())
    }

    /// The roles of `held` that the rule asks for: in these a person may answer.
    pub(crate) fn wanted_roles<'a>(
        &self,
        held: impl IntoIterator<Item = &'a String>,
    ) -> BTreeSet<String> {
        let wanted = quorum::roles(&self.rule);
        held.into_iter()
            .filter(|role| wanted.contains(role.as_str()))
            .cloned()
            .collect()
    }

    /// Whether every rule in `rules` is one that people were asked about here.
    pub(crate) fn covers(&self, rules: &[Rule]) -> bool {
        rules.iter().all(|rule| self.rule.contains(rule))
    }

    /// What the agent carries to the enforcer: each person once per role in which they count.
    /// `plan` is what they signed, for the enforcer that checks their signatures.
    pub(crate) fn to_set(&self, plan: Option<String>) -> ApprovalSet {
        let signatures: BTreeMap<_, _> = self
            .given
            .iter()
            .map(|given| (&given.by, &given.signature))
            .collect();
        let approvals = quorum::parts(&self.rule, &self.yes())
            .into_iter()
            .flat_map(|(person, roles)| roles.into_iter().map(move |role| (person.clone(), role)))
            .map(|(approver, role)| {
                let signature = signatures
                    .get(&approver)
                    .and_then(|signature| (*signature).clone());
                Given {
                    approver,
                    role,
                    signature,
                }
            })
            .collect();
        ApprovalSet {
            plan_sha256: self.plan_hash,
            step: self.step.clone(),
            approvals,
            plan,
        }
    }
}

/// Who asked for a plan: neither the agent's own name nor the person behind it may approve it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requester<'a> {
    pub(crate) agent: &'a AgentId,
    pub(crate) person: Option<&'a OperatorId>,
}

impl Requester<'_> {
    /// Whether `operator` is the one who asked.
    pub(crate) fn is(&self, operator: &OperatorId) -> bool {
        self.person == Some(operator) || self.agent.as_str() == operator.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::Need;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn approval() -> Approval {
        Approval {
            id: ApprovalId::mint(at(0), [1; 10]),
            plan: PlanId::mint(at(0), [1; 10]),
            step: "s1".parse().unwrap(),
            plan_hash: Digest::of(b"plan"),
            state: ApprovalState::Pending,
            reasons: Vec::new(),
            policies: vec!["p".to_owned()],
            rule: vec![Rule {
                policy: "p".to_owned(),
                needs: vec![Need {
                    role: "approver".to_owned(),
                    count: 1,
                }],
            }],
            change: None,
            signature: Signature::Optional,
            created_at: at(0),
            expires_at: at(900),
            used: None,
            given: Vec::new(),
        }
    }

    fn given(by: &str, answer: Answer) -> GivenAnswer {
        GivenAnswer {
            by: by.parse().unwrap(),
            roles: BTreeSet::from(["approver".to_owned()]),
            answer,
            reason: String::new(),
            signature: Some("s".to_owned()),
            at: at(1),
        }
    }

    #[test]
    fn an_open_approval_expires_and_a_used_one_stays() {
        let mut approval = approval();
        assert_eq!(approval.state_at(at(899)), ApprovalState::Pending);
        assert_eq!(approval.state_at(at(900)), ApprovalState::Expired);
        approval.state = ApprovalState::Approved;
        assert_eq!(approval.state_at(at(900)), ApprovalState::Expired);
        approval.used = Some(IntentId::mint(at(1), [1; 10]));
        assert_eq!(approval.state_at(at(900)), ApprovalState::Approved);
    }

    #[test]
    fn the_set_names_those_who_said_yes() {
        let mut approval = approval();
        approval.given = vec![given("bob", Answer::Deny), given("alice", Answer::Approve)];
        assert!(approval.has_quorum());
        let set = approval.to_set(None);
        assert_eq!(set.approvals.len(), 1);
        assert_eq!(set.approvals[0].approver.as_str(), "alice");
        assert_eq!(set.approvals[0].role, "approver");
    }

    #[test]
    fn neither_the_agent_nor_its_person_is_another() {
        let (agent, person) = ("remediator".parse().unwrap(), "carol".parse().unwrap());
        let requester = Requester {
            agent: &agent,
            person: Some(&person),
        };
        assert!(requester.is(&person));
        assert!(requester.is(&"remediator".parse().unwrap()));
        assert!(!requester.is(&"alice".parse().unwrap()));
    }
}
