//! Request ids: unique over processes, and no secret.

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;

use crate::random::Random;

/// The longest id that is taken over from another role.
const LONGEST: usize = 64;
const HEX: &[u8; 16] = b"0123456789abcdef";

tokio::task_local! {
    pub(super) static CURRENT: RequestId;
}

/// The id of the request that the current task is serving.
pub fn request_id() -> Option<String> {
    CURRENT.try_with(|id| id.as_str().to_owned()).ok()
}

/// The id of a request, kept in place.
#[derive(Clone, Copy)]
pub(super) struct RequestId {
    bytes: [u8; LONGEST],
    length: usize,
}

/// Makes ids: a random number of the process, and a count.
pub(super) struct Ids {
    process: u64,
    next: AtomicU64,
}

impl RequestId {
    /// The id that a role before us gave the request, if it has the form of one.
    pub(super) fn received(header: &HeaderValue) -> Option<Self> {
        let id = header.as_bytes();
        let plain = id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        (plain && id.len() >= 8).then_some(())?;
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self {
            bytes,
            length: id.len(),
        })
    }

    pub(super) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl Ids {
    pub(super) fn new(random: &Random) -> Self {
        Self {
            process: u64::from_be_bytes(random.bytes()),
            next: AtomicU64::new(0),
        }
    }

    /// `req_` and 32 hexadecimal digits.
    pub(super) fn next(&self) -> RequestId {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let number = u128::from(self.process) << 64 | u128::from(count);
        let mut bytes = [0; LONGEST];
        let digits = number.to_be_bytes().into_iter().flat_map(|byte| {
            [byte >> 4, byte & 15].map(|digit| HEX.get(usize::from(digit)).copied())
        });
        let text = b"req_".iter().copied().chain(digits.flatten());
        let mut length = 0;
        for (place, byte) in bytes.iter_mut().zip(text) {
            *place = byte;
            length += 1;
        }
        RequestId { bytes, length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_within_and_between_processes() {
        let random = Random::seeded(3);
        let (one, two) = (Ids::new(&random), Ids::new(&random));
        let ids = [one.next(), one.next(), two.next(), two.next()];
        let texts: std::collections::BTreeSet<&str> = ids.iter().map(RequestId::as_str).collect();
        assert_eq!(texts.len(), 4);
        for text in texts {
            let digits = text.strip_prefix("req_").unwrap();
            let hexadecimal = digits.bytes().all(|byte| HEX.contains(&byte));
            assert!(digits.len() == 32 && hexadecimal, "{text}");
        }
    }

    #[test]
    fn a_received_id_may_have_64_characters() {
        let of = |length| {
            let header = HeaderValue::from_str(&"a".repeat(length)).unwrap();
            RequestId::received(&header).map(|id| id.as_str().len())
        };
        assert_eq!(
            [of(7), of(8), of(64), of(65)],
            [None, Some(8), Some(64), None]
        );
    }
}
