//! What does not load, and what is said of it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::super::{Bundle, Folder, LoadPolicyError};
use super::{SHIPPED_FOLDER, agent, bare, decide, folder};

fn refused(path: &str, text: &str) -> LoadPolicyError {
    Bundle::parse(folder(&[(path, Some(text))])).unwrap_err()
}

/// The file, the line where known, and a part of the message.
fn check(path: &str, text: &str, line: Option<usize>, message: &str) {
    let error = refused(path, text);
    assert_eq!(error.file.as_deref(), Some(path), "{error}");
    assert_eq!(error.line, line, "{error}");
    assert!(error.message.contains(message), "{error}");
}

const ANYTHING: &str = "permit (principal, action, resource);";

#[test]
fn a_policy_without_an_id_does_not_load() {
    let text = format!("@id(\"a\")\n{ANYTHING}\n\n{ANYTHING}\n");
    check("site/x.cedar", &text, Some(4), "has no @id");
    check(
        "site/x.cedar",
        &format!("@id(\"\") {ANYTHING}"),
        Some(1),
        "has no @id",
    );
}

#[test]
fn two_policies_of_one_id_do_not_load() {
    let text = format!("\n@id(\"data-is-sacred\")\n{ANYTHING}\n");
    check(
        "site/x.cedar",
        &text,
        Some(2),
        "stands twice, also in base/data.cedar",
    );
}

#[test]
fn a_requirement_that_cannot_be_read_does_not_load() {
    for wrong in [
        "",
        "approver",
        "approver:",
        "approver:0",
        "approver:-1",
        ":1",
        "a:1,",
        "a:1;b:1",
        "a:99999",
    ] {
        let text = format!(
            "@id(\"a\")\n@require_approval(\"{wrong}\")\nforbid (principal, action, resource);"
        );
        check("site/x.cedar", &text, Some(1), "role:n");
    }
    let text = format!("@id(\"a\")\n@require_approval(\"approver:1\")\n{ANYTHING}");
    check("site/x.cedar", &text, Some(1), "belongs on a forbid");
}

#[test]
fn a_template_does_not_load() {
    let text = "@id(\"a\")\npermit (principal == ?principal, action, resource);";
    check("site/x.cedar", text, Some(1), "template");
}

#[test]
fn a_policy_that_does_not_fit_the_schema_does_not_load() {
    let scale = "principal, action == Action::\"infra.scale\", resource";
    for condition in [
        "context.params.replica > 1",
        "context.params.replicas > \"1\"",
        "principal.autonomy == 1",
        "resource.protected",
        "context.change.before > 1",
    ] {
        let text = format!("@id(\"a\")\nforbid ({scale})\nwhen {{ {condition} }};");
        check("site/x.cedar", &text, Some(3), "policy `a`");
    }
    let text = "@id(\"a\")\nforbid (principal, action == Action::\"infra.scael\", resource);";
    check("site/x.cedar", text, Some(2), "infra.scael");
}

#[test]
fn half_written_files_are_named_with_the_line() {
    check(
        "site/x.cedar",
        "// a\n@id(\"a\")\npermit (princ",
        Some(3),
        "",
    );
    check("tools/x.toml", "[[tool]]\nname = \"a\"\ndesc", Some(3), "");
    check(
        "inventory.toml",
        "[[resource]]\ntype = \"Service\"\nid = ",
        Some(3),
        "",
    );
    check(
        "agents.toml",
        "[[agent]]\nname = \"a\"\nautonomy = \"wild\"\n",
        Some(3),
        "",
    );
    check("operators.toml", "[[operator]]\nname = 3\n", Some(2), "");
}

#[test]
fn a_broken_table_of_cases_is_named_with_the_line() {
    let changed = folder(&[(
        "cases/x.toml",
        Some("[[case]]\nname = \"a\"\nexpect = \"maybe\"\n"),
    )]);
    let error = Bundle::parse(changed).unwrap().run_cases().unwrap_err();
    assert_eq!(error.file.as_deref(), Some("cases/x.toml"));
    assert!(error.line.is_some(), "{error}");
}

#[test]
fn the_inventory_takes_each_resource_once_with_attributes_of_one_type() {
    let error = refused(
        "inventory.toml",
        "[[resource]]\ntype = \"Agent\"\nid = \"x\"\n",
    );
    assert!(error.message.contains("Agent"), "{error}");
    let twice = "[[resource]]\ntype = \"A\"\nid = \"x\"\n[[resource]]\ntype = \"A\"\nid = \"x\"\n";
    check("inventory.toml", twice, Some(4), "stands twice");
    let mixed = "[[resource]]\ntype = \"A\"\nid = \"x\"\nn = 1\n[[resource]]\ntype = \"A\"\nid = \"y\"\nn = \"1\"\n";
    assert!(refused("inventory.toml", mixed).message.contains('n'));
}

#[test]
fn a_tool_whose_name_the_schema_needs_itself_does_not_load() {
    for name in ["approve", "effect:read"] {
        let tool = format!(
            "[[tool]]\nname = \"{name}\"\ndescription = \"x\"\neffect = \"read\"\n\
             resource = {{ type = \"System\", id = \"cloud\" }}\nupstream = \"cloud\"\n\
             request = {{ method = \"GET\", path = \"/x\" }}\n[tool.params]\ntype = \"object\"\n"
        );
        assert!(refused("tools/x.toml", &tool).message.contains(name));
    }
}

#[test]
fn tool_names_may_hold_what_cedar_type_names_may_not() {
    let tool = "[[tool]]\nname = \"git-hub/list_issues@2\"\ndescription = \"x\"\neffect = \"read\"\n\
                resource = { type = \"System\", id = \"cloud\" }\nupstream = \"cloud\"\n\
                request = { method = \"GET\", path = \"/x\" }\n[tool.params]\ntype = \"object\"\n\
                [tool.params.properties.\"per-page\"]\ntype = \"integer\"\n";
    let site = "@id(\"a\")\nforbid (principal, action == Action::\"git-hub/list_issues@2\", resource)\n\
                when { context.params has \"per-page\" && context.params[\"per-page\"] > 100 };";
    let changes = [("tools/x.toml", Some(tool)), ("site/x.cedar", Some(site))];
    Bundle::parse(folder(&changes)).unwrap();
}

#[test]
fn a_tool_whose_parameters_policies_could_not_read_does_not_load() {
    for (params, message) in [
        ("type = \"object\"\nadditionalProperties = true\n", "closed"),
        (
            "type = \"object\"\n[tool.params.properties.a]\nminimum = 1\n",
            "one `type`",
        ),
        (
            "type = \"object\"\n[tool.params.properties.a]\ntype = \"array\"\n",
            "needs `items`",
        ),
    ] {
        let tool = format!(
            "[[tool]]\nname = \"x\"\ndescription = \"x\"\neffect = \"read\"\n\
             resource = {{ type = \"System\", id = \"cloud\" }}\nupstream = \"cloud\"\n\
             request = {{ method = \"GET\", path = \"/x\" }}\n[tool.params]\n{params}"
        );
        let error = refused("tools/x.toml", &tool);
        assert!(
            error.message.contains("tool `x`") && error.message.contains(message),
            "{error}"
        );
    }
}

#[test]
fn names_that_only_look_right_do_not_load() {
    // The o in the middle is Cyrillic; the last text turns the direction of what follows.
    for name in ["payments\u{43e}", "aut\u{43e}mate", "\u{202e}stnemyap"] {
        let text = format!(
            "// one\n@id(\"a\")\nforbid (principal, action, resource == Service::\"{name}\");"
        );
        check("site/x.cedar", &text, Some(2), "");
    }
}

#[test]
fn names_that_nothing_has_are_warned_of() {
    let warnings = |text: &str| {
        let bundle = Bundle::parse(folder(&[("site/x.cedar", Some(text))])).unwrap();
        bundle
            .warnings()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    for (name, scope) in [
        (
            "Service::\"paymets\"",
            "principal, action, resource == Service::\"paymets\"",
        ),
        (
            "Agent::\"remedaitor\"",
            "principal == Agent::\"remedaitor\", action, resource",
        ),
        (
            "Role::\"remidiation\"",
            "principal in Role::\"remidiation\", action, resource",
        ),
    ] {
        let found = warnings(&format!("\n@id(\"a\")\nforbid ({scope});"));
        assert_eq!(
            found,
            [format!(
                "site/x.cedar:2:1: `a` names {name}, which does not exist"
            )]
        );
    }
    let text = "@id(\"a\")\n@require_approval(\"aprover:1\")\nforbid (principal is Agent, action, resource);";
    assert!(warnings(text)[0].contains("`aprover`, which nobody has"));
    let text = "@id(\"a\")\nforbid (principal is Agent, action, resource)\nwhen { false };";
    assert!(
        warnings(text)[0].starts_with("site/x.cedar:"),
        "a rule that never applies"
    );
    let fine = "@id(\"a\")\nforbid (principal, action, resource == Alert::\"alr_1\");";
    assert!(warnings(fine).is_empty(), "alerts come and go");
}

#[test]
fn an_old_schema_beside_the_policies_is_warned_of_and_never_used() {
    let bundle = Bundle::parse(folder(&[("schema.cedarschema", Some("entity Agent;"))])).unwrap();
    assert_eq!(
        bundle.warnings()[0].file.as_deref(),
        Some("schema.cedarschema")
    );
    assert_eq!(bundle.run_cases().unwrap().failed, []);
}

#[test]
fn line_ends_of_windows_change_nothing_but_the_hash() {
    let files = SHIPPED_FOLDER.files();
    let files = files.map(|(path, text)| (path.to_owned(), text.replace('\n', "\r\n")));
    let bundle = Bundle::parse(Folder::from_files(files)).unwrap();
    assert_eq!(bundle.warnings(), []);
    assert_eq!(bundle.run_cases().unwrap().failed, []);
    let text = "// one\r\n@id(\"a\")\r\npermit (principal, action, resource)\r\nwhen { 1 };\r\n";
    check("site/x.cedar", text, Some(4), "");
}

#[test]
fn unknown_fields_do_not_load_anywhere() {
    check(
        "agents.toml",
        "[[agent]]\nname = \"a\"\nautonomy = \"observe\"\nrole = []\n",
        Some(4),
        "role",
    );
    check(
        "operators.toml",
        "[[operator]]\nname = \"a\"\nkey = \"x\"\n",
        Some(3),
        "key",
    );
    check(
        "inventory.toml",
        "[[resources]]\ntype = \"A\"\n",
        Some(1),
        "resources",
    );
    let tools = SHIPPED_FOLDER.get("tools/infra.toml").unwrap();
    let tools = tools.replacen("effect =", "efect =", 1);
    assert!(refused("tools/infra.toml", &tools).line.is_some());
    let changed = folder(&[(
        "cases/x.toml",
        Some("[[case]]\nname = \"a\"\nexpct = \"deny\"\n"),
    )]);
    let error = Bundle::parse(changed).unwrap().run_cases().unwrap_err();
    assert_eq!(
        (error.file.as_deref(), error.line),
        (Some("cases/x.toml"), Some(3))
    );
}

#[test]
fn thousands_of_policies_load_and_decide() {
    let mut text = SHIPPED_FOLDER
        .get("base/autonomy.cedar")
        .unwrap()
        .to_owned();
    for number in 0..10_000 {
        writeln!(
            text,
            "@id(\"p{number}\")\n\
             forbid (principal is Agent, action == Action::\"infra.scale\", resource)\n\
             when {{ context.params.replicas == {number} + 5 }};"
        )
        .unwrap();
    }
    let bundle = Bundle::parse(bare(&[("base/x.cedar", &text)])).unwrap();
    let decide = |replicas: i64| {
        let params = serde_json::json!({"service_id": "payments", "replicas": replicas});
        decide(&bundle, &agent("automate-safe"), "infra.scale", &params).policies
    };
    assert_eq!(decide(4), ["service-by-autonomy"]);
    assert_eq!(decide(77), ["p72"]);
}

#[test]
fn a_folder_without_tools_or_policies_does_not_load() {
    assert!(Bundle::parse(Folder::default()).is_err());
    assert!(Bundle::parse(bare(&[])).is_err());
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let policy = |condition: String| {
        format!("@id(\"a\")\npermit (principal, action, resource)\nwhen {{ {condition} }};")
    };
    for depth in [60, 30_000] {
        let brackets = policy(format!("{}true{}", "(".repeat(depth), ")".repeat(depth)));
        check("site/x.cedar", &brackets, Some(3), "brackets");
        let sets = policy(format!(
            "{}1{}.isEmpty()",
            "[".repeat(depth),
            "]".repeat(depth)
        ));
        check("site/x.cedar", &sets, Some(3), "brackets");
        let ifs = policy(format!("{}true", "if true then false else ".repeat(depth)));
        check("site/x.cedar", &ifs, Some(3), "`if`s");
    }
    check(
        "site/x.cedar",
        &policy("true && ".repeat(30_000) + "true"),
        Some(3),
        "operators",
    );
    let table = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    check("inventory.toml", &table, Some(1), "");
    check("tools/x.toml", &table, Some(1), "");
}

#[test]
fn what_is_just_not_too_deep_is_parsed_validated_and_evaluated() {
    let nested = format!(
        "@id(\"deep\") permit (principal is Agent, action, resource) when {{ {}{}true{} }};",
        "if context.tainted then false else ".repeat(50),
        "(".repeat(48),
        ")".repeat(48),
    );
    let chain = format!(
        "@id(\"long\") forbid (principal is Agent, action, resource) when {{ {}false }};",
        "context.tainted || ".repeat(330),
    );
    let bundle =
        Bundle::parse(bare(&[("base/x.cedar", &nested), ("base/y.cedar", &chain)])).unwrap();
    let params = serde_json::json!({"service_id": "payments"});
    let decision = decide(&bundle, &agent("observe"), "infra.get", &params);
    assert_eq!(decision.policies, ["deep"], "{decision:?}");
}

#[test]
fn the_hash_covers_paths_and_contents_and_nothing_else() {
    let base = SHIPPED_FOLDER.hash();
    assert_eq!(base, folder(&[]).hash());
    assert_ne!(base, folder(&[("site/scale.cedar", None)]).hash());
    assert_ne!(base, folder(&[("site/new.cedar", Some(""))]).hash());
    let one = Folder::from_files([("a".to_owned(), "bc".to_owned())]);
    let other = Folder::from_files([("ab".to_owned(), "c".to_owned())]);
    assert_ne!(one.hash(), other.hash());
}

fn write(dir: &Path, path: &str, bytes: &[u8]) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_cannot_be_read_whole_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "tools/x.toml", b"");
    write(dir.path(), "README.md", b"anything");
    write(dir.path(), "site/README.md", b"anything");
    write(dir.path(), "site/.x.cedar.swp", b"\xff");
    Folder::read(dir.path()).unwrap();

    let refused = |path: &str| {
        let error = Folder::read(dir.path()).unwrap_err();
        assert_eq!(error.file.as_deref(), Some(path), "{error}");
        fs::remove_file(dir.path().join(path)).unwrap();
    };
    write(dir.path(), "site/x.cedar", b"\xff\xfe");
    refused("site/x.cedar");
    write(dir.path(), "site/x.cedar", &vec![b' '; 2 * 1024 * 1024]);
    refused("site/x.cedar");
    write(
        dir.path(),
        "site/scale.ceder",
        b"a misspelt ending must not drop a rule",
    );
    refused("site/scale.ceder");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("b.cedar", dir.path().join("site/a.cedar")).unwrap();
        std::os::unix::fs::symlink("a.cedar", dir.path().join("site/b.cedar")).unwrap();
        refused("site/a.cedar");
        refused("site/b.cedar");
        std::os::unix::fs::symlink("/dev/zero", dir.path().join("inventory.toml")).unwrap();
        refused("inventory.toml");
    }
}
