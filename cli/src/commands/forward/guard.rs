//! Who may use the door: programs of this machine, and no web page that a browser happens to show.

use countersign_service::problem::{Problem, ProblemType};
use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Refuses requests that a page made, or that came by another name than this machine's own.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail: &'static str| Err(Problem::new(ProblemType::Forbidden, detail));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(is_own_name) {
        return refuse("`Host` is not a name of this machine itself");
    }
    let fetch = headers
        .get("sec-fetch-site")
        .map(http::HeaderValue::as_bytes);
    let navigated = fetch.is_none_or(|site| site == b"none" || site == b"same-origin");
    if headers.contains_key(ORIGIN) || !navigated {
        return refuse("web pages are not served here");
    }
    Ok(())
}

/// Whether `host` is loopback by its own names, so that no other name can be made to point here.
fn is_own_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "[::1]" | "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_pass_and_pages_do_not() {
        let passes = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, http::HeaderValue::from_static(value));
            }
            check(&headers).is_ok()
        };
        for host in [
            "127.0.0.1:8010",
            "[::1]:8010",
            "[::1]",
            "localhost:1",
            "localhost",
        ] {
            assert!(passes(&[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:8010",
            "localhost:x",
            "127.0.0.2",
            "",
        ] {
            assert!(!passes(&[("host", host)]), "{host}");
        }
        assert!(!passes(&[]));
        let own = ("host", "127.0.0.1");
        assert!(!passes(&[own, ("origin", "http://127.0.0.1")]));
        assert!(!passes(&[own, ("sec-fetch-site", "cross-site")]));
        assert!(passes(&[own, ("sec-fetch-site", "none")]));
    }
}
