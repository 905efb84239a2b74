//! `countersign keys`: the keys of an installation whose roles run apart.

use clap::Subcommand;
use countersign_service::credential::{KeyKind, SecretKey};
use countersign_service::random::Random;
use serde_json::json;

use crate::data::DataFolder;
use crate::data::prepare::{People, Places, prepare, register_proof_keys};
use crate::failure::Failure;
use crate::output::Report;
use crate::settings::Settings;

const EXAMPLES: &str = "\
Example, for five processes that each get only their own keys:
  countersign keys generate --data setup --demo
  authority  needs setup/overlay, setup/keys/service.key
  enforcer   needs setup/overlay, setup/keys/service.key, setup/keys/upstream-cloud.key
  planner    needs setup/overlay, setup/keys/agent-remediator.key
  simulator  needs setup/overlay, setup/keys/upstream-cloud.key
  console    needs setup/overlay
The overlay holds hashes and public keys alone. Signing keys are not made here: the
authority and the enforcer each make their own on their first start.";

/// Generate the keys of an installation
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write every missing key into the data folder; starts nothing, changes no key that is there
    Generate {
        /// For the approvers too, with a signing key each
        #[arg(long)]
        demo: bool,
        /// Also a key with which this agent proves each of its requests: keys/proof-NAME.jwk. From then
        /// on its calls need the proof; may be given several times
        #[arg(long, value_name = "NAME")]
        proof: Vec<String>,
    },
}

/// Generates what is missing.
pub(crate) fn run(settings: &Settings, args: &Args) -> Result<Report, Failure> {
    let What::Generate { demo, proof } = &args.what;
    let failed = |error| Failure::because("cannot write the keys", error);
    let data = DataFolder::make(&settings.data()).map_err(failed)?;
    let _lock = data.lock()?;
    let random = Random::system();
    let (policies, overlay) = (settings.policies(), settings.overlay());
    let places = Places {
        data: &data,
        policies: &policies,
        overlay: &overlay,
    };
    let people = if *demo {
        People::Demo
    } else {
        People::Operator
    };
    let credentials = prepare(places, people, &random)?;
    register_proof_keys(places, proof, &random)?;
    let shared = [
        ("service.key", KeyKind::Service),
        ("upstream-cloud.key", KeyKind::Upstream),
    ];
    for (name, kind) in shared {
        SecretKey::read_or_generate(&data.key(name), kind, &random).map_err(failed)?;
    }
    for (name, key) in credentials.agent_keys.iter() {
        key.write(&data.key(&format!("agent-{name}.key")))
            .map_err(failed)?;
    }
    let path = std::path::absolute(data.path()).unwrap_or_else(|_| data.path().to_owned());
    let document = json!({
        "data": path,
        "credentials": path.join("credentials.json"),
        "overlay": overlay,
        "keys": path.join("keys"),
    });
    Ok(Report::new(
        document,
        format!("The keys are in {}", path.join("keys").display()),
    ))
}
