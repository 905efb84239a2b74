//! What a bundle must hold: loading, the order of verdicts, the shipped policies, the swap.

mod approve;
mod load;
mod order;
mod shipped;
mod swap;
mod typed;
mod vectors;

use std::path::Path;
use std::sync::LazyLock;

use countersign_intent::id::{AgentId, ToolName};
use countersign_service::directory::{Agent, Directory, Sources};
use jiff::Timestamp;
use serde_json::Value;

use super::{Bundle, Decision, Folder, PlanFacts, RecentFacts, StepInput};

/// The policies that are shipped.
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");

static SHIPPED_FOLDER: LazyLock<Folder> =
    LazyLock::new(|| Folder::read(Path::new(SHIPPED)).unwrap());

/// The shipped folder with `changes` put over it; `None` removes a file.
fn folder(changes: &[(&str, Option<&str>)]) -> Folder {
    let mut files: Vec<(String, String)> = SHIPPED_FOLDER
        .files()
        .filter(|(path, _)| changes.iter().all(|(changed, _)| changed != path))
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect();
    for (path, text) in changes {
        files.extend(text.map(|text| ((*path).to_owned(), text.to_owned())));
    }
    Folder::from_files(files)
}

/// The shipped tools, inventory and people, with these Cedar files alone and no cases.
fn bare(policies: &[(&str, &str)]) -> Folder {
    let is_data = |path: &str| path.starts_with("tools/") || !path.contains('/');
    let data = SHIPPED_FOLDER.files().filter(|(path, _)| is_data(path));
    let all = data.chain(policies.iter().copied());
    Folder::from_files(all.map(|(path, text)| (path.to_owned(), text.to_owned())))
}

/// An agent of this autonomy, named after it.
fn agent(autonomy: &str) -> Agent {
    let agents = format!("[[agent]]\nname = \"{autonomy}\"\nautonomy = \"{autonomy}\"\n");
    let directory = Directory::parse(Sources {
        agents: &agents,
        ..Sources::default()
    })
    .unwrap();
    let id: AgentId = autonomy.parse().unwrap();
    directory.agent(&id).unwrap().as_ref().clone()
}

/// What `bundle` says when `agent` calls `tool` with `params`, and nothing else is going on.
fn decide(bundle: &Bundle, agent: &Agent, tool: &str, params: &Value) -> Decision {
    let name: ToolName = tool.parse().unwrap();
    let tool = bundle.catalogue().get(&name).unwrap();
    let params = tool.params(params.as_object().unwrap().clone()).unwrap();
    bundle.decide(&StepInput {
        agent,
        tool,
        params: &params,
        plan: PlanFacts::default(),
        recent: RecentFacts::default(),
        tainted: false,
        now: Timestamp::UNIX_EPOCH,
    })
}

/// The codes of a decision's reasons.
fn codes(decision: &Decision) -> Vec<&str> {
    decision
        .reasons
        .iter()
        .map(|reason| reason.code.as_str())
        .collect()
}
