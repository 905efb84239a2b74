//! Commands that need no server: policies, usage, configuration, documents.

use std::net::TcpListener;
use std::path::Path;

use crate::harness::command::{self, Ended};
use crate::harness::process::countersign;
use crate::harness::world::{find, text, texts};
use crate::harness::{copy_folder, policies};

/// Runs a command in an empty folder.
fn run(arguments: &[&str]) -> Ended {
    command::run(arguments, tempfile::tempdir().unwrap().path())
}

/// A copy of the shipped policies, to be spoilt.
fn copied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&policies(), folder.path());
    folder
}

fn check(what: &str, folder: &Path) -> Ended {
    run(&["policy", what, folder.to_str().unwrap(), "--json"])
}

#[test]
fn the_shipped_policies_are_sound_and_their_cases_pass() {
    let checked = check("check", &policies()).with(0).json();
    assert_eq!(
        (&checked["ok"], &checked["tools"]),
        (&true.into(), &20.into()),
        "{checked:#}"
    );
    let tested = check("test", &policies()).with(0).json();
    assert!(
        tested["cases"]["passed"].as_u64().unwrap() > 30,
        "{tested:#}"
    );
    run(&["policy", "schema", policies().to_str().unwrap(), "--check"]).with(0);
}

#[test]
fn a_policy_that_changes_a_verdict_fails_its_case() {
    let folder = copied();
    let rule =
        "@id(\"no-scaling\")\nforbid (principal, action == Action::\"infra.scale\", resource);\n";
    std::fs::write(folder.path().join("site/no-scaling.cedar"), rule).unwrap();
    check("check", folder.path()).with(0);
    let tested = check("test", folder.path()).with(1).json();
    assert!(
        !tested["cases"]["failed"].as_array().unwrap().is_empty(),
        "{tested:#}"
    );
}

#[test]
fn a_broken_policies_folder_is_named_with_its_file() {
    let broken = [
        (
            "site/a.cedar",
            "@id(\"a\")\nforbid (principal, action, resource",
        ),
        ("site/b.cedar", "forbid (principal, action, resource);"),
        (
            "site/c.cedar",
            "@id(\"c\")\nforbid (principal, action == Action::\"infra.nothing\", resource);",
        ),
        (
            "site/d.cedar",
            "@id(\"data-is-sacred\")\nforbid (principal, action, resource);",
        ),
        ("tools/e.toml", "[[tool]]\nname = \"infra.scale\"\n"),
    ];
    for (file, text) in broken {
        let folder = copied();
        std::fs::write(folder.path().join(file), text).unwrap();
        for what in ["check", "test"] {
            let report = check(what, folder.path()).with(1);
            assert_eq!(report.json()["ok"], false, "{}", report.stdout);
            assert!(
                report.stdout.contains(file),
                "{file} is not named:\n{}",
                report.stdout
            );
        }
    }
    check("check", Path::new("no-such-folder")).with(2);
}

#[test]
fn explain_says_what_policy_would_say() {
    let explain = |agent: &str, tool: &str, params: &str| {
        run(&[
            "policy",
            "explain",
            policies().to_str().unwrap(),
            "--agent",
            agent,
            "--tool",
            tool,
            "--params",
            params,
            "--json",
        ])
    };
    let scale = |replicas: u32| format!(r#"{{"service_id": "payments", "replicas": {replicas}}}"#);
    let said = explain("remediator", "infra.scale", &scale(4))
        .with(0)
        .json();
    assert_eq!(text(&said, "/verdict"), "allow");
    assert_eq!(text(&said, "/request/path"), "/v1/services/payments/scale");
    let said = explain("remediator", "infra.scale", &scale(12))
        .with(0)
        .json();
    assert_eq!(text(&said, "/verdict"), "needs_approval");
    let said = explain("watcher", "infra.scale", &scale(4)).with(1).json();
    assert_eq!(text(&said, "/verdict"), "deny");
    let wipe = r#"{"db_id": "prod_db", "confirm": "prod_db"}"#;
    let said = explain("remediator", "data.wipe", wipe).with(1).json();
    assert!(
        texts(&said["policies"]).contains(&"data-is-sacred"),
        "{said:#}"
    );
    explain("nobody", "infra.scale", &scale(4)).with(64);
}

#[test]
fn wrong_usage_is_64_and_help_is_not_an_error() {
    for arguments in [
        &["--no-such-flag"][..],
        &["no-such-command"],
        &[],
        &["call"],
        &["policy", "explain"],
        &["openapi"],
        &["openapi", "nobody"],
        &[
            "calls",
            "resolve",
            "att_x",
            "--outcome",
            "perhaps",
            "--evidence",
            "e",
            "--reason",
            "r",
        ],
    ] {
        let ended = run(arguments);
        assert_eq!(
            ended.code, 64,
            "{arguments:?}: {}{}",
            ended.stdout, ended.stderr
        );
    }
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["up", "--help"],
        &["approvals", "approve", "--help"],
    ] {
        assert!(!run(arguments).with(0).stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn without_a_server_or_a_key_a_command_could_not_run() {
    let refused = run(&["plan", "list", "--json"]).with(2);
    assert_eq!(
        text(&refused.json(), "/code"),
        "could_not_run",
        "{}",
        refused.stdout
    );
    assert!(
        refused.stderr.contains("no key to ask with"),
        "{}",
        refused.stderr
    );
}

/// Starts a server with a configuration that cannot be used: it must end before it takes its port.
#[track_caller]
fn refused_before_binding(role: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    // The port is taken: a process that came as far as binding would say so, with code 2.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut command = countersign();
    command.arg(role).args(arguments).current_dir(folder.path());
    command
        .arg("--data")
        .arg(folder.path().join("data"))
        .arg("--policies")
        .arg(policies());
    for name in ["AUTHORITY", "ENFORCER", "PLANNER", "SIMULATOR", "CONSOLE"] {
        command.env(format!("COUNTERSIGN_{name}_LISTEN"), &address);
    }
    command.envs(variables.iter().copied());
    let output = command.output().unwrap();
    let ended = Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert_eq!(
        ended.code, 64,
        "{role} {arguments:?} {variables:?}: {}{}",
        ended.stdout, ended.stderr
    );
    ended
}

#[test]
fn a_bad_configuration_ends_with_64_before_any_port_is_bound() {
    for (arguments, variables) in [
        (&["--demo"][..], &[("COUNTERSIGN_TOKEN_TTL", "301")][..]),
        (&["--demo"], &[("COUNTERSIGN_TOKEN_TTL", "soon")]),
        (&["--demo"], &[("COUNTERSIGN_RUNBOOKS", "perhaps")]),
        (
            &["--demo"],
            &[
                ("COUNTERSIGN_LLM_PROVIDER", "oracle"),
                ("COUNTERSIGN_LLM_MODEL", "m"),
            ],
        ),
        (&["--demo"], &[("COUNTERSIGN_LOG_FORMAT", "xml")]),
        (
            &["--demo"],
            &[("COUNTERSIGN_AUTHORITY_LISTEN", "everywhere")],
        ),
        (&["--demo"], &[("COUNTERSIGN_CONSOLE_LISTEN", "everywhere")]),
        (&["--upstream", "cloud"], &[]),
        (&["--upstream", "cloud=not an address"], &[]),
        (&["--config", "no-such-file.toml"], &[]),
    ] {
        refused_before_binding("up", arguments, variables);
    }
}

#[test]
fn an_unknown_key_in_the_settings_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countersign.toml");
    std::fs::write(&file, "[authority]\nlisen = \"127.0.0.1:0\"\n").unwrap();
    let ended = refused_before_binding("up", &["--demo", "--config", file.to_str().unwrap()], &[]);
    assert!(ended.stderr.contains("authority.lisen"), "{}", ended.stderr);
}

#[test]
fn check_config_shows_where_each_setting_comes_from_and_hides_secrets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("countersign.toml"),
        "token_ttl = 30\nlog = \"warn\"\n",
    )
    .unwrap();
    let output = countersign()
        .args(["check-config", "--json", "--data", "elsewhere"])
        .current_dir(folder.path())
        .env("COUNTERSIGN_LOG", "debug")
        .env("COUNTERSIGN_LLM_API_KEY", "canary-canary")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && !text.contains("canary-canary"),
        "{text}"
    );
    let settings: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (key, value, source) in [
        ("data", "elsewhere", "flag"),
        ("log", "debug", "environment"),
        ("token_ttl", "30", "file"),
        ("audience", "enforcer", "default"),
    ] {
        let setting = find(&settings["settings"], "key", key);
        assert_eq!(
            (&setting["value"], &setting["source"]),
            (&value.into(), &source.into()),
            "{setting:#}"
        );
    }
}

#[test]
fn check_config_checks_upstreams_and_shows_no_credential() {
    let folder = tempfile::tempdir().unwrap();
    let check = |upstream: &str| {
        let file = folder.path().join("countersign.toml");
        std::fs::write(file, format!("[upstream.cloud]\n{upstream}\n")).unwrap();
        let output = countersign()
            .args(["check-config", "--json"])
            .current_dir(folder.path())
            .env("CLOUD_KEY", "canary-canary")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let said = format!("{text}{}", String::from_utf8(output.stderr).unwrap());
        assert!(!said.contains("canary"), "{said}");
        (output.status.code(), said)
    };
    let (code, said) = check(
        "url = \"http://127.0.0.1:9/base\"\ncredential_env = \"CLOUD_KEY\"\n\
         credential_header = \"x-api-key\"\nallowed = [\"127.0.0.0/8\"]",
    );
    assert_eq!(code, Some(0), "{said}");
    let shown: serde_json::Value = serde_json::from_str(&said).unwrap();
    let cloud = find(&shown["upstreams"], "name", "cloud");
    assert_eq!(cloud["url"], "http://127.0.0.1:9/base");
    assert_eq!(cloud["credential"], "variable CLOUD_KEY");
    for (wrong, expected) in [
        ("url = \"http://x\"\nretries = 3", "unknown field `retries`"),
        (
            "url = \"http://x\"\nallowed = [\"10/8\"]",
            "`10/8` is no address range",
        ),
        (
            "url = \"https://x\"\nroots = \"countersign.toml\"",
            "holds no certificate",
        ),
        (
            "url = \"http://x\"\ncredential_file = \"missing\"",
            "missing",
        ),
        ("url = \"http://user:canary@x\"", "without user"),
        (
            "url = \"http://x\"\ncredential_env = \"CLOUD_KEY\"\ncredential_header = \"host\"",
            "`host` cannot carry a credential",
        ),
    ] {
        let (code, said) = check(wrong);
        assert_ne!(code, Some(0), "{wrong}: {said}");
        assert!(said.contains("cloud") || said.contains("missing"), "{said}");
        assert!(said.contains(expected), "{wrong}: {said}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let (data, rules) = (folder.path().join("data"), policies());
    let arguments = [
        "up",
        "--demo",
        "--data",
        data.to_str().unwrap(),
        "--policies",
        rules.to_str().unwrap(),
    ];
    let all = [&arguments[..], &["--authority-listen", &address]].concat();
    let ended = command::run(&all, folder.path()).with(2);
    assert!(ended.stderr.contains(&address), "{}", ended.stderr);
}
