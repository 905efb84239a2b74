//! `countersign check-config`: the effective settings.

use serde_json::Value;

use crate::output::{Report, cell, table};
use crate::settings::Settings;

const EXAMPLES: &str = "\
Settings come from flags, environment and countersign.toml, in this order.
In the file a dot is a table:

  data = \"/var/lib/countersign\"
  token_ttl = 60
  [authority]
  listen = \"127.0.0.1:8002\"
  [llm]
  provider = \"ollama\"
  model = \"qwen3:8b\"

A key that is no setting is an error.";

/// Print the effective settings, secrets hidden
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {}

/// Prints them.
pub(crate) fn run(settings: &Settings) -> Report {
    let document = settings.document();
    let listed = document
        .get("settings")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let members = ["/key", "/value", "/source", "/variable"];
    let rows: Vec<[String; 4]> = listed
        .map(|setting| members.map(|member| cell(setting, member)))
        .collect();
    let text = table(["setting", "value", "from", "environment"], &rows);
    Report::new(document, text)
}
