//! `countersign token`: looks into tokens and receipts.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Subcommand;
use countersign_intent::key::VerifyingKeys;
use countersign_intent::token::{Floor, Intent, UnverifiedToken, Verifier};
use countersign_intent::{jws, receipt};
use countersign_service::clock::Clock;
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::settings;
use crate::args::Global;
use crate::audit::pinned;
use crate::client::{Client, Role, Who};
use crate::failure::Failure;
use crate::output::{Report, Verdict, cell, pretty};

const EXAMPLES: &str = "\
Examples:
  countersign token inspect eyJ…
  countersign token inspect - < token.txt
  countersign token inspect --receipt eyJ…

Shows header and claims, says them in words, and checks the signature against --key FILE
or, where the servers run, the published key set. Exit code 1 when the signature does
not verify. A token is a secret while it lives: `-` keeps it out of the shell's history.";

/// Look into a token or a receipt
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Decode and check
    Inspect {
        /// The token or receipt; `-` reads standard input
        token: String,
        /// It is a receipt of the enforcer
        #[arg(long)]
        receipt: bool,
        /// Check the signature against this JWKS file
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

/// Decodes and checks.
pub(crate) async fn run(global: &Global, args: Args) -> Result<Report, Failure> {
    let What::Inspect {
        token,
        receipt,
        key,
    } = args.what;
    let text = read(token)?;
    let no_jws = || Failure::could_not("this is no compact JWS: three parts with dots between");
    let header = text.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_cause| no_jws())?;
    let header: Value = serde_json::from_slice(&header).map_err(|_cause| no_jws())?;
    let claims = jws::peek(&text).map_err(|error| Failure::because("nothing to show", error))?;
    let keys = match key {
        Some(path) => Some(from_file(&path)?),
        None if receipt => published(global, Role::Enforcer).await,
        None => published(global, Role::Authority).await,
    };
    let checked = keys.as_ref().map(|keys| {
        if receipt {
            receipt::verify(&text, keys)
                .map(drop)
                .map_err(|error| error.to_string())
        } else {
            signature(&text, &claims, keys)
        }
    });
    let signature = match &checked {
        None => "not checked: no key set at hand (--key FILE)".to_owned(),
        Some(Ok(())) => "verifies".to_owned(),
        Some(Err(why)) => format!("DOES NOT VERIFY: {why}"),
    };
    let good = checked.is_none_or(|checked| checked.is_ok());
    let mut lines = vec![format!("header {header}"), pretty(&claims)];
    if !receipt {
        lines.extend(in_words(&claims, Clock::system().now()));
    }
    lines.push(format!("signature {signature}"));
    let document = json!({"header": header, "claims": claims, "signature": signature});
    Ok(Report::new(document, lines.join("\n")).verdict(Verdict::of(good)))
}

fn read(token: String) -> Result<String, Failure> {
    let mut text = token;
    if text == "-" {
        text.clear();
        std::io::stdin()
            .lock()
            .take(65_536)
            .read_to_string(&mut text)
            .map_err(|error| Failure::because("cannot read standard input", error))?;
    }
    Ok(text.trim().to_owned())
}

fn from_file(path: &Path) -> Result<VerifyingKeys, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::because(format!("cannot read `{}`", path.display()), error))?;
    pinned(&[text]).map_err(|error| Failure::could_not(format!("`{}`: {error}", path.display())))
}

/// The key set of the running server, where there is one.
async fn published(global: &Global, role: Role) -> Option<VerifyingKeys> {
    let client = Client::open(&settings(global, Vec::new()).ok()?).ok()?;
    let set = client
        .get(role, &Who::Operator, "/.well-known/jwks.json")
        .await
        .ok()?;
    pinned(&[set.to_string()]).ok()
}

/// Whether the signature is one of the key set's. Whom the token is for and when it counts is shown,
/// not judged, so the token's own words are taken for them.
fn signature(text: &str, claims: &Value, keys: &VerifyingKeys) -> Result<(), String> {
    let intent = Intent::deserialize(claims.clone()).map_err(|error| error.to_string())?;
    let at = Timestamp::from_second(intent.nbf).map_err(|error| error.to_string())?;
    let verifier = Verifier {
        issuer: intent.iss,
        audience: intent.aud,
        tenant: intent.tenant,
    };
    UnverifiedToken::new(text)
        .and_then(|token| verifier.verify(token, keys, at, Floor::default()))
        .map(drop)
        .map_err(|refusal| refusal.to_string())
}

/// The claims in words.
fn in_words(claims: &Value, now: Timestamp) -> Vec<String> {
    let Ok(intent) = Intent::deserialize(claims.clone()) else {
        return vec!["these are not the claims of an intent".to_owned()];
    };
    let left = intent.exp.saturating_sub(now.as_second());
    let life = if left > 0 {
        format!("{left} s left")
    } else {
        "expired".to_owned()
    };
    let until = Timestamp::from_second(intent.exp)
        .map(|at| at.to_string())
        .unwrap_or_default();
    let call = intent.call();
    vec![
        format!(
            "only agent {} may use it, at enforcer {}",
            intent.sub, intent.aud
        ),
        format!(
            "only {} with exactly these parameters ({})",
            call.tool, call.params_sha256
        ),
        format!(
            "{}, until {until} ({life})",
            cell(claims, "/authorization_details/0/use")
        ),
        format!("for step {} of plan {}", intent.step, intent.plan),
    ]
}
