//! `[upstream.NAME]` tables, and what they come to with the flags and variables beside them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::setting::{UPSTREAM_CREDENTIALS, UPSTREAMS};
use super::{Settings, SettingsError, Source};

/// One `[upstream.NAME]` table of the settings file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// Scheme, host, port, and a path under which the definitions' paths lie.
    url: Option<String>,
    /// The file with the credential.
    credential_file: Option<PathBuf>,
    /// The variable with the credential.
    credential_env: Option<String>,
    /// The header field that carries it.
    credential_header: Option<String>,
    /// A PEM file with the certificate authorities that may vouch for the upstream.
    roots: Option<PathBuf>,
    /// The only addresses that may be dialled.
    #[serde(default)]
    allowed: Vec<String>,
}

/// Where a credential comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CredentialSource {
    /// A file that only its owner may read.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
}

/// One upstream, whoever configured it.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) credential: Option<CredentialSource>,
    pub(crate) credential_header: Option<String>,
    pub(crate) roots: Option<PathBuf>,
    pub(crate) allowed: Vec<String>,
}

impl Table {
    /// Reads the table of the upstream `name`.
    pub(super) fn read(name: &str, value: &toml::Value) -> Result<Self, SettingsError> {
        let wrong = |message: String| SettingsError::Upstream {
            name: name.to_owned(),
            message,
        };
        if name.is_empty() || name.contains(['=', ',']) || name.trim() != name {
            return Err(wrong("write a name without `=`, `,` and spaces".to_owned()));
        }
        let table: Self = value
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
        if table.credential_file.is_some() && table.credential_env.is_some() {
            let both =
                "give the credential by `credential_file` or by `credential_env`, not by both";
            return Err(wrong(both.to_owned()));
        }
        Ok(table)
    }
}

impl Upstream {
    /// The upstream cannot be used.
    pub(crate) fn wrong(&self, message: impl Into<String>) -> SettingsError {
        SettingsError::Upstream {
            name: self.name.clone(),
            message: message.into(),
        }
    }

    /// The upstream for people to look at.
    pub(crate) fn document(&self) -> Value {
        json!({
            "name": self.name,
            "url": super::without_password(&self.url),
            "credential": self.credential.as_ref().map(CredentialSource::describe),
            "credential_header": self.credential_header,
            "roots": self.roots,
            "allowed": self.allowed,
        })
    }
}

impl CredentialSource {
    /// Where it is, never what it is.
    fn describe(&self) -> String {
        match self {
            Self::File(path) => format!("file {}", path.display()),
            Self::Variable(name) => format!("variable {name}"),
        }
    }
}

impl Settings {
    /// The upstreams of tables, flags and variables; what a flag or variable says of one stands above
    /// its table.
    pub(crate) fn upstreams(&self) -> Result<Vec<Upstream>, SettingsError> {
        let mut found: BTreeMap<String, Upstream> = BTreeMap::new();
        for (name, url) in self.pairs(UPSTREAMS)? {
            let upstream = from_table(&name, url, self.tables.get(&name));
            if found.insert(name.clone(), upstream).is_some() {
                return Err(self.wrong(UPSTREAMS, &format!("`{name}` stands there twice")));
            }
            let file = self.source(UPSTREAMS) == Some(Source::File);
            if file && self.tables.contains_key(&name) {
                let why = format!("`{name}` has a table `[upstream.{name}]` as well");
                return Err(self.wrong(UPSTREAMS, &why));
            }
        }
        for (name, table) in &self.tables {
            if found.contains_key(name) {
                continue;
            }
            let Some(url) = table.url.clone() else {
                return Err(SettingsError::Upstream {
                    name: name.clone(),
                    message: "its table has no `url`".to_owned(),
                });
            };
            found.insert(name.clone(), from_table(name, url, Some(table)));
        }
        for (name, file) in self.pairs(UPSTREAM_CREDENTIALS)? {
            let Some(upstream) = found.get_mut(&name) else {
                let why = format!("there is no upstream `{name}`");
                return Err(self.wrong(UPSTREAM_CREDENTIALS, &why));
            };
            upstream.credential = Some(CredentialSource::File(file.into()));
        }
        Ok(found.into_values().collect())
    }
}

fn from_table(name: &str, url: String, table: Option<&Table>) -> Upstream {
    let table = table.cloned().unwrap_or_default();
    let file = table.credential_file.map(CredentialSource::File);
    Upstream {
        name: name.to_owned(),
        url,
        credential: file.or(table.credential_env.map(CredentialSource::Variable)),
        credential_header: table.credential_header,
        roots: table.roots,
        allowed: table.allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Flags;

    fn read(flags: Flags, file: &str) -> Result<Vec<Upstream>, SettingsError> {
        Settings::read(flags, |_| None, Some(("countersign.toml", file)))?.upstreams()
    }

    const CLOUD: &str = r#"
[upstream.cloud]
url = "https://cloud.internal/base"
credential_env = "CLOUD_KEY"
credential_header = "x-api-key"
roots = "ca.pem"
allowed = ["10.0.0.0/8"]
"#;

    #[test]
    fn table_is_read_and_a_flag_stands_above_it() {
        let upstreams = read(Vec::new(), CLOUD).unwrap();
        let [cloud] = upstreams.as_slice() else {
            panic!("{upstreams:?}");
        };
        assert_eq!(cloud.url, "https://cloud.internal/base");
        let source = CredentialSource::Variable("CLOUD_KEY".to_owned());
        assert_eq!(cloud.credential, Some(source));
        assert_eq!(cloud.credential_header.as_deref(), Some("x-api-key"));
        assert_eq!(cloud.roots, Some(PathBuf::from("ca.pem")));
        assert_eq!(cloud.allowed, ["10.0.0.0/8"]);
        let flags = vec![
            (
                UPSTREAMS,
                Some("cloud=http://127.0.0.1:1,more=http://127.0.0.1:2".to_owned()),
            ),
            (UPSTREAM_CREDENTIALS, Some("cloud=key".to_owned())),
        ];
        let upstreams = read(flags, CLOUD).unwrap();
        assert_eq!(upstreams.len(), 2);
        let cloud = upstreams.first().unwrap();
        assert_eq!(cloud.url, "http://127.0.0.1:1");
        assert_eq!(cloud.credential, Some(CredentialSource::File("key".into())));
        assert_eq!(cloud.allowed, ["10.0.0.0/8"]);
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        for (text, expected) in [
            (
                "[upstream.cloud]\nuri = \"http://x\"",
                "upstream `cloud`: unknown field `uri`",
            ),
            (
                "[upstream.cloud]\nurl = 1",
                "upstream `cloud`: invalid type",
            ),
            (
                "[upstream.cloud]\nallowed = [\"::1\"]",
                "upstream `cloud`: its table has no `url`",
            ),
            (
                "[upstream.cloud]\nurl = \"http://x\"\ncredential_file = \"a\"\ncredential_env = \"B\"",
                "upstream `cloud`: give the credential by `credential_file` or by `credential_env`",
            ),
            (
                "[upstream.\"a=b\"]\nurl = \"http://x\"",
                "upstream `a=b`: write a name",
            ),
            (
                "upstream = \"x\"",
                "`countersign.toml`: `upstream` is no setting",
            ),
            (
                "[upstream]\ncloud = \"http://x\"",
                "upstream `cloud`: invalid type",
            ),
            (
                "upstreams = [\"cloud=http://x\"]\n[upstream.cloud]\nurl = \"http://y\"",
                "`upstreams` = `cloud=http://x`: `cloud` has a table",
            ),
            (
                "upstreams = [\"cloud=http://x\", \"cloud=http://y\"]",
                "`upstreams` = `cloud=http://x,cloud=http://y`: `cloud` stands there twice",
            ),
            (
                "upstream_credentials = [\"cloud=key\"]",
                "`upstream_credentials` = `cloud=key`: there is no upstream `cloud`",
            ),
        ] {
            let error = read(Vec::new(), text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn document_names_the_credential_s_place_alone() {
        let text = "[upstream.a]\nurl = \"http://u:canary@x\"\ncredential_env = \"A_KEY\"";
        let upstreams = read(Vec::new(), text).unwrap();
        let document = upstreams.first().unwrap().document();
        assert_eq!(document["credential"], "variable A_KEY");
        assert_eq!(document["url"], "http://…@x");
    }
}
