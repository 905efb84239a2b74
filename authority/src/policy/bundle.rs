//! A bundle: one snapshot of the policies folder that was parsed and validated as a whole.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use cedar_policy::{
    Effect, Entities, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator,
};
use countersign_intent::catalogue::Catalogue;
use countersign_intent::digest::Digest;
use countersign_service::directory::{Directory, DirectoryError, Sources};
use serde::Serialize;

use super::cases::{self, CaseReport};
use super::error::{LoadPolicyError, message, offset};
use super::folder::Folder;
use super::inventory::Inventory;
use super::nesting;
use super::request;
use super::schema;
use crate::quorum::{Need, Rule};

/// The annotation of a forbid that people can lift.
const REQUIRE_APPROVAL: &str = "require_approval";

/// One snapshot of the policies folder.
#[derive(Debug)]
pub struct Bundle {
    pub(crate) hash: Digest,
    pub(crate) catalogue: Catalogue,
    pub(crate) inventory: Inventory,
    pub(crate) schema: Schema,
    /// The schema's actions and the inventory's resources.
    pub(crate) entities: Entities,
    /// Permits and plain forbids: what nobody can lift.
    pub(crate) firm: PolicySet,
    /// Permits and the forbids that people can lift.
    pub(crate) liftable: PolicySet,
    /// `@description` by policy id.
    pub(crate) descriptions: BTreeMap<String, String>,
    /// What each liftable forbid asks for.
    pub(crate) rules: BTreeMap<String, Rule>,
    schema_text: String,
    files: Vec<PolicyFile>,
    folder: Folder,
    directory: Directory,
}

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

/// The policies of all files, sorted into what can be lifted and what cannot.
#[derive(Default)]
struct Sorted {
    all: PolicySet,
    firm: PolicySet,
    liftable: PolicySet,
    descriptions: BTreeMap<String, String>,
    rules: BTreeMap<String, Rule>,
    /// Where each policy stands.
    origin: BTreeMap<String, String>,
    files: Vec<PolicyFile>,
}

impl Bundle {
    /// Loads the folder at `dir`: read, parse, validate. Cases are run by [`Bundle::run_cases`].
    ///
    /// # Errors
    /// The first [`LoadPolicyError`], with file and line where they are known.
    pub fn load(dir: &Path) -> Result<Self, LoadPolicyError> {
        Self::parse(Folder::read(dir)?)
    }

    /// Parses and validates `folder`.
    ///
    /// # Errors
    /// The first [`LoadPolicyError`].
    pub fn parse(folder: Folder) -> Result<Self, LoadPolicyError> {
        let catalogue = catalogue(&folder)?;
        let inventory = Inventory::parse(&folder)?;
        let schema_text = schema::text(&catalogue, &inventory)?;
        let (schema, _warnings) = Schema::from_cedarschema_str(&schema_text).map_err(|error| {
            LoadPolicyError::folder(format!("the generated schema is not valid: {error}"))
        })?;
        let sorted = sort(&folder)?;
        validate(&schema, &sorted, &folder)?;
        let entities = request::resources(&inventory, &schema)
            .map_err(|error| LoadPolicyError::file("inventory.toml", error.to_string()))?;
        Ok(Self {
            hash: folder.hash(),
            directory: directory(&folder)?,
            catalogue,
            inventory,
            schema,
            entities,
            firm: sorted.firm,
            liftable: sorted.liftable,
            descriptions: sorted.descriptions,
            rules: sorted.rules,
            schema_text,
            files: sorted.files,
            folder,
        })
    }

    /// The content hash of the folder.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The catalogue of tools.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The generated Cedar schema.
    pub fn schema_text(&self) -> &str {
        &self.schema_text
    }

    /// The Cedar files, sorted by path.
    pub fn files(&self) -> &[PolicyFile] {
        &self.files
    }

    /// The agents and people that the folder names, without their keys.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Runs every decision table of `cases/`.
    ///
    /// # Errors
    /// [`LoadPolicyError`] when a table cannot be read; failing cases are in the report.
    pub fn run_cases(&self) -> Result<CaseReport, LoadPolicyError> {
        cases::run(self, &self.folder)
    }
}

fn catalogue(folder: &Folder) -> Result<Catalogue, LoadPolicyError> {
    let files: Vec<(String, String)> = folder
        .within("tools")
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect();
    if files.is_empty() {
        return Err(LoadPolicyError::file(
            "tools",
            "no tool is defined: is this a policies folder?",
        ));
    }
    Catalogue::parse(&files).map_err(|error| LoadPolicyError {
        file: Some(error.file),
        line: error.line,
        column: None,
        message: error.message,
    })
}

fn directory(folder: &Folder) -> Result<Directory, LoadPolicyError> {
    let sources = Sources {
        agents: folder.get("agents.toml").unwrap_or_default(),
        operators: folder.get("operators.toml").unwrap_or_default(),
        agents_overlay: None,
        operators_overlay: None,
    };
    Directory::parse(sources).map_err(|error| match error {
        DirectoryError::Form { file, message } => {
            let line = message
                .strip_prefix("line ")
                .and_then(|rest| rest.split_once(": "));
            let line = line.and_then(|(line, _)| line.parse().ok());
            LoadPolicyError {
                line,
                ..LoadPolicyError::file(file, message)
            }
        }
        DirectoryError::Twice { file, .. } => LoadPolicyError::file(file, error.to_string()),
        DirectoryError::File(_)
        | DirectoryError::Key { .. }
        | DirectoryError::SharedKey { .. }
        | _ => LoadPolicyError::folder(error.to_string()),
    })
}

/// Parses every Cedar file and gives each policy its `@id` as id.
fn sort(folder: &Folder) -> Result<Sorted, LoadPolicyError> {
    let mut sorted = Sorted::default();
    for (path, text) in folder.within("base").chain(folder.within("site")) {
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
            let start = start_of(&policy, text, end);
            let id = sorted
                .add(path, &policy)
                .map_err(|error| error.at(text, start))?;
            ids.push(id);
            end = start.unwrap_or(end) + 1;
        }
        sorted.files.push(PolicyFile {
            path: path.to_owned(),
            policies: ids,
            text: text.to_owned(),
        });
    }
    if sorted.all.is_empty() {
        return Err(LoadPolicyError::file(
            "base",
            "no policy is defined: nothing would be allowed",
        ));
    }
    Ok(sorted)
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

/// Where `policy` begins in `text`, at `from` or later.
fn start_of(policy: &Policy, text: &str, from: usize) -> Option<usize> {
    let written = policy.to_cedar()?;
    text.get(from..)?.find(&written).map(|offset| from + offset)
}

impl Sorted {
    fn add(&mut self, path: &str, policy: &Policy) -> Result<String, LoadPolicyError> {
        let refuse = |message: String| Err(LoadPolicyError::file(path, message));
        let id = match policy.annotation("id").map(str::trim) {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => return refuse(format!("a policy has no @id: {}", first_line(policy))),
        };
        if let Some(other) = self.origin.insert(id.clone(), path.to_owned()) {
            return refuse(format!("@id(\"{id}\") stands twice, also in {other}"));
        }
        let named = policy.new_id(PolicyId::new(&id));
        let rule = match (policy.effect(), policy.annotation(REQUIRE_APPROVAL)) {
            (Effect::Forbid, Some(text)) => match rule(&id, text) {
                Ok(rule) => Some(rule),
                Err(message) => return refuse(message),
            },
            (Effect::Permit, Some(_)) => {
                return refuse(format!(
                    "`{id}`: @require_approval belongs on a forbid, not on a permit"
                ));
            }
            (Effect::Permit | Effect::Forbid, None) => None,
        };
        let add = |set: &mut PolicySet| {
            set.add(named.clone())
                .map_err(|error| LoadPolicyError::file(path, error.to_string()))
        };
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

fn first_line(policy: &Policy) -> String {
    let text = policy.to_string();
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

/// Strict validation: a policy that could fail when it is evaluated does not load.
fn validate(schema: &Schema, sorted: &Sorted, folder: &Folder) -> Result<(), LoadPolicyError> {
    let result = Validator::new(schema.clone()).validate(&sorted.all, ValidationMode::Strict);
    let Some(error) = result.validation_errors().next() else {
        return Ok(());
    };
    let id = error.policy_id().to_string();
    let path = sorted.origin.get(&id).cloned().unwrap_or_default();
    let text = folder.get(&path).unwrap_or_default();
    // The message names the policy itself.
    Err(LoadPolicyError::file(path, message(error)).at(text, offset(error)))
}
