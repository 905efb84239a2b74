//! One upstream, ready to be called: what does not change between calls is prepared once.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use countersign_intent::id::IntentId;
use countersign_intent::render::RenderedCall;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use url::{Host, Url};

use super::SetupError;
use super::dial::Addresses;
use super::pool::Pool;
use super::scrub::Scrubber;
use super::tls::{SystemRoots, Tls, TlsError};
use crate::config::upstream::{AddressRange, Upstream};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// An upstream that cannot be used as configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The base address is not one.
    #[error(
        "the address of upstream `{0}` must be `http://` or `https://` with a host, and without user, query and fragment"
    )]
    Address(String),
    /// The credential cannot stand in a header.
    #[error("the credential of upstream `{0}` must be visible ASCII characters")]
    Credential(String),
    /// The header field is not free to carry a credential.
    #[error("upstream `{upstream}`: `{header}` cannot carry a credential")]
    Header {
        /// The upstream.
        upstream: String,
        /// The header field.
        header: HeaderName,
    },
}

/// A request that is not what the definition says. It is never sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum BuildError {
    /// The path is not one of plain segments.
    #[error("the built address does not keep scheme, host, port and path of the definition")]
    Shape,
    /// The definition sets the header field of the credential.
    #[error("the definition sets header `{0}`, which carries the upstream's credential")]
    Credential(HeaderName),
    /// A part cannot stand in a request.
    #[error("the request cannot be built")]
    Request(#[from] http::Error),
    /// A header's value cannot stand in a request.
    #[error("a header's value cannot stand in a request")]
    Value(#[from] http::header::InvalidHeaderValue),
}

/// What becomes of the connection after a call, as the request says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Close,
    Keep,
}

/// An upstream, ready to be called.
pub(super) struct Target {
    name: String,
    host: Host<String>,
    port: u16,
    /// Host and port, for people and the `Host` field.
    authority: String,
    /// The base address's path, without a slash at its end.
    prefix: String,
    /// What every request carries.
    headers: HeaderMap,
    /// The header field of the credential, where there is one.
    credential: Option<HeaderName>,
    tls: Option<Tls>,
    allowed: Vec<AddressRange>,
    addresses: Addresses,
    pool: Pool,
    scrubber: Scrubber,
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Target({} at {})", self.name, self.authority)
    }
}

impl Target {
    pub(super) fn new(upstream: Upstream, system: &mut SystemRoots) -> Result<Self, SetupError> {
        let name = upstream.name.clone();
        let base = &upstream.base_url;
        let wrong = || TargetError::Address(name.clone());
        if !is_base(base) {
            return Err(wrong().into());
        }
        let host = base.host().map(|host| host.to_owned()).ok_or_else(wrong)?;
        let port = base.port_or_known_default().ok_or_else(wrong)?;
        let authority = match base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let tls = match base.scheme() {
            "https" => Some(tls(&upstream, &host, system)?),
            _ => None,
        };
        let scrubber = Scrubber::new(&name, upstream.credential.as_ref())
            .map_err(|_too_long| TargetError::Credential(name.clone()))?;
        Ok(Self {
            headers: headers(&upstream, &authority)?,
            credential: upstream
                .credential
                .is_some()
                .then(|| upstream.credential_header.clone()),
            prefix: base.path().trim_end_matches('/').to_owned(),
            name,
            host,
            port,
            authority,
            tls,
            allowed: upstream.allowed,
            addresses: Addresses::default(),
            pool: Pool::default(),
            scrubber,
        })
    }

    pub(super) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    pub(super) fn host(&self) -> &Host<String> {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(super) fn scrubber(&self) -> &Scrubber {
        &self.scrubber
    }

    /// Whether the credential goes over a network in clear.
    pub(super) fn is_open(&self) -> bool {
        self.tls.is_none() && self.credential.is_some() && !is_loopback(&self.host)
    }

    /// Whether `address` may be dialled.
    pub(super) fn permits(&self, address: IpAddr) -> bool {
        let listed =
            self.allowed.is_empty() || self.allowed.iter().any(|range| range.contains(address));
        listed && !never_dialled(address)
    }

    /// The request of `call`: the rendered call, the credential, and nothing of what a caller sent.
    /// `key` is what an upstream may know the call by, in `Idempotency-Key` and, where the definition
    /// names another field, in that.
    pub(super) fn request(
        &self,
        call: &RenderedCall,
        key: &IntentId,
        field: Option<&str>,
        after: After,
    ) -> Result<Request<Full<Bytes>>, BuildError> {
        let body = call.body_bytes();
        let mut headers = self.headers.clone();
        if after == After::Close {
            headers.insert(CONNECTION, CLOSE);
        }
        if body.is_some() {
            headers.insert(CONTENT_TYPE, JSON);
        }
        for (name, value) in &call.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(http::Error::from)?;
            if self.credential.as_ref() == Some(&name) {
                return Err(BuildError::Credential(name));
            }
            headers.insert(name, HeaderValue::from_str(value)?);
        }
        let key = HeaderValue::from_str(key.as_str())?;
        if let Some(field) = field {
            let field = HeaderName::from_bytes(field.as_bytes()).map_err(http::Error::from)?;
            if self.credential.as_ref() == Some(&field) {
                return Err(BuildError::Credential(field));
            }
            headers.insert(field, key.clone());
        }
        headers.insert(IDEMPOTENCY_KEY, key);
        let body = Full::new(Bytes::from(body.unwrap_or_default()));
        let mut request = Request::new(body);
        *request.method_mut() =
            Method::from_bytes(call.method.as_bytes()).map_err(http::Error::from)?;
        *request.uri_mut() = self.uri(call)?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Path and query of the call under the base address. Every segment is plain, so that no parser
    /// reads scheme, host, port or number of segments otherwise than base and definition say (I14).
    fn uri(&self, call: &RenderedCall) -> Result<Uri, BuildError> {
        let mut segments = call.path.split('/');
        if segments.next() != Some("") || !segments.all(is_plain) {
            return Err(BuildError::Shape);
        }
        let target = call.target();
        let whole = if self.prefix.is_empty() {
            target
        } else {
            format!("{}{target}", self.prefix)
        };
        Ok(Uri::from_maybe_shared(Bytes::from(whole)).map_err(http::Error::from)?)
    }
}

fn is_base(base: &Url) -> bool {
    matches!(base.scheme(), "http" | "https")
        && base.username().is_empty()
        && base.password().is_none()
        && base.query().is_none()
        && base.fragment().is_none()
}

fn is_loopback(host: &Host<String>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => IpAddr::from(*address).to_canonical().is_loopback(),
        Host::Domain(name) => name == "localhost",
    }
}

fn tls(
    upstream: &Upstream,
    host: &Host<String>,
    system: &mut SystemRoots,
) -> Result<Tls, TlsError> {
    Tls::new(&upstream.name, host, upstream.roots.as_ref(), system)
}

/// What every request to the upstream carries.
fn headers(upstream: &Upstream, authority: &str) -> Result<HeaderMap, TargetError> {
    const AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));
    const TAKEN: [HeaderName; 13] = [
        HOST,
        USER_AGENT,
        ACCEPT,
        ACCEPT_ENCODING,
        CONNECTION,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        EXPECT,
        IDEMPOTENCY_KEY,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    let name = || upstream.name.clone();
    let host = HeaderValue::from_str(authority).map_err(|_cause| TargetError::Address(name()))?;
    // Room for what calls add.
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, JSON);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let Some(credential) = &upstream.credential else {
        return Ok(headers);
    };
    let header = upstream.credential_header.clone();
    if TAKEN.contains(&header) {
        return Err(TargetError::Header {
            upstream: name(),
            header,
        });
    }
    let visible = credential
        .expose()
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if credential.expose().is_empty() || !visible {
        return Err(TargetError::Credential(name()));
    }
    let text = if header == AUTHORIZATION {
        HeaderValue::from_str(&format!("Bearer {}", credential.expose()))
    } else {
        HeaderValue::from_str(credential.expose())
    };
    let mut value = text.map_err(|_cause| TargetError::Credential(name()))?;
    value.set_sensitive(true);
    headers.insert(header, value);
    Ok(headers)
}

/// A path segment of unreserved characters (RFC 3986 §2.3) that is neither empty nor a step in the path.
fn is_plain(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// Addresses that no configuration opens: link-local ones, where clouds serve their machines'
/// credentials, and those that name no single host.
fn never_dialled(address: IpAddr) -> bool {
    const CLOUD_METADATA: [IpAddr; 5] = [
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
        IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
        IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
        IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    ];
    let address = address.to_canonical();
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => {
            // An address of NAT64 or 6to4 that embeds one of these leads there as well.
            let mut inner = embedded_v4(address).into_iter();
            let embedded = inner.any(|inner| never_dialled(inner.into()));
            address.is_unicast_link_local() || embedded
        }
    };
    link_local
        || address.is_unspecified()
        || address.is_multicast()
        || CLOUD_METADATA.contains(&address)
}

/// What `address` may stand for to a translator.
fn embedded_v4(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let segments = address.segments();
    let pair = |high: u16, low: u16| Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low));
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => vec![pair(high, low)],
        // A network's own translator (RFC 8215) has a prefix of any length in here (RFC 6052 §2.2).
        [0x64, 0xff9b, 1, ..] => {
            let bits = address.to_bits();
            // All of them but the last leave out the octet after the first half.
            let halves = ((bits >> 64) << 56) | (bits & ((1 << 56) - 1));
            let low = |bits: u128| u32::try_from(bits & u128::from(u32::MAX)).unwrap_or(0);
            let places = [halves >> 40, halves >> 32, halves >> 24, bits];
            let mut found = places.map(|bits| Ipv4Addr::from_bits(low(bits))).to_vec();
            // Zeros are mostly those around the address.
            found.retain(|inner| !inner.is_unspecified());
            found
        }
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => vec![pair(high, low)],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use countersign_service::credential::SecretKey;

    use super::*;

    fn upstream(base: &str) -> Upstream {
        Upstream {
            credential: Some(SecretKey::from_text("cs_up_secret")),
            ..Upstream::new("cloud", base.parse().unwrap())
        }
    }

    fn build(upstream: Upstream) -> Result<Target, SetupError> {
        Target::new(upstream, &mut SystemRoots::default())
    }

    fn target(base: &str, allowed: &[&str]) -> Target {
        let allowed = allowed.iter().map(|range| range.parse().unwrap()).collect();
        build(Upstream {
            allowed,
            ..upstream(base)
        })
        .unwrap()
    }

    fn call(path: &str) -> RenderedCall {
        RenderedCall {
            upstream: "cloud".to_owned(),
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: std::collections::BTreeMap::new(),
            body: Some(serde_json::json!({"b": 1, "a": 2})),
        }
    }

    fn jti() -> IntentId {
        IntentId::mint(jiff::Timestamp::UNIX_EPOCH, [1; 10])
    }

    fn request(target: &Target, call: &RenderedCall) -> Result<Request<Full<Bytes>>, BuildError> {
        target.request(call, &jti(), None, After::Close)
    }

    #[test]
    fn request_is_the_rendered_call_with_our_headers() {
        let target = target("http://cloud.internal:9000/base/", &[]);
        let request = request(&target, &call("/v1/services/payments/scale")).unwrap();
        assert_eq!(request.uri(), "/base/v1/services/payments/scale");
        let headers = request.headers();
        assert_eq!(headers["host"], "cloud.internal:9000");
        assert_eq!(headers["authorization"], "Bearer cs_up_secret");
        assert_eq!(headers["idempotency-key"], jti().as_str());
        assert_eq!(headers["connection"], "close");
        assert_eq!(headers["accept-encoding"], "identity");
        assert_eq!(headers["content-type"], "application/json");
        assert!(!format!("{request:?} {target:?}").contains("cs_up_secret"));
    }

    #[test]
    fn reads_keep_their_connection_and_calls_of_a_definition_carry_its_key() {
        let target = target("http://cloud.internal", &[]);
        let request = target
            .request(&call("/v1/x"), &jti(), Some("x-request-key"), After::Keep)
            .unwrap();
        assert!(!request.headers().contains_key("connection"));
        assert_eq!(request.headers()["x-request-key"], jti().as_str());
        assert_eq!(request.headers()["idempotency-key"], jti().as_str());
    }

    #[test]
    fn credential_stands_bare_in_a_header_of_its_own_and_nothing_replaces_it() {
        let target = build(Upstream {
            credential_header: HeaderName::from_static("x-api-key"),
            ..upstream("http://cloud.internal")
        })
        .unwrap();
        let headers = request(&target, &call("/v1/x")).unwrap().headers().clone();
        assert_eq!(headers["x-api-key"], "cs_up_secret");
        assert!(!headers.contains_key("authorization"));
        let mut replaced = call("/v1/x");
        replaced.headers.insert("X-Api-Key".into(), "mine".into());
        assert!(request(&target, &replaced).is_err());
        let field = Some("x-api-key");
        assert!(
            target
                .request(&call("/v1/x"), &jti(), field, After::Close)
                .is_err()
        );
    }

    #[test]
    fn header_that_frames_or_routes_carries_no_credential() {
        for header in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, IDEMPOTENCY_KEY] {
            let error = build(Upstream {
                credential_header: header.clone(),
                ..upstream("http://cloud.internal")
            });
            let message = error.unwrap_err().to_string();
            assert!(message.contains(header.as_str()), "{message}");
        }
        let error = build(Upstream {
            credential: Some(SecretKey::from_text("a\nb")),
            ..upstream("http://cloud.internal")
        });
        let message = error.unwrap_err().to_string();
        assert!(message.contains("visible ASCII"), "{message}");
        assert!(!message.contains("a\nb"));
    }

    #[test]
    fn address_that_changes_its_shape_is_not_built() {
        let target = target("http://cloud.internal", &[]);
        for path in [
            "/v1/../admin",
            "//evil/x",
            "/v1/a?b",
            "/v1/a#b",
            "/v1/%2e%2e/x",
            "/v1/\\x",
            "/v1/./x",
            "/v1//x",
            "/v1/x/",
            "@evil.com/",
            "",
            "v1/x",
            "http://evil/x",
        ] {
            assert!(request(&target, &call(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn address_that_is_built_reads_back_as_base_and_path() {
        let target = target("http://cloud.internal:81/base", &[]);
        for path in ["/v1/a~b", "/...", "/v1/.x", "/A-1_2"] {
            let uri = request(&target, &call(path)).unwrap().uri().to_string();
            let url = Url::parse(&format!("http://cloud.internal:81{uri}")).unwrap();
            assert_eq!(url.path(), format!("/base{path}"));
            assert_eq!(
                (url.host_str(), url.port()),
                (Some("cloud.internal"), Some(81))
            );
            assert_eq!((url.query(), url.fragment()), (None, None));
        }
    }

    #[test]
    fn link_local_and_metadata_addresses_are_never_dialled() {
        let open = target("http://cloud.internal", &["0.0.0.0/0", "::/0"]);
        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::6464:64c8",
            "64:ff9b:1:a9fe:a9:fe00::",
            "64:ff9b:1:ffa9:fe:a9fe::",
            "64:ff9b:1:ffff:a9:fea9:fe00:0",
            "64:ff9b:1:ffff::a9fe:a9fe",
            "168.63.129.16",
            "192.0.0.192",
            "fd20:ce::254",
            "2002:a9fe:a9fe::1",
            "fe80::1",
            "fd00:ec2::254",
            "0.0.0.0",
            "::",
            "255.255.255.255",
            "224.0.0.1",
        ] {
            assert!(!open.permits(address.parse().unwrap()), "{address}");
        }
        assert!(open.permits("127.0.0.1".parse().unwrap()));
        assert!(open.permits("::1".parse().unwrap()));
        assert!(open.permits("64:ff9b:1::10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn credential_in_clear_is_noticed_unless_it_stays_on_this_machine() {
        for (base, open) in [
            ("http://cloud.internal", true),
            ("http://10.0.0.1", true),
            ("http://127.0.0.1:9", false),
            ("http://localhost:9", false),
            ("http://[::1]:9", false),
            ("http://[::ffff:127.0.0.1]:9", false),
        ] {
            assert_eq!(target(base, &[]).is_open(), open, "{base}");
            let bare = Upstream::new("cloud", base.parse().unwrap());
            assert!(!build(bare).unwrap().is_open(), "{base}");
        }
    }

    #[test]
    fn listed_ranges_are_the_only_ones_dialled() {
        let listed = target("http://cloud.internal", &["127.0.0.0/8"]);
        assert!(listed.permits("127.0.0.1".parse().unwrap()));
        assert!(!listed.permits("10.0.0.1".parse().unwrap()));
        assert!(!listed.permits("::1".parse().unwrap()));
    }

    #[test]
    fn addresses_with_users_queries_or_other_schemes_are_not_taken() {
        for base in [
            "ftp://x",
            "http://u@x",
            "http://u:p@x",
            "http://x?y",
            "http://x#y",
            "file:///x",
        ] {
            assert!(build(upstream(base)).is_err(), "{base}");
        }
    }
}
