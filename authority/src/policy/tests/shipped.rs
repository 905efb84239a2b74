//! The policies as they are shipped.

use countersign_intent::tool::Effect;
use serde_json::{Value, json};

use super::super::{Bundle, Verdict};
use super::{SHIPPED_FOLDER, agent, codes, decide, folder};

const LEVELS: [&str; 4] = [
    "observe",
    "recommend",
    "automate-safe",
    "automate-destructive",
];

/// DESIGN §4: rows are levels of autonomy, columns effects.
const TABLE: [[Verdict; 4]; 4] = {
    use Verdict::{Allow as A, Deny as D, NeedsApproval as N};
    [[A, D, D, D], [A, N, D, D], [A, A, N, D], [A, A, A, N]]
};

/// DESIGN §4: each tool with its effect and parameters.
const CATALOGUE: [(&str, Effect, &[&str]); 20] = [
    ("alert.list", Effect::Read, &["severity?", "status?"]),
    ("alert.resolve", Effect::Service, &["alert_id", "note"]),
    ("data.backup", Effect::Service, &["db_id"]),
    ("data.restore", Effect::Data, &["backup_id", "db_id"]),
    ("data.wipe", Effect::Data, &["confirm", "db_id"]),
    (
        "identity.change_role",
        Effect::Destructive,
        &["role", "user_id"],
    ),
    (
        "identity.create",
        Effect::Destructive,
        &["email", "name", "role", "user_id"],
    ),
    ("identity.list", Effect::Read, &[]),
    ("identity.reset_password", Effect::Destructive, &["user_id"]),
    ("identity.revoke", Effect::Destructive, &["user_id"]),
    ("infra.get", Effect::Read, &["service_id"]),
    ("infra.list", Effect::Read, &[]),
    ("infra.restart", Effect::Service, &["service_id"]),
    (
        "infra.rollback",
        Effect::Service,
        &["service_id", "version?"],
    ),
    ("infra.scale", Effect::Service, &["replicas", "service_id"]),
    ("infra.shutdown", Effect::Destructive, &["service_id"]),
    ("security.audit_log", Effect::Read, &["limit?"]),
    ("security.lock_account", Effect::Service, &["user_id"]),
    ("security.rotate_keys", Effect::Service, &["target_id"]),
    ("security.unlock_account", Effect::Service, &["user_id"]),
];

/// One call for each effect, on which no site rule has an opinion.
fn calls() -> [(&'static str, Value); 4] {
    [
        ("infra.get", json!({"service_id": "payments"})),
        ("infra.restart", json!({"service_id": "payments"})),
        ("identity.revoke", json!({"user_id": "maria"})),
        (
            "data.restore",
            json!({"db_id": "prod_db", "backup_id": "b1"}),
        ),
    ]
}

fn table(bundle: &Bundle) -> Vec<Vec<Verdict>> {
    let row = |level: &&str| {
        let agent = agent(level);
        calls()
            .iter()
            .map(|(tool, params)| decide(bundle, &agent, tool, params).verdict)
            .collect()
    };
    LEVELS.iter().map(row).collect()
}

#[test]
fn the_base_policies_are_the_autonomy_table() {
    let bundle = Bundle::parse(folder(&[("site/identity.cedar", None)])).unwrap();
    assert_eq!(table(&bundle), TABLE);
}

#[test]
fn no_permit_of_a_site_widens_the_table() {
    let open = "@id(\"anything\") permit (principal, action, resource);";
    let changes = [
        ("site/identity.cedar", None),
        ("site/open.cedar", Some(open)),
    ];
    let bundle = Bundle::parse(folder(&changes)).unwrap();
    assert_eq!(table(&bundle), TABLE);
}

#[test]
fn every_shipped_case_passes() {
    let report = Bundle::parse(SHIPPED_FOLDER.clone())
        .unwrap()
        .run_cases()
        .unwrap();
    assert_eq!(report.failed, [], "{} passed", report.passed);
    assert!(report.passed > 50, "only {} cases", report.passed);
}

#[test]
fn without_any_one_policy_a_case_fails() {
    for (path, text) in SHIPPED_FOLDER
        .within("base")
        .chain(SHIPPED_FOLDER.within("site"))
    {
        let pieces: Vec<&str> = text.split("@id(").collect();
        for gone in 1..pieces.len() {
            let mut kept = pieces.clone();
            kept.remove(gone);
            let without = kept.join("@id(");
            let bundle = Bundle::parse(folder(&[(path, Some(&without))])).unwrap();
            let report = bundle.run_cases().unwrap();
            assert_ne!(
                report.failed,
                [],
                "no case misses this of {path}: {}",
                pieces[gone]
            );
        }
    }
}

#[test]
fn nothing_shipped_is_doubtful() {
    let bundle = Bundle::parse(SHIPPED_FOLDER.clone()).unwrap();
    assert_eq!(bundle.warnings(), []);
}

#[test]
fn every_shipped_policy_explains_itself() {
    let bundle = Bundle::parse(SHIPPED_FOLDER.clone()).unwrap();
    for id in bundle.files().iter().flat_map(|file| &file.policies) {
        assert!(
            bundle.descriptions.contains_key(id),
            "`{id}` has no @description"
        );
    }
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    let bundle = Bundle::parse(SHIPPED_FOLDER.clone()).unwrap();
    let committed = SHIPPED_FOLDER.get("schema.cedarschema").unwrap();
    assert_eq!(
        committed,
        bundle.schema_text(),
        "run `countersign policy schema`"
    );
}

#[test]
fn the_catalogue_is_the_one_of_the_design() {
    let bundle = Bundle::parse(SHIPPED_FOLDER.clone()).unwrap();
    let found: Vec<_> = bundle.catalogue().iter().collect();
    assert_eq!(found.len(), CATALOGUE.len());
    for (tool, (name, effect, params)) in found.into_iter().zip(CATALOGUE) {
        assert_eq!((tool.name.as_str(), tool.effect), (name, effect));
        assert_eq!(parameters(tool.params_schema()), params, "{name}");
    }
}

/// The parameters of a schema, the optional ones with a question mark.
fn parameters(schema: &Value) -> Vec<String> {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let mark = |name: &String| {
        if required.contains(&json!(name)) {
            ""
        } else {
            "?"
        }
    };
    let mut names: Vec<String> = properties
        .keys()
        .map(|name| format!("{name}{}", mark(name)))
        .collect();
    names.sort();
    names
}

#[test]
fn an_unknown_resource_is_denied_unless_its_tool_says_otherwise() {
    let bundle = Bundle::parse(SHIPPED_FOLDER.clone()).unwrap();
    let agent = agent("automate-destructive");
    let ghost = decide(
        &bundle,
        &agent,
        "infra.restart",
        &json!({"service_id": "ghost"}),
    );
    assert_eq!(ghost.verdict, Verdict::Deny);
    assert_eq!(codes(&ghost), ["resource_unknown"]);
    let params = json!({"alert_id": "alr_1", "note": "healed"});
    assert_eq!(
        decide(&bundle, &agent, "alert.resolve", &params).verdict,
        Verdict::Allow
    );
}

#[test]
fn free_text_of_any_kind_is_judged_and_never_names_an_entity() {
    let bundle = Bundle::parse(SHIPPED_FOLDER.clone()).unwrap();
    let agent = agent("automate-safe");
    for text in [
        "\u{202e}nimda",
        "\u{7}\u{8}\u{c}",
        "x\"; permit(principal,action,resource);//",
        "Ünïcödé",
    ] {
        let params = json!({"user_id": text, "name": text, "email": text, "role": text});
        let decision = decide(&bundle, &agent, "identity.create", &params);
        assert_eq!(
            decision.policies,
            ["agents-leave-identities-alone"],
            "{text:?}"
        );
        let locked = decide(
            &bundle,
            &agent,
            "security.lock_account",
            &json!({"user_id": text}),
        );
        assert_eq!(locked.verdict, Verdict::Allow, "{text:?}");
    }
}
