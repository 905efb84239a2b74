//! The Cedar files of a folder: each policy under its `@id`, sorted by whether people can lift it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet};
use serde::Serialize;

use super::error::{LoadPolicyError, message, offset};
use super::folder::Folder;
use super::nesting;
use crate::quorum::{Need, Rule};

/// The annotation of a forbid that people can lift.
const REQUIRE_APPROVAL: &str = "require_approval";
/// The longest `@id`, in characters.
const MAX_ID: usize = 128;

/// A Cedar file of the bundle.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PolicyFile {
    /// Its path within the folder.
    pub path: String,
    /// The ids of its policies, in the order of the file.
    pub policies: Vec<String>,
    /// Its text.
    pub text: String,
}

/// The policies of all files.
#[derive(Default)]
pub(crate) struct Sorted {
    pub(crate) all: PolicySet,
    /// Permits and plain forbids.
    pub(crate) firm: PolicySet,
    /// Permits and the forbids that people can lift.
    pub(crate) liftable: PolicySet,
    /// `@description` by policy id.
    pub(crate) descriptions: BTreeMap<String, String>,
    /// What each liftable forbid asks for.
    pub(crate) rules: BTreeMap<String, Rule>,
    /// Where each policy stands.
    pub(crate) origin: BTreeMap<String, Origin>,
    pub(crate) files: Vec<PolicyFile>,
}

/// Where a policy stands.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The file.
    pub(crate) path: String,
    /// The first byte in it.
    pub(crate) start: Option<usize>,
}

impl Sorted {
    /// Parses every Cedar file of `folder`.
    pub(crate) fn parse(folder: &Folder) -> Result<Self, LoadPolicyError> {
        let mut sorted = Self::default();
        for (path, text) in folder.within("base").chain(folder.within("site")) {
            let policies = sorted.add_file(path, text)?;
            sorted.files.push(PolicyFile {
                path: path.to_owned(),
                policies,
                text: text.to_owned(),
            });
        }
        if sorted.all.is_empty() {
            let message = "no policy is defined: nothing would be allowed";
            return Err(LoadPolicyError::file("base", message));
        }
        Ok(sorted)
    }

    fn add_file(&mut self, path: &str, text: &str) -> Result<Vec<String>, LoadPolicyError> {
        if let Some((offset, message)) = nesting::too_deep(text) {
            return Err(LoadPolicyError::file(path, message).at(text, Some(offset)));
        }
        let set = PolicySet::from_str(text).map_err(|error| {
            LoadPolicyError::file(path, message(&error)).at(text, offset(&error))
        })?;
        if let Some(template) = set.templates().next() {
            let offset = text.find(&template.to_cedar());
            let message = "templates are not taken: write the policy out";
            return Err(LoadPolicyError::file(path, message).at(text, offset));
        }
        let mut ids = Vec::new();
        let mut end = 0;
        for policy in in_order(&set) {
            let place = place_of(&policy, text, end);
            let origin = Origin {
                path: path.to_owned(),
                start: place.as_ref().map(|place| place.start),
            };
            let start = origin.start;
            let id = self
                .add(origin, &policy)
                .map_err(|message| LoadPolicyError::file(path, message).at(text, start))?;
            ids.push(id);
            end = place.map_or(end, |place| place.end);
        }
        Ok(ids)
    }

    fn add(&mut self, origin: Origin, policy: &Policy) -> Result<String, String> {
        let id = id(policy)?;
        if let Some(other) = self.origin.insert(id.clone(), origin) {
            return Err(format!(
                "@id(\"{id}\") stands twice, also in {}",
                other.path
            ));
        }
        let named = policy.new_id(PolicyId::new(&id));
        let rule = match (policy.effect(), policy.annotation(REQUIRE_APPROVAL)) {
            (Effect::Forbid, Some(text)) => Some(rule(&id, text)?),
            (Effect::Permit, Some(_)) => {
                return Err(format!(
                    "`{id}`: @require_approval belongs on a forbid, not on a permit"
                ));
            }
            (Effect::Permit | Effect::Forbid, None) => None,
        };
        let add = |set: &mut PolicySet| set.add(named.clone()).map_err(|error| error.to_string());
        add(&mut self.all)?;
        match (policy.effect(), &rule) {
            (Effect::Permit, _) => {
                add(&mut self.firm)?;
                add(&mut self.liftable)?;
            }
            (Effect::Forbid, None) => add(&mut self.firm)?,
            (Effect::Forbid, Some(_)) => add(&mut self.liftable)?,
        }
        if let Some(rule) = rule {
            self.rules.insert(id.clone(), rule);
        }
        if let Some(description) = policy.annotation("description") {
            self.descriptions.insert(id.clone(), description.to_owned());
        }
        Ok(id)
    }
}

/// The policies of one file in the order in which they stand there.
fn in_order(set: &PolicySet) -> Vec<Policy> {
    let number = |policy: &Policy| {
        let id = policy.id().to_string();
        id.trim_start_matches("policy")
            .parse::<usize>()
            .unwrap_or(usize::MAX)
    };
    let mut policies: Vec<Policy> = set.policies().cloned().collect();
    policies.sort_by_key(number);
    policies
}

/// Where `policy` stands in `text`, at `from` or later.
fn place_of(policy: &Policy, text: &str, from: usize) -> Option<Range<usize>> {
    let written = policy.to_cedar()?;
    let start = from + text.get(from..)?.find(&written)?;
    Some(start..start + written.len())
}

fn id(policy: &Policy) -> Result<String, String> {
    match policy.annotation("id").map(str::trim) {
        Some("") | None => Err(format!(
            "a policy has no @id: put @id(\"a-name\") before `{}`",
            first_line(policy)
        )),
        Some(id) if id.chars().count() > MAX_ID || id.chars().any(char::is_control) => Err(
            format!("@id({id:?}) has more than {MAX_ID} characters, or control characters"),
        ),
        Some(id) => Ok(id.to_owned()),
    }
}

fn first_line(policy: &Policy) -> String {
    let text = policy.to_cedar().unwrap_or_default();
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(80)
        .collect()
}

/// Reads `role:n[, role:n]`.
fn rule(id: &str, text: &str) -> Result<Rule, String> {
    let wrong = || {
        format!(
            "`{id}`: @require_approval(\"{text}\") is not `role:n`, or several with commas between"
        )
    };
    let mut needs = Vec::new();
    for part in text.split(',') {
        let (role, count) = part.trim().split_once(':').ok_or_else(wrong)?;
        let count = count
            .trim()
            .parse::<u32>()
            .ok()
            .filter(|count| (1..=16).contains(count));
        let role = role.trim();
        let count = count.filter(|_| !role.is_empty()).ok_or_else(wrong)?;
        needs.push(Need {
            role: role.to_owned(),
            count,
        });
    }
    Ok(Rule {
        policy: id.to_owned(),
        needs,
    })
}
