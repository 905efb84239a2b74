//! Runbooks: tables that say which steps answer which alert or which request.
//!
//! A file holds any number of `[[runbook]]`:
//!
//! - `id`, `priority` (the lower is tried first; 100 when absent) and `summary`;
//! - `alert.symptoms` and, when it matters, `alert.severities`: open alerts that it answers. With `when`
//!   (expectations on the service that the alert is about, such as `/process/state == "exited"`),
//!   `deployed_within` and `not_deployed_within` (how long ago the running version was put into service);
//! - or `goal`: patterns of explicit requests, see [`crate::goal`];
//! - `step`: `tool`, `params` and `reason`, filled from `{alert.…}`, `{service.…}` and `{goal.…}`, see
//!   [`template`]. Steps run in the order written.
//!
//! A runbook whose template names a value that is not there does not match.

mod matching;
mod template;

use std::path::Path;
use std::time::Duration;

use countersign_intent::expect::Expectation;
use countersign_intent::id::ToolName;
use countersign_service::files;
use serde::Deserialize;
use serde_json::{Map, Value};

pub(crate) use matching::Asked;
use template::Template;

use crate::goal::Pattern;

/// The runbooks that come with the product.
const SHIPPED: &[(&str, &str)] = &[
    (
        "runbooks/crash.toml",
        include_str!("../runbooks/crash.toml"),
    ),
    (
        "runbooks/deploy.toml",
        include_str!("../runbooks/deploy.toml"),
    ),
    ("runbooks/load.toml", include_str!("../runbooks/load.toml")),
    (
        "runbooks/memory.toml",
        include_str!("../runbooks/memory.toml"),
    ),
    ("runbooks/slow.toml", include_str!("../runbooks/slow.toml")),
    (
        "runbooks/requests-alerts.toml",
        include_str!("../runbooks/requests-alerts.toml"),
    ),
    (
        "runbooks/requests-data.toml",
        include_str!("../runbooks/requests-data.toml"),
    ),
    (
        "runbooks/requests-identity.toml",
        include_str!("../runbooks/requests-identity.toml"),
    ),
    (
        "runbooks/requests-infra.toml",
        include_str!("../runbooks/requests-infra.toml"),
    ),
    (
        "runbooks/requests-security.toml",
        include_str!("../runbooks/requests-security.toml"),
    ),
];

/// All runbooks, in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runbooks(Vec<Runbook>);

/// One runbook.
#[derive(Clone, Debug)]
pub(crate) struct Runbook {
    id: String,
    summary: String,
    priority: u32,
    occasion: Occasion,
    steps: Vec<StepTemplate>,
}

#[derive(Clone, Debug)]
enum Occasion {
    Alert(AlertMatch),
    Goal(Vec<Pattern>),
}

#[derive(Clone, Debug)]
struct AlertMatch {
    symptoms: Vec<String>,
    /// Empty: any.
    severities: Vec<String>,
    when: Vec<Expectation>,
    deployed_within: Option<Duration>,
    not_deployed_within: Option<Duration>,
}

#[derive(Clone, Debug)]
struct StepTemplate {
    tool: ToolName,
    params: Template,
    reason: Template,
}

/// A runbook file that was not taken.
#[derive(Debug, thiserror::Error)]
#[error("runbook file `{file}`: {message}")]
pub struct RunbookError {
    file: String,
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    runbook: Vec<RawRunbook>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRunbook {
    id: String,
    summary: String,
    #[serde(default = "ordinary_priority")]
    priority: u32,
    alert: Option<RawAlert>,
    #[serde(default)]
    when: Vec<String>,
    deployed_within: Option<String>,
    not_deployed_within: Option<String>,
    #[serde(default)]
    goal: Vec<String>,
    step: Vec<RawStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAlert {
    symptoms: Vec<String>,
    #[serde(default)]
    severities: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    tool: ToolName,
    #[serde(default)]
    params: Map<String, Value>,
    reason: String,
}

const fn ordinary_priority() -> u32 {
    100
}

impl Runbooks {
    /// The shipped runbooks.
    ///
    /// # Errors
    /// [`RunbookError`], which a test rules out for the files that are shipped.
    pub(crate) fn shipped() -> Result<Self, RunbookError> {
        let mut runbooks = Self::default();
        for (file, text) in SHIPPED {
            runbooks.add(file, text)?;
        }
        Ok(runbooks)
    }

    /// Adds those of a folder's `*.toml` files; one with the id of another replaces it.
    ///
    /// # Errors
    /// [`RunbookError`] for the first file that does not fit.
    pub(crate) fn add_folder(&mut self, folder: &Path) -> Result<(), RunbookError> {
        let refuse = |message: String| RunbookError {
            file: folder.display().to_string(),
            message,
        };
        let entries = std::fs::read_dir(folder).map_err(|error| refuse(error.to_string()))?;
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(|error| refuse(error.to_string()))?.path());
        }
        paths.sort();
        for path in paths
            .iter()
            .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        {
            let file = path.display().to_string();
            let text = files::read_text(path).map_err(|error| RunbookError {
                file: file.clone(),
                message: error.to_string(),
            })?;
            self.add(&file, &text)?;
        }
        Ok(())
    }

    /// Adds those of one file's text.
    ///
    /// # Errors
    /// [`RunbookError`].
    pub(crate) fn add(&mut self, file: &str, text: &str) -> Result<(), RunbookError> {
        let refuse = |message: String| RunbookError {
            file: file.to_owned(),
            message,
        };
        let raw: RawFile = toml::from_str(text).map_err(|error| refuse(error.to_string()))?;
        for raw in raw.runbook {
            let id = raw.id.clone();
            let runbook = parse(raw).map_err(|message| refuse(format!("`{id}`: {message}")))?;
            self.0.retain(|other| other.id != runbook.id);
            self.0.push(runbook);
        }
        self.0
            .sort_by(|a, b| (a.priority, &a.id).cmp(&(b.priority, &b.id)));
        Ok(())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

fn parse(raw: RawRunbook) -> Result<Runbook, String> {
    let occasion = match (raw.alert, raw.goal.is_empty()) {
        (Some(alert), true) => Occasion::Alert(AlertMatch {
            symptoms: alert.symptoms,
            severities: alert.severities,
            when: raw
                .when
                .iter()
                .map(|text| {
                    text.parse::<Expectation>()
                        .map_err(|error| error.to_string())
                })
                .collect::<Result<_, _>>()?,
            deployed_within: raw.deployed_within.as_deref().map(duration).transpose()?,
            not_deployed_within: raw
                .not_deployed_within
                .as_deref()
                .map(duration)
                .transpose()?,
        }),
        (None, false) => Occasion::Goal(
            raw.goal
                .iter()
                .map(|text| text.parse::<Pattern>().map_err(|error| error.to_string()))
                .collect::<Result<_, _>>()?,
        ),
        (Some(_), false) | (None, true) => {
            return Err("it has either `alert` or `goal`".to_owned());
        }
    };
    if let (Occasion::Goal(_), false) = (&occasion, raw.when.is_empty()) {
        return Err("`when` belongs to a runbook with `alert`".to_owned());
    }
    if raw.step.is_empty() {
        return Err("it has no step".to_owned());
    }
    let steps = raw
        .step
        .into_iter()
        .map(|step| parse_step(step, &occasion))
        .collect::<Result<_, _>>()?;
    Ok(Runbook {
        id: raw.id,
        summary: raw.summary,
        priority: raw.priority,
        occasion,
        steps,
    })
}

fn parse_step(raw: RawStep, occasion: &Occasion) -> Result<StepTemplate, String> {
    let step = StepTemplate {
        tool: raw.tool,
        params: Template::new(Value::Object(raw.params))?,
        reason: Template::new(Value::String(raw.reason))?,
    };
    for path in step.params.paths().chain(step.reason.paths()) {
        let root = path.split('.').next().unwrap_or_default();
        let known = match occasion {
            Occasion::Alert(_) => matches!(root, "alert" | "service"),
            Occasion::Goal(patterns) => patterns.iter().all(|pattern| {
                pattern
                    .captures()
                    .any(|name| path.strip_prefix("goal.") == Some(name))
            }),
        };
        if !known {
            return Err(format!("`{{{path}}}` is not known here"));
        }
    }
    Ok(step)
}

/// `90s`, `15m`, `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration such as `90s`, `15m` or `2h`");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_cause| wrong())?;
    let seconds = match text.strip_prefix(digits) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3_600,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(
        number.checked_mul(seconds).ok_or_else(wrong)?,
    ))
}

#[cfg(test)]
mod tests;
