//! `HAProxy` that checks the signature of an ES256 JWT and nothing else: what many sites have today.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::process::Server;

/// Whether it is installed, with `openssl` to make a key.
pub(crate) fn is_there() -> bool {
    ["haproxy", "openssl"].iter().all(|program| {
        let mut version = Command::new(program);
        let version = version.arg(if *program == "haproxy" {
            "-v"
        } else {
            "version"
        });
        let run = version.stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    })
}

/// Starts one with one worker thread in front of `upstream`, and writes the request that it lets through.
pub(crate) fn start(folder: &Path, upstream: SocketAddr, requests: &Path) -> Server {
    let key = folder.join("es256.pem");
    let public = folder.join("es256.pub.pem");
    let ec = [
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-out",
    ];
    openssl(Command::new("openssl").arg("genpkey").args(ec).arg(&key));
    openssl(
        Command::new("openssl")
            .args(["pkey", "-pubout", "-in"])
            .arg(&key)
            .arg("-out")
            .arg(&public),
    );
    let token = token(folder, &key);
    let request = json!({
        "method": "GET",
        "path": "/v1/services/payments",
        "headers": {"authorization": format!("Bearer {token}")},
        "body": "",
    });
    std::fs::write(requests, format!("{request}\n")).unwrap();

    let address = free_address();
    let config = folder.join("haproxy.cfg");
    std::fs::write(&config, configuration(address, upstream, &public)).unwrap();
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(&config);
    Server::start_at("haproxy", &mut command, folder, address)
}

fn configuration(address: SocketAddr, upstream: SocketAddr, key: &Path) -> String {
    format!(
        "global\n  nbthread 1\n  maxconn 8192\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n  \
         option http-keep-alive\n\
         frontend jwt\n  bind {address}\n  \
         http-request set-var(txn.alg) http_auth_bearer,jwt_header_query('$.alg')\n  \
         http-request deny unless {{ var(txn.alg) -m str ES256 }}\n  \
         http-request deny unless {{ http_auth_bearer,jwt_verify(txn.alg,\"{key}\") 1 }}\n  \
         default_backend upstream\n\
         backend upstream\n  http-reuse always\n  server upstream {upstream}\n",
        key = key.display(),
    )
}

/// An ES256 JWT with claims of the size that such tokens have.
fn token(folder: &Path, key: &Path) -> String {
    let now = jiff::Timestamp::now().as_second();
    let header = json!({"alg": "ES256", "typ": "JWT", "kid": "0123456789abcdef"});
    let claims = json!({
        "iss": "countersign", "sub": "bench", "aud": "enforcer", "iat": now, "nbf": now, "exp": now + 3600,
        "jti": "01JABCDEFGHJKMNPQRSTVWXYZ0", "scope": "infra.get",
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let (input, output) = (folder.join("es256.input"), folder.join("es256.der"));
    std::fs::write(&input, &signed).unwrap();
    let mut sign = Command::new("openssl");
    sign.args(["dgst", "-sha256", "-sign"])
        .arg(key)
        .arg("-out")
        .arg(&output)
        .arg(&input);
    openssl(&mut sign);
    let signature = raw(&std::fs::read(output).unwrap());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The two numbers of a DER signature, 32 bytes each (RFC 7518 §3.4).
fn raw(der: &[u8]) -> [u8; 64] {
    let mut raw = [0; 64];
    // SEQUENCE, length, then twice: INTEGER, length, bytes with a zero before a high bit.
    let mut rest = &der[2..];
    for half in raw.chunks_mut(32) {
        let length = usize::from(rest[1]);
        let (number, after) = rest[2..].split_at(length);
        let number = &number[length.saturating_sub(32)..];
        half[32 - number.len()..].copy_from_slice(number);
        rest = after;
    }
    raw
}

fn openssl(command: &mut Command) {
    let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "openssl failed: {command:?}"
    );
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().unwrap()
}
