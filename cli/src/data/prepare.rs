//! First start: generates the keys that are missing and the overlay that holds their hashes.
//!
//! `credentials.json` keeps the keys in clear for their owners; the overlay is what servers read. A
//! restart finds both and changes nothing.

use std::path::Path;

use countersign_intent::key::SigningKey;
use countersign_service::credential::{KeyKind, SecretKey};
use countersign_service::files::{
    FileError, ensure_dir_private, read_private, read_text, read_text_if_present, write_private,
};
use countersign_service::random::Random;
use toml::{Table, Value};

use super::DataFolder;
use super::credentials::{CredentialsFile, Keys};
use crate::failure::Failure;

/// For whom keys are generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum People {
    /// The first operator and every agent.
    Operator,
    /// Everybody, approvers with a signing key each.
    Demo,
}

/// Where things are read from and written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    /// The data folder.
    pub(crate) data: &'a DataFolder,
    /// The policies folder.
    pub(crate) policies: &'a Path,
    /// The overlay folder.
    pub(crate) overlay: &'a Path,
}

/// One row of `agents.toml` or `operators.toml`, as far as keys go.
#[derive(Debug)]
struct Entry {
    name: String,
    roles: Vec<String>,
    has_key: bool,
}

/// Generates what is missing and gives everybody's keys.
pub(crate) fn prepare(
    places: Places<'_>,
    people: People,
    random: &Random,
) -> Result<CredentialsFile, Failure> {
    let agents = entries(places.policies, "agents.toml", "agent")?;
    let operators = entries(places.policies, "operators.toml", "operator")?;
    let path = places.data.credentials();
    let mut file = CredentialsFile::read(&path)?.unwrap_or_default();
    let failed = |error| Failure::because("cannot prepare the data folder", error);

    ensure_dir_private(places.overlay).map_err(failed)?;
    let mut overlay = Overlay::read(places.overlay, "agents.toml", "agent")?;
    for agent in agents.iter().filter(|agent| !agent.has_key) {
        let key = known_or_new(&mut file.agent_keys, &agent.name, KeyKind::Agent, random);
        overlay.set(&agent.name, "key_sha256", &key.hash().to_string());
    }
    overlay.write().map_err(failed)?;

    let mut overlay = Overlay::read(places.overlay, "operators.toml", "operator")?;
    if let Some(operator) = first_operator(&operators) {
        let key = match &file.operator_key {
            Some(key) => key.secret(),
            None => SecretKey::generate(KeyKind::Operator, random),
        };
        overlay.set(&operator.name, "key_sha256", &key.hash().to_string());
        file.operator_key = Some(key.into());
    }
    if people == People::Demo {
        for approver in operators
            .iter()
            .filter(|entry| entry.is("approver") && !entry.has_key)
        {
            let name = &approver.name;
            let key = known_or_new(&mut file.approver_keys, name, KeyKind::Operator, random);
            overlay.set(name, "key_sha256", &key.hash().to_string());
            let signing = signing_key(&places.data.key(&format!("approver-{name}.jwk")), random)?;
            overlay.set(
                name,
                "approver_key",
                &signing.verifying_key().to_base64url(),
            );
        }
    }
    overlay.write().map_err(failed)?;
    file.write(&path).map_err(failed)?;
    Ok(file)
}

/// Registers a key for each of these agents, with which it proves its requests from now on; the private
/// half is kept in the data folder. A key that is there stays.
pub(crate) fn register_proof_keys(
    places: Places<'_>,
    agents: &[String],
    random: &Random,
) -> Result<(), Failure> {
    let known = entries(places.policies, "agents.toml", "agent")?;
    let failed = |error| Failure::because("cannot prepare the data folder", error);
    let mut overlay = Overlay::read(places.overlay, "agents.toml", "agent")?;
    for name in agents {
        if !known.iter().any(|agent| agent.name == *name) {
            return Err(Failure::Usage(format!(
                "--proof: there is no agent `{name}` in agents.toml"
            )));
        }
        let key = signing_key(&places.data.key(&format!("proof-{name}.jwk")), random)?;
        overlay.set(name, "public_key", &key.verifying_key().to_base64url());
    }
    overlay.write().map_err(failed)
}

/// The person who operates, and does not approve, in file order.
fn first_operator(operators: &[Entry]) -> Option<&Entry> {
    let free = || {
        operators
            .iter()
            .filter(|entry| entry.is("operator") && !entry.has_key)
    };
    free()
        .find(|entry| !entry.is("approver"))
        .or_else(|| free().next())
}

fn known_or_new(keys: &mut Keys, name: &str, kind: KeyKind, random: &Random) -> SecretKey {
    keys.get(name).unwrap_or_else(|| {
        let key = SecretKey::generate(kind, random);
        keys.push(name, key.clone());
        key
    })
}

/// The private key at `path`, generated where missing.
fn signing_key(path: &Path, random: &Random) -> Result<SigningKey, Failure> {
    let broken = |error| Failure::because(format!("`{}` is no key", path.display()), error);
    let unwritten = |error| Failure::because("cannot keep a signing key", error);
    if path.exists() {
        let text = read_private(path).map_err(unwritten)?;
        return SigningKey::from_jwk(&text).map_err(broken);
    }
    let key = SigningKey::from_seed(&random.bytes::<32>()).map_err(broken)?;
    write_private(path, key.to_private_jwk().as_bytes()).map_err(unwritten)?;
    Ok(key)
}

fn entries(policies: &Path, file: &str, kind: &str) -> Result<Vec<Entry>, Failure> {
    let path = policies.join(file);
    let text = read_text(&path).map_err(|error| {
        let hint = "name the policies folder with --policies or COUNTERSIGN_POLICIES";
        Failure::because(
            format!("no policies at `{}` ({hint})", policies.display()),
            error,
        )
    })?;
    let table = parse(&path, &text)?;
    let rows = table
        .get(kind)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    Ok(rows.iter().filter_map(Entry::read).collect())
}

fn parse(path: &Path, text: &str) -> Result<Table, Failure> {
    toml::from_str(text)
        .map_err(|error| Failure::because(format!("`{}` is no TOML", path.display()), error))
}

impl Entry {
    fn read(row: &Value) -> Option<Self> {
        let name = row.get("name")?.as_str()?.to_owned();
        let roles = row.get("roles").and_then(Value::as_array);
        let roles = roles
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned);
        Some(Self {
            name,
            roles: roles.collect(),
            has_key: row.get("key_sha256").is_some(),
        })
    }

    fn is(&self, role: &str) -> bool {
        self.roles.iter().any(|one| one == role)
    }
}

/// One file of the overlay being brought up to date: rows by name, those of others kept.
struct Overlay {
    path: std::path::PathBuf,
    kind: &'static str,
    rows: Vec<Value>,
    before: Option<String>,
}

impl Overlay {
    fn read(folder: &Path, file: &str, kind: &'static str) -> Result<Self, Failure> {
        let path = folder.join(file);
        let before = read_text_if_present(&path)
            .map_err(|error| Failure::because("cannot read the overlay", error))?;
        let mut table = parse(&path, before.as_deref().unwrap_or_default())?;
        let rows = match table.remove(kind) {
            Some(Value::Array(rows)) => rows,
            Some(_) | None => Vec::new(),
        };
        Ok(Self {
            path,
            kind,
            rows,
            before,
        })
    }

    fn set(&mut self, name: &str, member: &str, value: &str) {
        let is = |row: &Value| row.get("name").and_then(Value::as_str) == Some(name);
        if !self.rows.iter().any(is) {
            let mut row = Table::new();
            row.insert("name".to_owned(), name.into());
            self.rows.push(row.into());
        }
        for row in self.rows.iter_mut().filter(|row| is(row)) {
            if let Value::Table(row) = row {
                row.insert(member.to_owned(), value.into());
            }
        }
    }

    fn write(self) -> Result<(), FileError> {
        let mut table = Table::new();
        table.insert(self.kind.to_owned(), Value::Array(self.rows));
        let text = format!(
            "# Generated by `countersign`: hashes of bearer keys and public keys, nothing secret.\n{table}"
        );
        if self.before.as_ref() == Some(&text) {
            return Ok(());
        }
        write_private(&self.path, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use countersign_intent::id::OperatorId;
    use countersign_service::directory::Directory;

    use super::*;

    const AGENTS: &str = r#"
[[agent]]
name = "remediator"
autonomy = "automate-safe"
[[agent]]
name = "outsider"
autonomy = "observe"
key_sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
"#;
    const OPERATORS: &str = r#"
[[operator]]
name = "operator"
roles = ["operator"]
[[operator]]
name = "alice"
roles = ["approver", "sre"]
"#;

    struct World {
        _folder: tempfile::TempDir,
        data: DataFolder,
        policies: std::path::PathBuf,
        overlay: std::path::PathBuf,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let policies = folder.path().join("policies");
            fs::create_dir(&policies).unwrap();
            fs::write(policies.join("agents.toml"), AGENTS).unwrap();
            fs::write(policies.join("operators.toml"), OPERATORS).unwrap();
            let data = DataFolder::make(&folder.path().join("data")).unwrap();
            let overlay = data.path().join("overlay");
            Self {
                _folder: folder,
                data,
                policies,
                overlay,
            }
        }

        fn prepare(&self, people: People) -> CredentialsFile {
            let places = Places {
                data: &self.data,
                policies: &self.policies,
                overlay: &self.overlay,
            };
            prepare(places, people, &Random::seeded(1)).unwrap()
        }
    }

    #[test]
    fn everybody_generated_is_known_to_the_servers() {
        let world = World::new();
        let keys = world.prepare(People::Demo);
        let directory = Directory::load(&world.policies, Some(&world.overlay)).unwrap();
        let agent = keys.agent_keys.get("remediator").unwrap();
        assert_eq!(
            directory.by_agent_key(agent.expose()).unwrap().id.as_str(),
            "remediator"
        );
        let operator = keys.operator_key.clone().unwrap().secret();
        assert_eq!(
            directory
                .by_operator_key(operator.expose())
                .unwrap()
                .id
                .as_str(),
            "operator"
        );
        let alice: OperatorId = "alice".parse().unwrap();
        assert!(directory.operator(&alice).unwrap().approver_key.is_some());
        assert!(
            keys.agent_keys.get("outsider").is_none(),
            "who has a key keeps it"
        );
    }

    #[test]
    fn a_restart_changes_nothing() {
        let world = World::new();
        world.prepare(People::Demo);
        let read = || {
            [
                "credentials.json",
                "overlay/agents.toml",
                "overlay/operators.toml",
            ]
            .map(|name| fs::read_to_string(world.data.path().join(name)).unwrap())
        };
        let before = read();
        world.prepare(People::Demo);
        assert_eq!(read(), before);
    }

    #[test]
    fn without_the_demo_nobody_can_approve() {
        let world = World::new();
        let keys = world.prepare(People::Operator);
        assert!(keys.operator_key.is_some());
        assert_eq!(keys.approver_keys.iter().count(), 0);
        assert!(!world.data.key("approver-alice.jwk").exists());
    }

    #[test]
    fn proof_keys_are_registered_once_and_for_known_agents_alone() {
        let world = World::new();
        world.prepare(People::Operator);
        let places = Places {
            data: &world.data,
            policies: &world.policies,
            overlay: &world.overlay,
        };
        let random = Random::seeded(2);
        let register = |name: &str| register_proof_keys(places, &[name.to_owned()], &random);
        register("outsider").unwrap();
        let key = || fs::read_to_string(world.data.key("proof-outsider.jwk")).unwrap();
        let before = key();
        register("outsider").unwrap();
        world.prepare(People::Operator);
        assert_eq!(key(), before);
        let public = SigningKey::from_jwk(&before).unwrap();
        let directory = Directory::load(&world.policies, Some(&world.overlay)).unwrap();
        let outsider = directory.agent(&"outsider".parse().unwrap()).unwrap();
        assert_eq!(outsider.public_key.as_ref(), Some(public.verifying_key()));
        assert!(matches!(register("nobody"), Err(Failure::Usage(_))));
    }
}
