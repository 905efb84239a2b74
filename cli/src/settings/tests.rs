use super::setting::*;
use super::*;

const FILE: &str = r#"
data = "from-file"
token_ttl = 30
upstreams = ["cloud=http://127.0.0.1:9000", "other=http://127.0.0.1:9001"]
[authority]
listen = "127.0.0.1:1"
[llm]
api_key = "canary-secret"
"#;

fn read(
    flags: Flags,
    environment: &'static [(&'static str, &'static str)],
    file: Option<&str>,
) -> Result<Settings, SettingsError> {
    let variable = |name: &str| {
        environment
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    };
    Settings::read(flags, variable, file.map(|text| ("countersign.toml", text)))
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let flags = vec![(DATA, Some("from-flag".to_owned())), (POLICIES, None)];
    let environment = &[
        ("COUNTERSIGN_DATA", "from-env"),
        ("COUNTERSIGN_TOKEN_TTL", "45"),
    ];
    let settings = read(flags, environment, Some(FILE)).unwrap();
    assert_eq!(settings.text(DATA), Some("from-flag"));
    assert_eq!(settings.parse::<u64>(TOKEN_TTL).unwrap(), 45);
    assert_eq!(settings.text(AUTHORITY_LISTEN), Some("127.0.0.1:1"));
    assert_eq!(settings.text(POLICIES), Some("policies"));
    assert_eq!(settings.chosen(POLICIES), None);
    assert_eq!(settings.overlay(), PathBuf::from("from-flag/overlay"));
    let upstreams = settings.pairs(UPSTREAMS).unwrap();
    assert_eq!(upstreams.first().unwrap().0, "cloud");
    assert_eq!(upstreams.len(), 2);
}

#[test]
fn unknown_key_in_the_file_is_an_error_that_names_it() {
    let error = read(Vec::new(), &[], Some("dta = \"x\"")).unwrap_err();
    assert!(error.to_string().contains("`dta` is no setting"), "{error}");
    let error = read(Vec::new(), &[], Some("[authority]\nlisten_on = \"x\"")).unwrap_err();
    assert!(error.to_string().contains("authority.listen_on"), "{error}");
}

#[test]
fn a_wrong_value_is_named_as_it_was_set() {
    let error = read(Vec::new(), &[("COUNTERSIGN_TOKEN_TTL", "soon")], None).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("COUNTERSIGN_TOKEN_TTL = `soon`"),
        "{error}"
    );
    let error = read(Vec::new(), &[], Some("token_ttl = 301")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`token_ttl` = `301`: write whole"),
        "{error}"
    );
    let flags = vec![(AUTHORITY_LISTEN, Some("8002".to_owned()))];
    let error = read(flags, &[], None).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`authority.listen` on the command line = `8002`"),
        "{error}"
    );
}

#[test]
fn the_effective_settings_hide_secrets() {
    let environment = &[(
        "COUNTERSIGN_AUTHORITY_DATABASE_URL",
        "postgres://user:canary-password@db/authority",
    )];
    let settings = read(Vec::new(), environment, Some(FILE)).unwrap();
    let text = settings.document().to_string();
    assert!(!text.contains("canary"), "{text}");
    assert!(text.contains("postgres://…@db/authority"), "{text}");
}

#[test]
fn every_variable_is_the_product_s_and_unique() {
    let mut seen = std::collections::BTreeSet::new();
    for setting in ALL {
        assert!(setting.variable.starts_with("COUNTERSIGN_"));
        assert!(seen.insert(setting.variable), "{}", setting.variable);
        assert!(seen.insert(setting.key), "{}", setting.key);
    }
}

#[test]
fn every_default_has_its_form_and_every_form_refuses_something() {
    for setting in ALL {
        if let Some(default) = setting.default {
            setting.form.check(default).unwrap();
        }
        assert!(setting.form.check(" ").is_err(), "{}", setting.key);
    }
    for (form, wrong) in [
        (Form::Address, "localhost"),
        (Form::Url, "127.0.0.1:8000"),
        (Form::Url, "ftp://host"),
        (Form::Urls, "http://one,two"),
        (Form::Database, "authority.db"),
        (Form::Seconds(300), "0"),
        (Form::Choice(&["on", "off"]), "yes"),
        (Form::Pairs, "cloud"),
    ] {
        assert!(form.check(wrong).is_err(), "{form:?} {wrong}");
    }
}
