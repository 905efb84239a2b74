//! Dependencies: which way they point, which features they enable, how old they may be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{read, root};

/// The crates, by folder.
const FOLDERS: [&str; 10] = [
    "intent",
    "ledger",
    "service",
    "authority",
    "enforcer",
    "planner",
    "simulator",
    "cli",
    "tests",
    "tests/support",
];

/// Which crates of this workspace each may use (DESIGN §2).
const ARROWS: [(&str, &[&str]); 10] = [
    ("intent", &[]),
    ("ledger", &["intent"]),
    ("service", &["intent"]),
    ("authority", &["intent", "ledger", "service"]),
    ("enforcer", &["intent", "ledger", "service"]),
    ("planner", &["intent", "service"]),
    ("simulator", &["intent", "service"]),
    (
        "cli",
        &[
            "authority",
            "enforcer",
            "intent",
            "ledger",
            "planner",
            "service",
            "simulator",
        ],
    ),
    ("tests", &["intent", "service"]),
    ("tests/support", &[]),
];

/// What a crate must never use, directly.
const NEVER: [(&str, &[&str]); 6] = [
    (
        "intent",
        &[
            "tokio",
            "axum",
            "sqlx",
            "reqwest",
            "hyper",
            "rand",
            "getrandom",
            "anyhow",
        ],
    ),
    ("ledger", &["axum", "reqwest", "hyper", "anyhow"]),
    // No upstream client and no signing of receipts' calls: the authority talks to enforcers through `service`.
    (
        "authority",
        &["hyper", "hyper-util", "tokio-rustls", "anyhow"],
    ),
    ("enforcer", &["cedar-policy", "anyhow"]),
    (
        "planner",
        &[
            "cedar-policy",
            "ed25519-dalek",
            "jsonwebtoken",
            "hyper",
            "anyhow",
        ],
    ),
    ("service", &["cedar-policy", "anyhow"]),
];

struct Manifest {
    folder: &'static str,
    table: Table,
}

impl Manifest {
    fn all() -> Vec<Self> {
        let load = |folder| Self {
            folder,
            table: read(&root().join(folder).join("Cargo.toml"))
                .parse()
                .unwrap(),
        };
        FOLDERS.into_iter().map(load).collect()
    }

    fn of(folder: &str) -> Self {
        Self::all()
            .into_iter()
            .find(|manifest| manifest.folder == folder)
            .unwrap()
    }

    /// The dependencies of one kind, `target` tables included.
    fn section(&self, kind: &str) -> BTreeMap<String, Value> {
        let mut found: BTreeMap<String, Value> = table(&self.table, kind);
        for (_, target) in table(&self.table, "target") {
            found.extend(table(target.as_table().unwrap(), kind));
        }
        found
    }

    /// What the crate itself is built from.
    fn dependencies(&self) -> BTreeMap<String, Value> {
        let mut found = self.section("dependencies");
        found.extend(self.section("build-dependencies"));
        found
    }
}

fn table(within: &Table, name: &str) -> BTreeMap<String, Value> {
    let inner = within.get(name).and_then(Value::as_table);
    inner
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The features that a dependency enables.
fn features(dependency: &Value) -> Vec<&str> {
    let listed = dependency.get("features").and_then(Value::as_array);
    listed
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[test]
fn crates_depend_on_each_other_in_one_direction_only() {
    for manifest in Manifest::all() {
        let (_, allowed) = ARROWS
            .iter()
            .find(|(folder, _)| *folder == manifest.folder)
            .unwrap();
        let mut used = manifest.dependencies();
        if manifest.folder == "tests" {
            used.extend(manifest.section("dev-dependencies"));
        }
        for name in used
            .keys()
            .filter_map(|name| name.strip_prefix("countersign-"))
        {
            assert!(
                allowed.contains(&name),
                "`{}` depends on `{name}`, which DESIGN §2 does not let it",
                manifest.folder
            );
        }
    }
}

#[test]
fn the_workspace_has_these_crates_and_no_others() {
    let manifest: Table = read(&root().join("Cargo.toml")).parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().filter_map(Value::as_str).collect();
    assert_eq!(
        members,
        FOLDERS.into_iter().collect(),
        "a new crate needs its arrows in this test"
    );
}

#[test]
fn no_crate_uses_what_it_must_never_know() {
    for (folder, never) in NEVER {
        let used = Manifest::of(folder).dependencies();
        for name in never {
            assert!(!used.contains_key(*name), "`{folder}` depends on `{name}`");
        }
    }
}

#[test]
fn every_version_stands_once_in_the_workspace() {
    for manifest in Manifest::all() {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in manifest.section(kind) {
                let shared = value.get("workspace").and_then(Value::as_bool) == Some(true);
                assert!(
                    shared,
                    "`{}` names its own version of `{name}`",
                    manifest.folder
                );
            }
        }
    }
}

#[test]
fn intents_are_signed_by_the_authority_alone() {
    for manifest in Manifest::all() {
        let dependencies = manifest.dependencies();
        let signs = dependencies
            .get("countersign-intent")
            .is_some_and(|dependency| features(dependency).contains(&"issue"));
        assert_eq!(
            signs,
            manifest.folder == "authority",
            "`{}`: feature `issue` of intent",
            manifest.folder
        );
    }
    let workspace: Table = read(&root().join("Cargo.toml")).parse().unwrap();
    let shared = &workspace["workspace"]["dependencies"]["countersign-intent"];
    assert!(
        features(shared).is_empty(),
        "the workspace enables features of intent for everybody"
    );
    assert!(
        !defaults(&Manifest::of("intent")).contains("issue"),
        "feature `issue` is on by default"
    );
}

#[test]
fn fault_points_are_no_part_of_a_default_build() {
    let workspace: Table = read(&root().join("Cargo.toml")).parse().unwrap();
    for (name, dependency) in workspace["workspace"]["dependencies"].as_table().unwrap() {
        assert!(
            !features(dependency).contains(&"faults"),
            "the workspace enables faults of `{name}`"
        );
    }
    for manifest in Manifest::all() {
        assert!(
            !defaults(&manifest).contains("faults"),
            "`{}`: faults are on by default",
            manifest.folder
        );
        for (name, dependency) in manifest.dependencies() {
            assert!(
                !features(&dependency).contains(&"faults"),
                "`{}` enables faults of `{name}`",
                manifest.folder
            );
        }
    }
}

/// Tests arm fault points; whatever else builds the binary builds it without them.
#[test]
fn only_the_tests_own_scripts_build_with_fault_points() {
    const TESTS: [&str; 2] = ["scripts/test", "scripts/faults-full"];
    let mut builders = 0;
    for path in super::repository() {
        let name = super::shown(&path);
        let script = name.starts_with("scripts/") || name.starts_with(".ci/");
        let ending = path.extension().unwrap_or_default();
        let other = name.ends_with("Dockerfile") || ending == "yml" || ending == "yaml";
        let Some(text) = std::fs::read_to_string(&path)
            .ok()
            .filter(|_| script || other)
        else {
            continue;
        };
        let enables = |line: &str| line.contains("--features") && line.contains("faults");
        if text.lines().any(enables) {
            assert!(
                TESTS.contains(&name.as_str()),
                "`{name}` builds with faults"
            );
            builders += 1;
        }
    }
    assert_eq!(
        builders,
        TESTS.len(),
        "this test no longer sees who builds with faults"
    );
}

/// Every feature that is on by default, with those that these enable.
fn defaults(manifest: &Manifest) -> BTreeSet<String> {
    let all = table(&manifest.table, "features");
    let mut open = vec!["default".to_owned()];
    let mut on = BTreeSet::new();
    while let Some(feature) = open.pop() {
        let enabled = all.get(&feature).and_then(Value::as_array);
        let enabled = enabled.into_iter().flatten().filter_map(Value::as_str);
        for name in enabled.map(|name| name.rsplit('/').next().unwrap().to_owned()) {
            if on.insert(name.clone()) {
                open.push(name);
            }
        }
    }
    on
}

/// The locked packages: name to versions.
fn locked() -> BTreeMap<String, Vec<[u64; 3]>> {
    let lock: Table = read(&root().join("Cargo.lock")).parse().unwrap();
    let mut found: BTreeMap<String, Vec<[u64; 3]>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let version = package["version"].as_str().unwrap();
        found
            .entry(package["name"].as_str().unwrap().to_owned())
            .or_default()
            .push(numbers(version));
    }
    found
}

fn numbers(version: &str) -> [u64; 3] {
    let plain = version.split(['-', '+']).next().unwrap();
    let mut parts = plain.split('.').map(|part| part.parse().unwrap());
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

#[test]
fn dependencies_are_not_older_than_their_floors() {
    // SECURITY-DESIGN §12; a package that is absent cannot be too old.
    const FLOORS: [(&str, &str); 15] = [
        ("jsonwebtoken", "10.3.0"),
        ("ed25519-dalek", "2.0.0"),
        ("curve25519-dalek", "4.1.3"),
        ("sqlx", "0.9.0"),
        ("tokio", "1.44.2"),
        ("h2", "0.4.16"),
        ("bytes", "1.11.1"),
        ("time", "0.3.47"),
        ("lru", "0.18.2"),
        ("rustls", "0.23.18"),
        ("rustls-webpki", "0.103.13"),
        ("aws-lc-sys", "0.39.0"),
        ("ring", "0.17.12"),
        ("idna", "1.0.0"),
        ("tokio-postgres", "0.7.18"),
    ];
    let locked = locked();
    for (name, floor) in FLOORS {
        for version in locked.get(name).into_iter().flatten() {
            assert!(
                *version >= numbers(floor),
                "`{name}` {version:?} is older than {floor}"
            );
        }
    }
    for name in [
        "jsonwebtoken",
        "ed25519-dalek",
        "sqlx",
        "tokio",
        "rustls",
        "ring",
    ] {
        assert_eq!(
            locked.get(name).map(Vec::len),
            Some(1),
            "one version of `{name}`"
        );
    }
}

#[test]
fn unwanted_packages_are_absent() {
    let locked = locked();
    for name in [
        "serde_yml",
        "serde_yaml",
        "rustls-pemfile",
        "rsa",
        "openssl-sys",
        "native-tls",
        "madsim",
    ] {
        assert!(!locked.contains_key(name), "`{name}` is in Cargo.lock");
    }
    for (folder, kind) in FOLDERS
        .into_iter()
        .flat_map(|folder| [(folder, "dependencies")])
    {
        let used = Manifest::of(folder).section(kind);
        assert!(
            !used.contains_key("rmcp"),
            "`{folder}` uses rmcp outside tests"
        );
    }
}

#[test]
fn parsers_and_verifiers_are_pinned_exactly() {
    let workspace: Table = read(&root().join("Cargo.toml")).parse().unwrap();
    for name in ["cedar-policy", "jsonwebtoken", "serde_json_canonicalizer"] {
        let dependency = &workspace["workspace"]["dependencies"][name];
        let version = dependency
            .as_str()
            .or_else(|| dependency.get("version")?.as_str())
            .unwrap();
        assert!(version.starts_with('='), "`{name}` {version} is not pinned");
    }
}

/// Features unify over the whole workspace, so this binary shows what every other one gets. Cedar turns
/// `preserve_order` on, which the canonical form bears (a test of `intent`); none of our crates may rely
/// on it.
#[test]
fn numbers_of_json_are_as_the_canonical_form_needs_them() {
    assert!(
        serde_json::from_str::<Json>("1e400").is_err(),
        "feature `arbitrary_precision` is on"
    );
    let manifests = Manifest::all();
    for manifest in &manifests {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let section = manifest.section(kind);
            let enabled = section.get("serde_json").map(features).unwrap_or_default();
            assert!(
                !enabled.contains(&"preserve_order") && !enabled.contains(&"arbitrary_precision"),
                "`{}` enables {enabled:?}",
                manifest.folder
            );
        }
    }
}
