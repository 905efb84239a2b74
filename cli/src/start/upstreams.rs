//! Upstreams with their credentials and certificates read, checked as the enforcer checks them.

use countersign_enforcer as enforcer;
use countersign_service::credential::SecretKey;
use countersign_service::problem::error_chain;
use http::HeaderName;
use url::Url;

use super::configs::read_key;
use crate::failure::Failure;
use crate::settings::upstream::{CredentialSource, Upstream};
use crate::settings::{Settings, SettingsError, setting, variable};

/// The upstreams of the settings, ready for the enforcer.
pub(crate) fn read(settings: &Settings) -> Result<Vec<enforcer::Upstream>, Failure> {
    let mut read = Vec::new();
    for upstream in settings.upstreams()? {
        read.push(one(&upstream)?);
    }
    enforcer::check_upstreams(read.clone()).map_err(|error| Failure::Usage(error_chain(&error)))?;
    Ok(read)
}

/// An upstream at `url`.
pub(crate) fn at(
    name: &str,
    url: &str,
    credential: Option<SecretKey>,
) -> Result<enforcer::Upstream, Failure> {
    let base_url = Url::parse(url).map_err(|error| {
        let variable = setting::UPSTREAMS.variable;
        Failure::Usage(format!("{variable}: the address of `{name}`: {error}"))
    })?;
    Ok(enforcer::Upstream {
        credential,
        ..enforcer::Upstream::new(name, base_url)
    })
}

fn one(upstream: &Upstream) -> Result<enforcer::Upstream, Failure> {
    let base_url = Url::parse(&upstream.url)
        .map_err(|error| upstream.wrong(format!("`url` is no address: {error}")))?;
    let mut ready = enforcer::Upstream::new(&upstream.name, base_url);
    ready.credential = credential(upstream)?;
    if let Some(name) = &upstream.credential_header {
        ready.credential_header = name.parse::<HeaderName>().map_err(|_cause| {
            upstream.wrong(format!("`credential_header` is no header field: `{name}`"))
        })?;
    }
    if let Some(path) = &upstream.roots {
        let shown = path.display();
        let pem = std::fs::read(path)
            .map_err(|error| upstream.wrong(format!("cannot read `roots` `{shown}`: {error}")))?;
        let roots = enforcer::Roots::from_pem(&pem)
            .map_err(|error| upstream.wrong(format!("`roots` `{shown}`: {error}")))?;
        ready.roots = Some(roots);
    }
    ready.allowed = ranges(upstream)?;
    Ok(ready)
}

fn credential(upstream: &Upstream) -> Result<Option<SecretKey>, Failure> {
    match &upstream.credential {
        None => Ok(None),
        Some(CredentialSource::File(path)) => read_key(path).map(Some),
        Some(CredentialSource::Variable(name)) => {
            let value = variable(name).filter(|value| !value.trim().is_empty());
            let missing =
                || upstream.wrong(format!("`credential_env`: `{name}` is not set or empty"));
            let value = value.ok_or_else(missing)?;
            Ok(Some(SecretKey::from_text(&value)))
        }
    }
}

fn ranges(upstream: &Upstream) -> Result<Vec<enforcer::AddressRange>, SettingsError> {
    let parse = |text: &String| text.parse();
    let ranges: Result<Vec<_>, enforcer::RangeError> = upstream.allowed.iter().map(parse).collect();
    ranges.map_err(|error| upstream.wrong(format!("`allowed`: {error}")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn refused(lines: &str) -> Failure {
        let text = format!("[upstream.cloud]\n{lines}");
        let file = Some(("countersign.toml", text.as_str()));
        let settings = Settings::read(Vec::new(), |_| None, file).unwrap();
        read(&settings).unwrap_err()
    }

    #[test]
    fn what_the_enforcer_could_not_use_is_a_usage_error_that_names_the_upstream() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificate here").unwrap();
        let https = "url = \"https://cloud.internal\"";
        for (lines, expected) in [
            ("url = \"nowhere\"".to_owned(), "`url` is no address"),
            (
                "url = \"ftp://x\"".to_owned(),
                "must be `http://` or `https://`",
            ),
            ("url = \"http://u:canary@x\"".to_owned(), "without user"),
            (
                format!("{https}\nallowed = [\"10.0.0.0/40\"]"),
                "`allowed`: `10.0.0.0/40`",
            ),
            (
                format!("{https}\nroots = \"/nowhere.pem\""),
                "cannot read `roots` `/nowhere.pem`",
            ),
            (
                format!("{https}\nroots = {empty:?}"),
                "it holds no certificate",
            ),
            (
                format!("{https}\ncredential_env = \"COUNTERSIGN_NO_SUCH_KEY\""),
                "`COUNTERSIGN_NO_SUCH_KEY` is not set",
            ),
            (
                format!("{https}\ncredential_header = \"a b\""),
                "`credential_header` is no header field",
            ),
        ] {
            let failure = refused(&lines);
            assert_eq!(failure.code(), crate::failure::USAGE, "{failure}");
            let text = failure.to_string();
            assert!(text.contains("upstream `cloud`"), "{text}");
            assert!(
                text.contains(expected) && !text.contains("canary"),
                "{text}"
            );
        }
    }

    #[test]
    fn credential_file_must_be_there_private_and_fit_a_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let lines = format!("url = \"http://127.0.0.1:1\"\ncredential_file = {path:?}");
        assert!(refused(&lines).to_string().contains("cannot read"));
        std::fs::write(&path, "a\u{e4}b").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(refused(&lines).to_string().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = refused(&lines).to_string();
        assert!(
            text.contains("visible ASCII") && !text.contains('\u{e4}'),
            "{text}"
        );
        let taken = format!("{lines}\ncredential_header = \"host\"");
        std::fs::write(&path, "canary-key").unwrap();
        let text = refused(&taken).to_string();
        assert!(text.contains("`host` cannot carry a credential"), "{text}");
        assert!(!text.contains("canary"));
    }
}
