//! `route`: from a plain HTTP request back to the one tool and the parameters that it means.
//!
//! The inverse of [`crate::render`], and as pure. What is found is only a claim: the ordinary checks
//! follow, and what is forwarded is rendered anew from tool and parameters, never what was received.
//! Doubt refuses: a request that two tools would render, or none, means nothing.

mod extract;
mod index;
mod overlap;
mod query;

use serde_json::{Map, Value};

use crate::catalogue::Catalogue;
use crate::refusal::{Refusal, RefusalCode};
use crate::render::is_segment;
use crate::tool::Tool;

pub(crate) use self::index::Index;
pub use self::overlap::Overlap;

/// Characters of foreign text that a message repeats.
const SHOWN: usize = 120;
/// Tools of which a message says why they do not fit.
const TOLD: usize = 8;

/// A request as it came in, read but not believed.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The upstream's name.
    pub upstream: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The absolute path below the upstream, byte for byte: nothing was decoded.
    pub path: &'a str,
    /// The query, byte for byte, without its question mark.
    pub query: Option<&'a str>,
    /// The media type of the body in lower case, without parameters, where one was given.
    pub media_type: Option<&'a str>,
    /// The body, read by the strict reader; `None` for an empty one.
    pub body: Option<&'a Value>,
}

/// The one call that a request means.
#[derive(Clone, Debug)]
#[must_use]
pub struct Routed<'a> {
    /// The tool.
    pub tool: &'a Tool,
    /// Its parameters, which fit its schema.
    pub params: Map<String, Value>,
}

impl Catalogue {
    /// Finds the tool whose request template `received` fills, and the parameters that fill it.
    ///
    /// A `{name}` of path and query is read as the type that the tool's schema declares for it; one of
    /// the body keeps its JSON type. Literal parts must be equal, and what the template does not have
    /// refuses. No body counts as an empty object.
    ///
    /// # Errors
    /// `render_refused` for a path or query that could be read in two ways, and for a request that
    /// several tools would render; `tool_unknown` when no tool has this method and path;
    /// `params_invalid` when query or body do not fit the tools that have.
    pub fn route(&self, received: &Received<'_>) -> Result<Routed<'_>, Refusal> {
        let segments = segments(received.path)?;
        let query = query::read(received.query.unwrap_or_default())?;
        let found = self
            .routes()
            .find(received.upstream, received.method, &segments);
        let mut meant = Vec::new();
        let mut unmeant = Vec::new();
        for tool in found.into_iter().filter_map(|name| self.get(name)) {
            match extract::params(tool, &segments, &query, received) {
                Ok(params) => meant.push(Routed { tool, params }),
                Err(why) => unmeant.push((tool, why)),
            }
        }
        if meant.len() > 1 {
            return Err(ambiguous(received, &meant));
        }
        match meant.pop() {
            Some(routed) => Ok(routed),
            None if unmeant.is_empty() => Err(unknown(received)),
            None => Err(unfit(&unmeant)),
        }
    }
}

/// The segments of a path that every reader reads alike: letters, digits and `._~-`, none of them empty
/// or of dots alone.
fn segments(path: &str) -> Result<Vec<&str>, Refusal> {
    let refuse = |why: &str| {
        let message = format!("the path `{}` is not matched: {why}", shown(path));
        Err(Refusal::new(RefusalCode::RenderRefused, message))
    };
    let Some(rest) = path.strip_prefix('/') else {
        return refuse("it is not absolute");
    };
    let segments: Vec<&str> = rest.split('/').collect();
    match segments.iter().find(|segment| !is_segment(segment)) {
        None => Ok(segments),
        Some(&"") => refuse("it has an empty segment"),
        Some(segment) if segment.contains('%') => {
            refuse("no segment of a tool's path needs a percent-encoding")
        }
        Some(_) => refuse(
            "a segment takes a letter or digit and up to 127 of A-Z a-z 0-9 . _ ~ -, nothing else",
        ),
    }
}

fn unknown(received: &Received<'_>) -> Refusal {
    let message = format!(
        "no tool of upstream `{}` is called by {} {}",
        shown(received.upstream),
        shown(received.method),
        shown(received.path)
    );
    Refusal::new(RefusalCode::ToolUnknown, message)
}

fn ambiguous(received: &Received<'_>, meant: &[Routed<'_>]) -> Refusal {
    let names: Vec<String> = meant
        .iter()
        .map(|routed| format!("`{}`", routed.tool.name))
        .collect();
    let message = format!(
        "{} {} is ambiguous: it would be sent by each of {}",
        shown(received.method),
        shown(received.path),
        names.join(", ")
    );
    Refusal::new(RefusalCode::RenderRefused, message)
}

/// Tools have this method and path, and the rest of the request fits none of them.
fn unfit(unmeant: &[(&Tool, String)]) -> Refusal {
    let reasons: Vec<String> = unmeant
        .iter()
        .take(TOLD)
        .map(|(tool, why)| format!("not as `{}`: {why}", tool.name))
        .collect();
    Refusal::new(RefusalCode::ParamsInvalid, reasons.join("; "))
}

/// At most so much of foreign text as a message may repeat, without control characters.
fn shown(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(SHOWN)
        .collect()
}
