//! A bundle: one snapshot of the policies folder that was parsed and validated as a whole.

use std::collections::BTreeMap;
use std::path::Path;

use cedar_policy::{Entities, PolicySet, Schema};
use countersign_intent::catalogue::Catalogue;
use countersign_intent::digest::Digest;
use countersign_intent::route::Overlap;
use countersign_service::directory::{Directory, DirectoryError, Sources};

use super::cases::{self, CaseReport};
use super::error::LoadPolicyError;
use super::folder::Folder;
use super::inventory::Inventory;
use super::request;
use super::schema;
use super::sorted::{PolicyFile, Sorted};
use super::validate::{Known, validate};
use crate::quorum::Rule;

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
    warnings: Vec<LoadPolicyError>,
    folder: Folder,
    directory: Directory,
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
        let directory = directory(&folder)?;
        let sorted = Sorted::parse(&folder)?;
        let known = Known {
            catalogue: &catalogue,
            inventory: &inventory,
            directory: &directory,
        };
        let mut warnings = validate(&schema, &sorted, &folder, known)?;
        warnings.extend(stale_schema(&folder, &schema_text));
        warnings.extend(overlaps(&catalogue));
        let entities = request::resources(&inventory, &schema)
            .map_err(|error| LoadPolicyError::file("inventory.toml", error.to_string()))?;
        Ok(Self {
            hash: folder.hash(),
            directory,
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
            warnings,
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

    /// What loads and is perhaps not what was meant: names that nothing has, rules that never apply.
    pub fn warnings(&self) -> &[LoadPolicyError] {
        &self.warnings
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

/// Tools that a plain HTTP request may mean alike: the proxy door refuses it then.
fn overlaps(catalogue: &Catalogue) -> Vec<LoadPolicyError> {
    let warning = |overlap: Overlap| {
        let message = format!(
            "`{}` and `{}` may be sent by one and the same request, which the proxy then refuses as ambiguous",
            overlap.first, overlap.second
        );
        LoadPolicyError::file("tools", message)
    };
    catalogue.overlaps().into_iter().map(warning).collect()
}

/// Whether the schema that is kept beside the policies is another than theirs. Nothing is decided by it.
fn stale_schema(folder: &Folder, generated: &str) -> Option<LoadPolicyError> {
    let kept = folder.get(schema::FILE)?;
    if kept.replace("\r\n", "\n") == generated {
        return None;
    }
    let message =
        "is not what tools and inventory give: write it anew with `countersign policy schema`";
    Some(LoadPolicyError::file(schema::FILE, message))
}
