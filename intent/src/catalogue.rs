//! The tool catalogue: every tool that may ever be called, from `tools/*.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::id::ToolName;
use crate::route::Index;
use crate::template;
use crate::tool::{Definition, Effect, Tool};

/// A checked catalogue, sorted by name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    tools: BTreeMap<ToolName, Tool>,
    routes: Index,
}

/// A catalogue that was not taken: the file, the line where known, what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct CatalogueError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: Option<usize>,
    /// What is wrong and what is expected.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    tool: Vec<Definition>,
}

impl Catalogue {
    /// Parses and checks the files of `tools/`, given as (path, text).
    ///
    /// # Errors
    /// [`CatalogueError`] for the first file that does not fit, a name that stands twice, or an
    /// `undo` or `check` that names a tool which does not exist or does not fit.
    pub fn parse(files: &[(String, String)]) -> Result<Self, CatalogueError> {
        let mut tools = BTreeMap::new();
        let mut origin = BTreeMap::new();
        for (path, text) in files {
            for definition in parse_file(path, text)? {
                let refuse = |message| CatalogueError {
                    file: path.clone(),
                    line: None,
                    message,
                };
                let tool = Tool::new(definition).map_err(|error| refuse(error.to_string()))?;
                let name = tool.name.clone();
                if tools.insert(name.clone(), tool).is_some() {
                    return Err(refuse(format!("tool `{name}` is defined twice")));
                }
                origin.insert(name, path);
            }
        }
        let mut routes = Index::default();
        for tool in tools.values() {
            routes.insert(tool);
        }
        let catalogue = Self { tools, routes };
        for tool in catalogue.iter() {
            catalogue
                .check_references(tool)
                .map_err(|message| CatalogueError {
                    file: origin
                        .get(&tool.name)
                        .map(|path| (*path).clone())
                        .unwrap_or_default(),
                    line: None,
                    message: format!("tool `{}`: {message}", tool.name),
                })?;
        }
        Ok(catalogue)
    }

    /// The tool of this name.
    pub fn get(&self, name: &ToolName) -> Option<&Tool> {
        self.tools.get(name)
    }

    /// The tools, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Tool> {
        self.tools.values()
    }

    /// Which request means which tool.
    pub(crate) fn routes(&self) -> &Index {
        &self.routes
    }

    /// How many tools there are.
    pub fn len(&self) -> usize {
        self.tools.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    fn check_references(&self, tool: &Tool) -> Result<(), String> {
        let definition = tool.definition();
        if let Some(undo) = &definition.undo {
            self.check_params("undo", &undo.tool, &undo.params)?;
        }
        if let Some(check) = &definition.check {
            let target = self.check_params("check", &check.tool, &check.params)?;
            if target.effect != Effect::Read {
                return Err(format!(
                    "`check.tool` `{}` must be of effect `read`",
                    check.tool
                ));
            }
        }
        if let Some(precondition) = &definition.precondition {
            let name = &precondition.tool;
            let target = self.check_params("precondition", name, &precondition.params)?;
            if target.effect != Effect::Read {
                return Err(format!(
                    "`precondition.tool` `{name}` must be of effect `read`"
                ));
            }
        }
        Ok(())
    }

    fn check_params(
        &self,
        place: &str,
        name: &ToolName,
        params: &Map<String, Value>,
    ) -> Result<&Tool, String> {
        let target = self
            .get(name)
            .ok_or_else(|| format!("`{place}.tool` `{name}` is not in the catalogue"))?;
        let declared = target
            .params_schema()
            .get("properties")
            .and_then(Value::as_object);
        for param in params.keys() {
            if !declared.is_some_and(|properties| properties.contains_key(param)) {
                return Err(format!(
                    "`{place}.params` sets `{param}`, which `{name}` does not declare"
                ));
            }
        }
        template::names(&Value::Object(params.clone())).map_err(|error| error.to_string())?;
        Ok(target)
    }
}

fn parse_file(path: &str, text: &str) -> Result<Vec<Definition>, CatalogueError> {
    toml::from_str::<File>(text)
        .map(|file| file.tool)
        .map_err(|error| CatalogueError {
            file: path.to_owned(),
            line: error.span().map(|span| line_of(text, span.start)),
            message: error.message().to_owned(),
        })
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count();
    before.saturating_add(1)
}
