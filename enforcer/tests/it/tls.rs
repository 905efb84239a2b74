//! TLS to upstreams: who is believed, and that nothing of a call is written before.

use std::sync::{Arc, Mutex};

use countersign_enforcer::{Roots, Upstream};
use countersign_service::tasks::Tasks;
use http::StatusCode;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ProtocolVersion, ServerConfig, SupportedProtocolVersion, version};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::bench::Bench;
use crate::hostile::server::{Script, Server, Step, answer, send};
use crate::hostile::{extend, poke, tool, upstream};

/// A certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn roots(&self) -> Roots {
        Roots::from_pem(self.0.pem().as_bytes()).unwrap()
    }

    /// A server's side for `name`, with a certificate from the year `from` to the year `to`.
    fn server(&self, name: &str, (from, to): (i32, i32)) -> Side {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Side {
            chain: vec![certificate.der().clone()],
            key: key.serialize_der(),
            version: &version::TLS13,
        }
    }
}

/// What a server shows.
struct Side {
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: Vec<u8>,
    version: &'static SupportedProtocolVersion,
}

impl Side {
    fn good(authority: &Authority) -> Self {
        authority.server("localhost", (2020, 2200))
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.clone()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[self.version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

/// What was agreed on with each client: the version and, if any, the protocol.
type Agreed = Arc<Mutex<Vec<(ProtocolVersion, Option<Vec<u8>>)>>>;

/// A server that speaks TLS as `side` and then plays `script`.
async fn serve(world: &Tasks, side: &Side, script: Script) -> (Server, Agreed) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::counting(listener.local_addr().unwrap());
    let (serving, acceptor) = (server.clone(), side.acceptor());
    let agreed = Agreed::default();
    let noted = Arc::clone(&agreed);
    drop(world.spawn_until_cancelled("tls", async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            serving.accepted();
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let connection = stream.get_ref().1;
            let version = connection.protocol_version().unwrap();
            let protocol = connection.alpn_protocol().map(<[u8]>::to_vec);
            noted.lock().unwrap().push((version, protocol));
            serving.play(stream, script.clone()).await;
        }
    }));
    (server, agreed)
}

fn secure(host: &str, server: &Server, roots: Roots) -> Upstream {
    let address = format!("https://{host}:{}", server.address.port());
    Upstream {
        base_url: address.parse().unwrap(),
        roots: Some(roots),
        ..upstream("x", "replaced")
    }
}

async fn bench(upstream: Upstream, limit: &str) -> Bench {
    Bench::start_with(|config| {
        extend(config, &tool("x", "service", limit, ""), vec![upstream]);
    })
    .await
}

fn well() -> Script {
    vec![Step::Read, answer(200, r#"{"ok":true}"#)]
}

#[tokio::test]
async fn good_chain_is_believed_in_both_versions_and_http_2_is_not_spoken() {
    let (world, authority) = (Tasks::new(), Authority::new());
    for (host, version) in [
        ("localhost", &version::TLS12),
        ("localhost", &version::TLS13),
        ("127.0.0.1", &version::TLS13),
    ] {
        let side = Side {
            version,
            ..authority.server(host, (2020, 2200))
        };
        let (server, agreed) = serve(&world, &side, well()).await;
        let bench = bench(secure(host, &server, authority.roots()), "20s").await;
        let body = poke(&bench, "x").await;
        assert_eq!(body["outcome"], "done", "{body}");
        assert_eq!(body["result"], json!({"ok": true}));
        assert_eq!(*agreed.lock().unwrap(), [(version.version, None)]);
        assert_eq!((server.connections(), server.requests().len()), (1, 1));
    }
}

#[tokio::test]
async fn upstream_that_does_not_prove_itself_gets_not_one_byte() {
    let (world, authority, stranger) = (Tasks::new(), Authority::new(), Authority::new());
    let name = |name| authority.server(name, (2020, 2200));
    let years = |years| authority.server("localhost", years);
    for (why, side) in [
        ("unknown issuer", Side::good(&stranger)),
        ("another name", name("other.test")),
        ("another address", name("127.0.0.2")),
        ("expired", years((2020, 2021))),
        ("not yet valid", years((2190, 2200))),
        (
            "another version",
            Side {
                version: &version::TLS12,
                ..Side::good(&stranger)
            },
        ),
    ] {
        let (server, agreed) = serve(&world, &side, well()).await;
        let bench = bench(secure("localhost", &server, authority.roots()), "20s").await;
        let body = poke(&bench, "x").await;
        assert_eq!(body["outcome"], "not_sent", "{why}: {body}");
        let cause = body["cause"].as_str().unwrap();
        assert!(cause.starts_with("TLS with `localhost:"), "{why}: {cause}");
        assert_eq!(
            (server.connections(), server.requests().len()),
            (1, 0),
            "{why}"
        );
        assert!(agreed.lock().unwrap().is_empty(), "{why}");
        // Nothing was sent, so a new token may try again at once.
        assert_eq!(poke(&bench, "x").await["outcome"], "not_sent");
    }
}

#[tokio::test]
async fn handshake_that_fails_hangs_or_is_cut_is_not_sent() {
    let (world, authority) = (Tasks::new(), Authority::new());
    let half = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03".to_vec();
    for (why, script, limit) in [
        (
            "plain HTTP",
            vec![Step::ReadSome(20), answer(200, "{}")],
            "20s",
        ),
        (
            "plain text first",
            vec![send("220 hello\r\n"), Step::Hang],
            "20s",
        ),
        ("silence", vec![Step::Hang], "300ms"),
        (
            "half a hello",
            vec![Step::ReadSome(20), Step::Send(half.clone()), Step::Hang],
            "300ms",
        ),
        ("reset before", vec![Step::Reset], "20s"),
        (
            "reset inside",
            vec![Step::ReadSome(20), Step::Send(half), Step::Reset],
            "20s",
        ),
        ("closed inside", vec![Step::ReadSome(20)], "20s"),
    ] {
        let server = Server::start(&world, vec![script]).await;
        let bench = bench(secure("localhost", &server, authority.roots()), limit).await;
        let body = poke(&bench, "x").await;
        assert_eq!(body["outcome"], "not_sent", "{why}: {body}");
        assert_eq!(server.connections(), 1, "{why}");
    }
}

#[tokio::test]
async fn after_the_first_byte_a_broken_connection_is_doubt() {
    let (world, authority) = (Tasks::new(), Authority::new());
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\"";
    for (why, script) in [
        ("reset in the request", vec![Step::ReadSome(1), Step::Reset]),
        ("reset before the answer", vec![Step::Read, Step::Reset]),
        (
            "reset in the body",
            vec![Step::Read, send(half), Step::Reset],
        ),
        ("closed in the body", vec![Step::Read, send(half)]),
        // Only TLS's own goodbye tells the end of such an answer from a cut.
        (
            "cut without length",
            vec![Step::Read, send("HTTP/1.1 200 OK\r\n\r\n{}"), Step::Reset],
        ),
    ] {
        let (server, _) = serve(&world, &Side::good(&authority), script).await;
        let bench = bench(secure("localhost", &server, authority.roots()), "20s").await;
        let body = poke(&bench, "x").await;
        assert_eq!(body["outcome"], "in_doubt", "{why}: {body}");
        assert_eq!(server.connections(), 1, "{why}");
    }
    let (server, _) = serve(
        &world,
        &Side::good(&authority),
        vec![Step::Read, send("HTTP/1.1 200 OK\r\n\r\n{}")],
    )
    .await;
    let bench = bench(secure("localhost", &server, authority.roots()), "20s").await;
    assert_eq!(poke(&bench, "x").await["outcome"], "done");
}

#[tokio::test]
async fn control_that_changes_while_the_upstream_is_dialled_keeps_the_call_back() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::counting(listener.local_addr().unwrap());
    let bench = bench(secure("localhost", &server, authority.roots()), "20s").await;
    let acceptor = Side::good(&authority).acceptor();
    let serving = async {
        let (stream, _) = listener.accept().await.unwrap();
        // The token is spent; the handshake waits for this.
        let (status, _) = bench.put_control(&bench.control(2, &json!([]))).await;
        assert_eq!(status, StatusCode::OK);
        let stream = acceptor.accept(stream).await.unwrap();
        server.play(stream, well()).await;
    };
    let (body, ()) = tokio::join!(poke(&bench, "x"), serving);
    assert_eq!(body["outcome"], "not_sent");
    assert!(
        body["cause"].as_str().unwrap().starts_with("stale"),
        "{body}"
    );
    assert!(server.requests().is_empty());
}
