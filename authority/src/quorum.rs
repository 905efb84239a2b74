//! When enough people have said yes.
//!
//! A rule comes from one satisfied `@require_approval("role:n, …")`. Within one rule each person
//! counts for one role only, so `sre:1, security:1` always takes two people; the rules of different
//! policies may be met by the same people.

use std::collections::{BTreeMap, BTreeSet};

use countersign_intent::id::OperatorId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// So many different people in one role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = ApprovalNeed)]
pub struct Need {
    /// The role.
    pub role: String,
    /// How many different people.
    pub count: u32,
}

/// What one policy asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = ApprovalRule)]
pub struct Rule {
    /// The policy's id.
    pub policy: String,
    /// Every need must be met.
    pub needs: Vec<Need>,
}

/// The people who said yes, each with the roles they hold.
pub(crate) type Yes = BTreeMap<OperatorId, BTreeSet<String>>;

/// The roles that any of `rules` asks for.
pub(crate) fn roles(rules: &[Rule]) -> BTreeSet<&str> {
    rules
        .iter()
        .flat_map(|rule| &rule.needs)
        .map(|need| need.role.as_str())
        .collect()
}

/// Whether the people in `yes` meet every rule. No rule at all is never met: an approval that asks
/// for nobody was not meant to be one.
pub(crate) fn is_met(rules: &[Rule], yes: &Yes) -> bool {
    !rules.is_empty() && rules.iter().all(|rule| assign(rule, yes).is_some())
}

/// The role in which each person counts, where the rules are met.
pub(crate) fn parts(rules: &[Rule], yes: &Yes) -> BTreeMap<OperatorId, BTreeSet<String>> {
    let mut parts = BTreeMap::<OperatorId, BTreeSet<String>>::new();
    for (person, role) in rules.iter().filter_map(|rule| assign(rule, yes)).flatten() {
        parts.entry(person).or_default().insert(role);
    }
    parts
}

/// Gives each seat of `rule` its own person, or nothing when that is not possible.
fn assign(rule: &Rule, yes: &Yes) -> Option<BTreeMap<OperatorId, String>> {
    let seats: Vec<&str> = rule
        .needs
        .iter()
        .flat_map(|need| (0..need.count).map(|_| need.role.as_str()))
        .collect();
    if seats.is_empty() {
        return None;
    }
    let mut seated = BTreeMap::new();
    for seat in 0..seats.len() {
        if !seat_one(seat, &seats, yes, &mut seated, &mut BTreeSet::new()) {
            return None;
        }
    }
    seated
        .into_iter()
        .map(|(person, seat)| Some((person, (*seats.get(seat)?).to_owned())))
        .collect()
}

/// One augmenting path of Kuhn's bipartite matching: finds a person for `seat`, moving those who sit
/// elsewhere when they can take another seat.
fn seat_one(
    seat: usize,
    seats: &[&str],
    yes: &Yes,
    seated: &mut BTreeMap<OperatorId, usize>,
    asked: &mut BTreeSet<OperatorId>,
) -> bool {
    let Some(role) = seats.get(seat) else {
        return false;
    };
    for (person, roles) in yes {
        if !roles.contains(*role) || !asked.insert(person.clone()) {
            continue;
        }
        let free = match seated.get(person).copied() {
            None => true,
            Some(other) => seat_one(other, seats, yes, seated, asked),
        };
        if free {
            seated.insert(person.clone(), seat);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(needs: &[(&str, u32)]) -> Rule {
        let needs = needs.iter().map(|(role, count)| Need {
            role: (*role).to_owned(),
            count: *count,
        });
        Rule {
            policy: "p".to_owned(),
            needs: needs.collect(),
        }
    }

    fn people(people: &[(&str, &[&str])]) -> Yes {
        people
            .iter()
            .map(|(name, roles)| {
                (
                    name.parse().unwrap(),
                    roles.iter().map(|role| (*role).to_owned()).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn two_of_a_role_are_two_people() {
        let rules = [rule(&[("approver", 2)])];
        assert!(!is_met(&rules, &people(&[("alice", &["approver", "sre"])])));
        assert!(is_met(
            &rules,
            &people(&[("alice", &["approver"]), ("bob", &["approver"])])
        ));
    }

    #[test]
    fn one_person_fills_one_seat_of_a_rule() {
        let rules = [rule(&[("sre", 1), ("security", 1)])];
        assert!(!is_met(&rules, &people(&[("alice", &["sre", "security"])])));
        let both = people(&[("alice", &["sre", "security"]), ("bob", &["sre"])]);
        assert!(is_met(&rules, &both));
        assert!(parts(&rules, &both)[&"bob".parse::<OperatorId>().unwrap()].contains("sre"));
    }

    #[test]
    fn rules_of_two_policies_share_people() {
        let rules = [rule(&[("sre", 1)]), rule(&[("approver", 2)])];
        let both = people(&[("alice", &["approver", "sre"]), ("bob", &["approver"])]);
        assert!(is_met(&rules, &both));
    }

    #[test]
    fn nothing_asked_is_never_met() {
        let all = people(&[("alice", &["approver"])]);
        assert!(!is_met(&[], &all));
        assert!(!is_met(&[rule(&[])], &all));
        assert!(!is_met(&[rule(&[("approver", 0)])], &all));
    }

    fn yes() -> impl Strategy<Value = Yes> {
        let roles = prop::collection::btree_set("[abc]", 0..3);
        prop::collection::btree_map("[p-v]".prop_map(|name| name.parse().unwrap()), roles, 0..6)
    }

    proptest! {
        #[test]
        fn one_more_yes_never_unmeets_a_rule(
            needs in prop::collection::vec(("[abc]", 1u32..3), 1..3),
            yes in yes(),
            more in yes(),
        ) {
            let needs: Vec<(&str, u32)> =
                needs.iter().map(|(role, count)| (role.as_str(), *count)).collect();
            let rules = [rule(&needs)];
            let mut all = more;
            all.extend(yes.clone());
            prop_assert!(!is_met(&rules, &yes) || is_met(&rules, &all));
        }

        #[test]
        fn a_met_rule_seats_as_many_people_as_it_asks_for(
            needs in prop::collection::vec(("[abc]", 1u32..3), 1..3),
            yes in yes(),
        ) {
            let needs: Vec<(&str, u32)> =
                needs.iter().map(|(role, count)| (role.as_str(), *count)).collect();
            let rule = rule(&needs);
            let asked: u32 = rule.needs.iter().map(|need| need.count).sum();
            if let Some(seated) = assign(&rule, &yes) {
                prop_assert_eq!(seated.len(), asked as usize);
                for (person, role) in &seated {
                    prop_assert!(yes[person].contains(role));
                }
            }
        }
    }
}
