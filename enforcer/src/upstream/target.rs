//! One upstream's address, and the requests that may be made to it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use countersign_intent::id::IntentId;
use countersign_intent::render::RenderedCall;
use countersign_service::credential::SecretKey;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT,
};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use url::{Host, Url};

use crate::config::{AddressRange, Upstream};

/// A base address that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "`base_url` of upstream `{upstream}` must be `http://` or `https://` with a host, and without user, query and fragment"
)]
pub struct TargetError {
    upstream: String,
}

/// A request that is not what the definition says. It is never sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum BuildError {
    /// The address does not keep the shape of base and definition.
    #[error("the built address does not keep scheme, host, port and path of the definition")]
    Shape,
    /// A part cannot stand in a request.
    #[error("the request cannot be built")]
    Request(#[from] http::Error),
    /// A header's value cannot stand in a request.
    #[error("a header's value cannot stand in a request")]
    Value(#[from] http::header::InvalidHeaderValue),
}

/// An upstream, ready to be called.
pub(super) struct Target {
    name: String,
    base: Url,
    host: Host<String>,
    port: u16,
    credential: Option<SecretKey>,
    allowed: Vec<AddressRange>,
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Target({} at {})", self.name, self.base)
    }
}

impl Target {
    pub(super) fn new(upstream: Upstream) -> Result<Self, TargetError> {
        let Upstream {
            name,
            base_url: base,
            credential,
            allowed,
        } = upstream;
        let wrong = || TargetError {
            upstream: name.clone(),
        };
        let plain = matches!(base.scheme(), "http" | "https")
            && base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none();
        let host = base.host().map(|host| host.to_owned()).ok_or_else(wrong)?;
        let port = base.port_or_known_default().ok_or_else(wrong)?;
        if !plain {
            return Err(wrong());
        }
        Ok(Self {
            name,
            base,
            host,
            port,
            credential,
            allowed,
        })
    }

    pub(super) fn is_tls(&self) -> bool {
        self.base.scheme() == "https"
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

    pub(super) fn credential(&self) -> Option<&SecretKey> {
        self.credential.as_ref()
    }

    /// Whether `address` may be dialled.
    pub(super) fn permits(&self, address: IpAddr) -> bool {
        let listed =
            self.allowed.is_empty() || self.allowed.iter().any(|range| range.contains(address));
        listed && !never_dialled(address)
    }

    /// The request of `call`: the rendered call, the credential, and nothing of what a caller sent.
    pub(super) fn request(
        &self,
        call: &RenderedCall,
        jti: &IntentId,
    ) -> Result<Request<Full<Bytes>>, BuildError> {
        let target = self.path_and_query(call)?;
        let method = Method::from_bytes(call.method.as_bytes()).map_err(http::Error::from)?;
        let body = call.body_bytes();
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, self.host_header())
            .header(
                USER_AGENT,
                concat!("countersign/", env!("CARGO_PKG_VERSION")),
            )
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "identity")
            .header(CONNECTION, "close")
            .header("idempotency-key", jti.as_str());
        for (name, value) in &call.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(http::Error::from)?;
            request = request.header(name, HeaderValue::from_str(value)?);
        }
        if let Some(credential) = &self.credential {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", credential.expose()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        Ok(request.body(Full::new(Bytes::from(body.unwrap_or_default())))?)
    }

    /// Path and query of the call under the base address, parsed again: scheme, host, port and every
    /// segment must be those of base and definition (I14).
    fn path_and_query(&self, call: &RenderedCall) -> Result<String, BuildError> {
        let prefix = self.base.path().trim_end_matches('/');
        let target = format!("{prefix}{}", call.target());
        let origin = self.base.origin().ascii_serialization();
        let url = Url::parse(&format!("{origin}{target}")).map_err(|_cause| BuildError::Shape)?;
        let path = format!("{prefix}{}", call.path);
        let whole = call
            .path
            .split('/')
            .skip(1)
            .all(|segment| !segment.is_empty());
        let same = whole
            && url.scheme() == self.base.scheme()
            && url.host_str() == self.base.host_str()
            && url.port_or_known_default() == Some(self.port)
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && url.path() == path
            && url.query().is_some() != call.query.is_empty();
        if same {
            Ok(target)
        } else {
            Err(BuildError::Shape)
        }
    }

    fn host_header(&self) -> String {
        match self.base.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }
}

/// Addresses that no configuration opens: link-local ones, where clouds serve their machines'
/// credentials, and those that name no single host.
fn never_dialled(address: IpAddr) -> bool {
    const CLOUD_METADATA: [IpAddr; 2] = [
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
        IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    ];
    let address = address.to_canonical();
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => {
            // An address of NAT64 or 6to4 that embeds a link-local one leads there as well.
            let embedded = embedded_v4(address).is_some_and(|address| address.is_link_local());
            address.is_unicast_link_local() || embedded
        }
    };
    link_local
        || address.is_unspecified()
        || address.is_multicast()
        || CLOUD_METADATA.contains(&address)
}

fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let pair = |high: u16, low: u16| Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low));
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(pair(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(pair(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(base: &str, allowed: &[&str]) -> Target {
        Target::new(Upstream {
            name: "cloud".to_owned(),
            base_url: base.parse().unwrap(),
            credential: Some(SecretKey::from_text("cs_up_secret")),
            allowed: allowed.iter().map(|range| range.parse().unwrap()).collect(),
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

    #[test]
    fn request_is_the_rendered_call_with_our_headers() {
        let target = target("http://cloud.internal:9000/base", &[]);
        let request = target
            .request(&call("/v1/services/payments/scale"), &jti())
            .unwrap();
        assert_eq!(request.uri(), "/base/v1/services/payments/scale");
        assert_eq!(request.headers()["host"], "cloud.internal:9000");
        assert_eq!(request.headers()["authorization"], "Bearer cs_up_secret");
        assert_eq!(request.headers()["idempotency-key"], jti().as_str());
        assert!(!format!("{:?}", request.headers()).contains("cs_up_secret"));
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
        ] {
            assert!(target.request(&call(path), &jti()).is_err(), "{path}");
        }
        assert!(target.request(&call("@evil.com/"), &jti()).is_err());
    }

    #[test]
    fn link_local_and_metadata_addresses_are_never_dialled() {
        let open = target("http://cloud.internal", &["0.0.0.0/0", "::/0"]);
        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
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
            let upstream = Upstream {
                name: "cloud".to_owned(),
                base_url: base.parse().unwrap(),
                credential: None,
                allowed: Vec::new(),
            };
            assert!(Target::new(upstream).is_err(), "{base}");
        }
    }
}
