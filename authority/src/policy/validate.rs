//! Strict validation, and what loads but may not be meant.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{
    EntityUid, Policy, Schema, ValidationMode, ValidationResult, ValidationWarning, Validator,
};
use countersign_intent::catalogue::Catalogue;
use countersign_intent::tool::Unknown;
use countersign_service::directory::Directory;
use miette::Diagnostic;

use super::error::{LoadPolicyError, message, offset};
use super::folder::Folder;
use super::inventory::Inventory;
use super::sorted::Sorted;

/// Everything that policies may name.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) inventory: &'a Inventory,
    pub(crate) directory: &'a Directory,
}

/// Validates the policies against the schema; gives back what is perhaps not meant.
///
/// A policy that could be ill-typed when it is evaluated does not load, nor does one with characters
/// that look like others: a forbid on a name that only looks right would forbid nothing.
pub(crate) fn validate(
    schema: &Schema,
    sorted: &Sorted,
    folder: &Folder,
    known: Known<'_>,
) -> Result<Vec<LoadPolicyError>, LoadPolicyError> {
    let result = Validator::new(schema.clone()).validate(&sorted.all, ValidationMode::Strict);
    let found = Place { sorted, folder };
    let (mut refused, mut warnings) = sort(&result, &found);
    if !refused.is_empty() {
        // The validator reports in no order.
        refused.sort_by_key(|error| (error.file.clone(), error.line, error.message.clone()));
        return Err(refused.swap_remove(0));
    }
    let names = Names::of(known);
    for policy in sorted.all.policies() {
        warnings.extend(names.unknown_in(policy, &found));
    }
    for (id, rule) in &sorted.rules {
        let nobody = rule
            .needs
            .iter()
            .filter(|need| !names.roles.contains(need.role.as_str()));
        warnings.extend(nobody.map(|need| {
            let message = format!("`{id}` asks for the role `{}`, which nobody has", need.role);
            found.policy(id, message)
        }));
    }
    warnings.sort_by_key(|warning| (warning.file.clone(), warning.line, warning.message.clone()));
    Ok(warnings)
}

fn sort(
    result: &ValidationResult,
    found: &Place<'_>,
) -> (Vec<LoadPolicyError>, Vec<LoadPolicyError>) {
    let mut refused: Vec<LoadPolicyError> = result
        .validation_errors()
        .map(|error| found.diagnostic(error.policy_id().as_ref(), error))
        .collect();
    let mut warnings = Vec::new();
    for warning in result.validation_warnings() {
        let place = found.diagnostic(warning.policy_id().as_ref(), warning);
        match warning {
            ValidationWarning::ImpossiblePolicy(_)
            | ValidationWarning::InvalidActionApplication(_) => warnings.push(place),
            ValidationWarning::MixedScriptString(_)
            | ValidationWarning::BidiCharsInString(_)
            | ValidationWarning::BidiCharsInIdentifier(_)
            | ValidationWarning::MixedScriptIdentifier(_)
            | ValidationWarning::ConfusableIdentifier(_)
            | _ => refused.push(place),
        }
    }
    (refused, warnings)
}

/// Finds the file and line of a policy.
struct Place<'a> {
    sorted: &'a Sorted,
    folder: &'a Folder,
}

impl Place<'_> {
    fn diagnostic(&self, id: &str, diagnostic: &dyn Diagnostic) -> LoadPolicyError {
        self.at(id, message(diagnostic), offset(diagnostic))
    }

    fn policy(&self, id: &str, message: String) -> LoadPolicyError {
        self.at(id, message, None)
    }

    fn at(&self, id: &str, message: String, offset: Option<usize>) -> LoadPolicyError {
        let Some(origin) = self.sorted.origin.get(id) else {
            return LoadPolicyError::folder(message);
        };
        let text = self.folder.get(&origin.path).unwrap_or_default();
        LoadPolicyError::file(&origin.path, message).at(text, offset.or(origin.start))
    }
}

/// The names that exist, by entity type.
struct Names<'a> {
    by_type: BTreeMap<&'a str, BTreeSet<&'a str>>,
    roles: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(known: Known<'a>) -> Self {
        let mut by_type: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        // A type whose tools take resources that are not listed may have any name.
        let open: BTreeSet<&str> = known
            .catalogue
            .iter()
            .map(|tool| &tool.definition().resource)
            .filter(|resource| resource.unknown == Unknown::Allow)
            .map(|resource| resource.type_.as_str())
            .collect();
        for (type_, id, _) in known.inventory.iter() {
            if !open.contains(type_) {
                by_type.entry(type_).or_default().insert(id);
            }
        }
        let agents = known.directory.agents();
        let operators = known.directory.operators();
        by_type.insert("Agent", agents.map(|agent| agent.id.as_str()).collect());
        by_type.insert("User", operators.map(|person| person.id.as_str()).collect());
        let of_agents = known.directory.agents().flat_map(|agent| &agent.roles);
        let of_people = known.directory.operators().flat_map(|person| &person.roles);
        let roles: BTreeSet<&str> = of_agents.chain(of_people).map(String::as_str).collect();
        by_type.insert("Role", roles.clone());
        Self { by_type, roles }
    }

    fn unknown_in(&self, policy: &Policy, found: &Place<'_>) -> Vec<LoadPolicyError> {
        let unknown = |uid: &EntityUid| {
            let type_ = uid.type_name().to_string();
            let names = self.by_type.get(type_.as_str());
            names.is_some_and(|names| !names.contains(uid.id().unescaped()))
        };
        let id = policy.id().to_string();
        let literals: BTreeSet<EntityUid> = policy.entity_literals().into_iter().collect();
        literals
            .iter()
            .filter(|uid| unknown(uid))
            .map(|uid| found.policy(&id, format!("`{id}` names {uid}, which does not exist")))
            .collect()
    }
}
