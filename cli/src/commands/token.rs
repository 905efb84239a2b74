//! `countersign token`: looks into tokens and receipts.

mod compare;
mod words;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Subcommand;
use countersign_intent::key::VerifyingKeys;
use countersign_intent::receipt::Receipt;
use countersign_intent::token::{Floor, Intent, UnverifiedToken, Verifier};
use countersign_intent::{jws, receipt};
use countersign_service::clock::Clock;
use countersign_service::problem::error_chain;
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::settings;
use crate::args::Global;
use crate::audit::pinned;
use crate::client::{Client, Role, Who};
use crate::failure::Failure;
use crate::output::{Report, Verdict, pretty};

const EXAMPLES: &str = "\
Examples:
  countersign token inspect eyJ…
  countersign token inspect - < token.txt
  countersign token inspect --receipt eyJ…
  countersign token inspect eyJ… --receipt eyJ… --key keys.json

Shows header and claims, says them in words, and checks the signature: against --key FILE,
or against the key set of the running server, which is then named `not pinned`, because who
answers there was not checked. With token and receipt it also says whether the receipt is
that token's. Exit code 1 when a signature does not verify or the two do not belong
together, 2 when there is no key to check a receipt with. A token is a secret while it
lives: `-` keeps it out of the shell's history.";

/// Look into a token or a receipt
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Decode and check a token, a receipt, or a receipt against its token
    Inspect {
        /// The token; `-` reads standard input
        #[arg(required_unless_present = "receipt")]
        token: Option<String>,
        /// A receipt of the enforcer; `-` reads standard input
        #[arg(long, value_name = "RECEIPT")]
        receipt: Option<String>,
        /// Check signatures against this JWKS file; may be given several times
        #[arg(long, value_name = "FILE")]
        key: Vec<PathBuf>,
    },
}

/// The keys that signatures are checked against.
struct Keys {
    set: Option<VerifyingKeys>,
    pinned: bool,
}

/// One inspected text: its document, its lines for a person, whether its signature verifies.
struct Inspected {
    header: Value,
    claims: Value,
    signature: String,
    keys: &'static str,
    lines: Vec<String>,
    good: bool,
}

/// Decodes and checks.
pub(crate) async fn run(global: &Global, args: Args) -> Result<Report, Failure> {
    let What::Inspect {
        token,
        receipt,
        key,
    } = args.what;
    let now = Clock::system().now();
    let token = token.map(read).transpose()?;
    let receipt = receipt.map(read).transpose()?;
    let from_files = from_files(&key)?;
    let keys_of = async |role| match &from_files {
        Some(set) => Keys {
            set: Some(set.clone()),
            pinned: true,
        },
        None => Keys {
            set: published(global, role).await,
            pinned: false,
        },
    };
    let of_token = match &token {
        Some(text) => Some(inspect_token(text, &keys_of(Role::Authority).await, now)?),
        None => None,
    };
    let of_receipt = match &receipt {
        Some(text) => Some(inspect_receipt(text, &keys_of(Role::Enforcer).await)?),
        None => None,
    };
    match (of_token, of_receipt) {
        (Some(one), None) | (None, Some(one)) => Ok(one.report()),
        (Some(of_token), Some(of_receipt)) => {
            let text = token.unwrap_or_default();
            Ok(both(&text, &of_token, &of_receipt))
        }
        (None, None) => Err(Failure::Usage("give a token or --receipt".to_owned())),
    }
}

/// The token, the receipt, and whether the second is the first's.
fn both(text: &str, token: &Inspected, receipt: &Inspected) -> Report {
    let differences = compare::differences(text, &token.claims, &receipt.claims);
    let mut lines = vec!["token".to_owned()];
    lines.extend(token.lines.iter().cloned());
    lines.push("\nreceipt".to_owned());
    lines.extend(receipt.lines.iter().cloned());
    if differences.is_empty() {
        lines.push("\nthe receipt is this token's".to_owned());
    } else {
        lines.push("\nTHE RECEIPT IS NOT THIS TOKEN'S:".to_owned());
        lines.extend(
            differences
                .iter()
                .map(|difference| format!("  {difference}")),
        );
    }
    let good = token.good && receipt.good && differences.is_empty();
    let document = json!({
        "token": token.document(),
        "receipt": receipt.document(),
        "belong_together": differences.is_empty(),
        "differences": differences,
    });
    Report::new(document, lines.join("\n")).verdict(Verdict::of(good))
}

impl Inspected {
    fn document(&self) -> Value {
        json!({
            "header": self.header,
            "claims": self.claims,
            "signature": self.signature,
            "keys": self.keys,
        })
    }

    fn report(self) -> Report {
        let text = self.lines.join("\n");
        Report::new(self.document(), text).verdict(Verdict::of(self.good))
    }
}

fn inspect_token(text: &str, keys: &Keys, now: Timestamp) -> Result<Inspected, Failure> {
    let (header, claims) = open(text)?;
    let checked = keys.set.as_ref().map(|set| signature(text, &claims, set));
    let said = match &checked {
        None => "not checked: no key set at hand (--key FILE)".to_owned(),
        Some(Ok(())) => "verifies".to_owned(),
        Some(Err(why)) => format!("DOES NOT VERIFY: {why}"),
    };
    let mut lines = vec![format!("header {header}"), pretty(&claims)];
    lines.extend(words::of_token(&claims, now));
    lines.push(format!("signature {said}{}", keys.remark("authority")));
    Ok(Inspected {
        header,
        claims,
        signature: said,
        keys: keys.name(),
        lines,
        good: checked.is_none_or(|checked| checked.is_ok()),
    })
}

fn inspect_receipt(text: &str, keys: &Keys) -> Result<Inspected, Failure> {
    let (header, claims) = open(text)?;
    let no_keys = || {
        Failure::could_not(
            "there is no key to check the receipt with: give --key FILE, or start the enforcer",
        )
    };
    let set = keys.set.as_ref().ok_or_else(no_keys)?;
    let checked = receipt::verify(text, set).map_err(|error| error_chain(&error));
    let said = match &checked {
        Ok(_) => "verifies".to_owned(),
        Err(why) => format!("DOES NOT VERIFY: {why}"),
    };
    let mut lines = vec![format!("header {header}")];
    match Receipt::deserialize(claims.clone()) {
        Ok(receipt) => lines.extend(words::of_receipt(&receipt)),
        Err(_) => lines.push(pretty(&claims)),
    }
    lines.push(format!("signature {said}{}", keys.remark("enforcer")));
    Ok(Inspected {
        header,
        claims,
        signature: said,
        keys: keys.name(),
        lines,
        good: checked.is_ok(),
    })
}

impl Keys {
    fn name(&self) -> &'static str {
        match (&self.set, self.pinned) {
            (None, _) => "none",
            (Some(_), true) => "pinned",
            (Some(_), false) => "not pinned",
        }
    }

    fn remark(&self, server: &str) -> String {
        if self.set.is_some() && !self.pinned {
            format!("; key not pinned: it came from the running {server}")
        } else {
            String::new()
        }
    }
}

/// Header and claims, unverified.
fn open(text: &str) -> Result<(Value, Value), Failure> {
    let no_jws = || Failure::could_not("this is no compact JWS: three parts with dots between");
    let header = text.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_cause| no_jws())?;
    let header: Value = serde_json::from_slice(&header).map_err(|_cause| no_jws())?;
    let claims = jws::peek(text).map_err(|error| Failure::because("nothing to show", error))?;
    Ok((header, claims))
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

/// The keys of all files together; none when no file is given.
fn from_files(paths: &[PathBuf]) -> Result<Option<VerifyingKeys>, Failure> {
    if paths.is_empty() {
        return Ok(None);
    }
    let texts = paths.iter().map(|path| from_file(path));
    let texts: Vec<String> = texts.collect::<Result<_, _>>()?;
    let keys = pinned(&texts).map_err(|error| Failure::could_not(format!("--key: {error}")))?;
    Ok(Some(keys))
}

fn from_file(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::because(format!("cannot read `{}`", path.display()), error))
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
