//! `countersign check-config`: the effective settings.

use serde_json::Value;

use crate::failure::Failure;
use crate::output::{Report, cell, table};
use crate::settings::Settings;
use crate::settings::upstream::Upstream;
use crate::start::upstreams;

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
  [upstream.cloud]
  url = \"https://cloud.internal/base\"     # a path prefix is kept
  credential_file = \"/run/keys/cloud\"    # or credential_env = \"CLOUD_KEY\"
  credential_header = \"authorization\"    # the default, as `Bearer ...`; bare in others
  roots = \"/etc/ssl/cloud-ca.pem\"        # instead of the system's authorities
  allowed = [\"10.0.0.0/8\"]               # the only addresses that are dialled
  [ceilings]                              # calls a minute, whatever their tokens say
  per_agent = 3000
  [ceilings.tools]
  \"infra.restart\" = 20

A key that is no setting is an error, and so is an upstream that the enforcer could not use.";

/// Print the effective settings, secrets hidden
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {}

/// Prints them, after checking what an enforcer would read.
pub(crate) fn run(settings: &Settings) -> Result<Report, Failure> {
    upstreams::read(settings)?;
    let configured = settings.upstreams()?;
    let mut document = settings.document();
    if let Some(members) = document.as_object_mut() {
        let listed = configured.iter().map(Upstream::document).collect();
        members.insert("upstreams".to_owned(), listed);
        members.insert("ceilings".to_owned(), settings.ceilings().document()?);
    }
    let mut text = rows(
        &document,
        "settings",
        ["/key", "/value", "/source", "/variable"],
        ["setting", "value", "from", "environment"],
    );
    if !configured.is_empty() {
        text.push_str("\n\n");
        text.push_str(&rows(
            &document,
            "upstreams",
            ["/name", "/url", "/credential", "/roots"],
            ["upstream", "url", "credential", "roots"],
        ));
    }
    Ok(Report::new(document, text))
}

fn rows(document: &Value, list: &str, members: [&str; 4], heads: [&str; 4]) -> String {
    let listed = document.get(list).and_then(Value::as_array);
    let rows: Vec<[String; 4]> = listed
        .into_iter()
        .flatten()
        .map(|row| members.map(|member| cell(row, member)))
        .collect();
    table(heads, &rows)
}
