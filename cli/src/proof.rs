//! Proofs of possession: a client command shows that it has the agent's registered key.

use std::path::{Path, PathBuf};

use countersign_intent::id::ProofId;
use countersign_intent::key::SigningKey;
use countersign_intent::proof::{self, Request};
use countersign_service::clock::Clock;
use countersign_service::files;
use countersign_service::random::Random;
use url::Url;

use crate::client::Client;
use crate::failure::Failure;
use crate::settings::setting;

/// The agent's private key: of the flag's file, or of the settings.
pub(crate) fn key(client: &Client, given: Option<&Path>) -> Result<Option<SigningKey>, Failure> {
    let set = || client.settings().path(setting::PROOF_KEY_FILE);
    given.map(PathBuf::from).or_else(set).map(read).transpose()
}

#[expect(clippy::needless_pass_by_value, reason = "called on an owned path")]
fn read(path: PathBuf) -> Result<SigningKey, Failure> {
    let failed = |error| Failure::because("cannot read the proof key", error);
    let text = files::read_private(&path).map_err(failed)?;
    let broken = |error| Failure::because(format!("`{}` is no private JWK", path.display()), error);
    SigningKey::from_jwk(&text).map_err(broken)
}

/// The proof for `request`, made now.
pub(crate) fn make(key: &SigningKey, request: Request<'_>) -> String {
    let now = Clock::system().now();
    let id = ProofId::mint(now, Random::system().bytes());
    proof::make(key, id, now, request)
}

/// The path of a request for `path` at `base`, as the enforcer there sees it.
pub(crate) fn path(base: &str, path: &str) -> String {
    let prefix = Url::parse(base).map_or_else(|_| String::new(), |url| url.path().to_owned());
    format!("{}{path}", prefix.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_that_of_the_request_line() {
        assert_eq!(path("http://127.0.0.1:8000", "/v1/calls"), "/v1/calls");
        assert_eq!(
            path("http://gate/enforcer/", "/v1/calls"),
            "/enforcer/v1/calls"
        );
    }
}
