//! The console's sign-in links.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_service::credential::SecretKey;

use super::keys::Keys;
use crate::console::{Code, Uses};
use crate::data::credentials::Key;

/// The console's sign-in codes: one for the screen, one for `credentials.json`.
pub(super) struct Links {
    pub(super) codes: Vec<Code>,
    pub(super) printed: Option<String>,
}

impl Links {
    /// New codes; the link for `credentials.json` is put there.
    pub(super) fn new(keys: &mut Keys, console: &str) -> Self {
        let Some(operator) = keys.credentials.operator_key.as_ref().map(Key::secret) else {
            keys.credentials.console_url = None;
            return Self {
                codes: Vec::new(),
                printed: None,
            };
        };
        let random = keys.random.clone();
        let code = |uses| {
            let text = SecretKey::from_text(&URL_SAFE_NO_PAD.encode(random.bytes::<32>()));
            let link = format!("{console}/#signin={}", text.expose());
            (
                Code {
                    text,
                    key: operator.clone(),
                    uses,
                },
                link,
            )
        };
        let (once, printed) = code(Uses::Once);
        let (lasting, kept) = code(Uses::WhileRunning);
        keys.credentials.console_url = Some(kept);
        Self {
            codes: vec![once, lasting],
            printed: Some(printed),
        }
    }
}
