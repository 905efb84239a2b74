//! What the bench's enforcer is told: keys, a catalogue, an agent. And requests with tokens for it.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, ValueEnum};
use countersign_intent::catalogue::Catalogue;
use countersign_intent::digest::Digest;
use countersign_intent::id::{IntentId, PlanId, TenantId};
use countersign_intent::key::SigningKey;
use countersign_intent::render::render;
use countersign_intent::token::{Intent, ToolCall, Use};
use countersign_intent::tool::{Effect, Tool};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::catalogue;

const AGENT_KEY: &str = "cs_agent_of-the-bench-and-of-nobody-else";
const SERVICE_KEY: &str = "cs_svc_of-the-bench-and-of-nobody-else";
const UPSTREAM_KEY: &str = "cs_up_of-the-bench-and-of-nobody-else";
/// The longest life that a token may have, in seconds.
const LIFE: i64 = 300;

/// What the requests hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Tokens for reads, each good for many calls.
    Lease,
    /// Tokens for calls that change something, each for another resource.
    Once,
    /// Tokens for calls that change something, with one bit of the signature turned.
    Forged,
}

/// Which requests to write.
#[derive(Clone, Debug, Args)]
pub(crate) struct TokenArgs {
    #[arg(long)]
    pub(crate) kind: Kind,
    #[arg(long)]
    pub(crate) count: usize,
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// A folder with all of it.
#[derive(Debug)]
pub(crate) struct World {
    folder: PathBuf,
    key: SigningKey,
}

impl World {
    /// Makes `folder` with a catalogue of `tools` tools.
    pub(crate) fn make(folder: &Path, tools: usize) -> Self {
        std::fs::create_dir_all(folder.join("policies/tools")).expect("the world's folder");
        let mut seed = [0; 32];
        let mut random = std::fs::File::open("/dev/urandom").expect("randomness");
        std::io::Read::read_exact(&mut random, &mut seed).expect("randomness");
        let write = |name: &str, text: &str| {
            private(&folder.join(name), text);
        };
        write("seed", &URL_SAFE_NO_PAD.encode(seed));
        write("service.key", SERVICE_KEY);
        write("upstream.key", UPSTREAM_KEY);
        write("policies/tools/bench.toml", &catalogue::toml(tools));
        let hash = hex(&Sha256::digest(AGENT_KEY));
        write(
            "policies/agents.toml",
            &format!(
                "[[agent]]\nname = \"bench\"\nautonomy = \"automate-destructive\"\nkey_sha256 = \"{hash}\"\n"
            ),
        );
        write("policies/operators.toml", "");
        write("countersign.toml", catalogue::SETTINGS);
        Self::open(folder)
    }

    /// The one that [`World::make`] made.
    pub(crate) fn open(folder: &Path) -> Self {
        let seed = std::fs::read_to_string(folder.join("seed")).expect("a world, from `mint`");
        let seed = URL_SAFE_NO_PAD.decode(seed).unwrap();
        let key = SigningKey::from_seed(&seed.try_into().unwrap()).unwrap();
        Self {
            folder: folder.to_owned(),
            key,
        }
    }

    /// A file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The key set that trusts its tokens.
    pub(crate) fn keys(&self) -> Value {
        json!({"keys": [self.key.verifying_key().to_jwk()]})
    }

    /// Writes `args.count` requests to `args.out`, one a line.
    pub(crate) fn write_requests(&self, args: &TokenArgs) {
        let effect = match args.kind {
            Kind::Lease => Effect::Read,
            Kind::Once | Kind::Forged => Effect::Service,
        };
        let file = self.path("policies/tools/bench.toml");
        let text = std::fs::read_to_string(file).unwrap();
        let catalogue = Catalogue::parse(&[("tools/bench.toml".to_owned(), text)]).unwrap();
        let tools: Vec<&Tool> = catalogue
            .iter()
            .filter(|tool| tool.effect == effect)
            .take(8)
            .collect();
        let mut random = Random::new();
        let mut out = BufWriter::new(std::fs::File::create(&args.out).unwrap());
        for number in 0..args.count {
            let request = self.request(tools[number % tools.len()], args.kind, number, &mut random);
            writeln!(out, "{request}").unwrap();
        }
        out.flush().unwrap();
    }

    fn request(&self, tool: &Tool, kind: Kind, number: usize, random: &mut Random) -> Value {
        // Few enough to be counted one by one under the ceilings, many enough not to wait for each other.
        let service = format!("svc-{:04}", number % 2_000);
        let params = match kind {
            Kind::Lease => json!({"service_id": service}),
            Kind::Once | Kind::Forged => json!({"service_id": service, "replicas": number % 90}),
        };
        let usage = if kind == Kind::Lease {
            Use::Lease
        } else {
            Use::Once
        };
        let intent = intent(tool, &params, usage, random);
        let mut token = self.sign(&intent);
        if kind == Kind::Forged {
            forge(&mut token);
        }
        json!({
            "method": "POST",
            "path": "/v1/calls",
            "headers": {
                "authorization": format!("Bearer {AGENT_KEY}"),
                "content-type": "application/json",
                "intent-token": token,
            },
            "body": json!({"tool": tool.name, "params": params}).to_string(),
        })
    }

    /// Signs as the authority would. (The feature of `intent` that does it is the authority's alone.)
    fn sign(&self, intent: &Intent) -> String {
        let header = json!({"alg": "EdDSA", "kid": self.key.kid(), "typ": "intent+jwt"});
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(intent).unwrap());
        let mut token = format!("{header}.{claims}");
        let signature = self.key.sign(token.as_bytes());
        write!(token, ".{}", URL_SAFE_NO_PAD.encode(signature)).unwrap();
        token
    }
}

/// What the authority would have approved.
fn intent(tool: &Tool, params: &Value, usage: Use, random: &mut Random) -> Intent {
    let params = tool.params(params.as_object().unwrap().clone()).unwrap();
    let now = Timestamp::now();
    let second = now.as_second();
    Intent {
        iss: "countersign".to_owned(),
        sub: "bench".parse().unwrap(),
        aud: "enforcer".to_owned(),
        iat: second,
        nbf: second,
        exp: second + LIFE,
        jti: IntentId::mint(now, random.bytes()),
        authorization_details: [ToolCall {
            type_: "tool_call".to_owned(),
            tool: tool.name.clone(),
            params_sha256: params.digest(),
            definition_sha256: tool.definition_sha256(),
            request_sha256: render(tool, &params).unwrap().digest(),
            use_: usage,
        }],
        tenant: TenantId::single(),
        plan: PlanId::mint(now, random.bytes()),
        plan_sha256: Digest::of(b"plan"),
        step: "s1".parse().unwrap(),
        policy: Digest::of(b"bundle"),
        policy_epoch: 1,
        approvals: None,
        precondition: None,
        cnf: None,
    }
}

/// Turns one bit in the middle of the signature.
fn forge(token: &mut String) {
    let at = token.len() - 40;
    let other = if token.as_bytes()[at] == b'A' {
        "B"
    } else {
        "A"
    };
    token.replace_range(at..=at, other);
}

/// Ids need to differ, and nothing else: a counter under SHA-256.
struct Random {
    seed: u128,
    count: u64,
}

impl Random {
    fn new() -> Self {
        let now = Timestamp::now().as_nanosecond().unsigned_abs();
        Self {
            seed: now ^ (u128::from(std::process::id()) << 96),
            count: 0,
        }
    }

    fn bytes(&mut self) -> [u8; 10] {
        self.count += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.count.to_be_bytes());
        hash.finalize()[..10].try_into().unwrap()
    }
}

fn private(path: &Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .expect("a file of the world");
    file.write_all(text.as_bytes()).unwrap();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
