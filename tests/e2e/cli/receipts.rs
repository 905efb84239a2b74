//! Receipts are verified, explained, and compared with their tokens.

use countersign_intent::key::SigningKey;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::forge;
use crate::harness::installation::Installation;
use crate::harness::world::text;

const SCALE: &str = r#"{"service_id": "payments", "replicas": 4}"#;

/// A token and the receipt of the call that spent it.
fn spent(world: &Installation, file: &str) -> (String, String) {
    let step = json!({"id": "s1", "tool": "infra.scale", "params": {"service_id": "payments", "replicas": 4}});
    let plan = json!({"goal": "more room", "steps": [step]});
    std::fs::write(file, plan.to_string()).unwrap();
    let plan = world.says(0, &["plan", "submit", file]);
    let issued = world.says(0, &["plan", "token", text(&plan, "/plan_id"), "s1"]);
    let token = text(&issued, "/token").to_owned();
    let spend = ["call", "infra.scale", "--params", SCALE, "--token", &token];
    let done = world.says(0, &spend);
    (token, text(&done, "/receipt").to_owned())
}

#[tokio::test]
async fn receipt_is_held_against_keys_and_against_its_token() {
    let world = Installation::demo().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (token, receipt) = spent(&world, &at("plan.json"));
    let (other, _) = spent(&world, &at("plan.json"));

    let alone = world.says(0, &["token", "inspect", "--receipt", &receipt]);
    assert_eq!(
        (text(&alone, "/signature"), text(&alone, "/keys")),
        ("verifies", "not pinned")
    );
    let said = world
        .command(&["token", "inspect", "--receipt", &receipt])
        .with(0)
        .stdout;
    for part in [
        "key not pinned",
        "HTTP 200",
        " ms later)",
        " bytes",
        "infra.scale",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    let keys = at("keys.json");
    let answer = world.request(Method::GET, "enforcer", "/.well-known/jwks.json");
    let published = answer.send().await.unwrap().text().await.unwrap();
    std::fs::write(&keys, published).unwrap();
    let pinned = ["token", "inspect", "--receipt", &receipt, "--key", &keys];
    let pinned = world.says(0, &pinned);
    assert_eq!(text(&pinned, "/keys"), "pinned");
    let stranger = SigningKey::from_seed(&[9; 32]).unwrap();
    let strange = at("strange.json");
    let jwk = serde_json::to_string(&stranger.verifying_key().to_jwk()).unwrap();
    std::fs::write(&strange, jwk).unwrap();
    let refused = ["token", "inspect", "--receipt", &receipt, "--key", &strange];
    assert!(text(&world.says(1, &refused), "/signature").contains("NOT"));

    let both = world.says(0, &["token", "inspect", &token, "--receipt", &receipt]);
    assert_eq!(both["belong_together"], true, "{both:#}");
    let wrong = world.says(1, &["token", "inspect", &other, "--receipt", &receipt]);
    assert_eq!(wrong["belong_together"], false);
    assert!(wrong["differences"].as_array().unwrap().len() > 2);

    // Signed again with another key, the enforcer's word is nobody's.
    let header = json!({"alg": "EdDSA", "kid": stranger.kid(), "typ": "receipt+jwt"});
    let mut claims = forge::claims(&receipt);
    claims["status"] = json!(500);
    let forged = forge::sign(&stranger, &header, &claims.to_string());
    let refused: Value = world.says(1, &["token", "inspect", &token, "--receipt", &forged]);
    assert!(text(&refused, "/receipt/signature").contains("NOT"));
    world.command(&["token", "inspect"]).with(64);
    world
        .command(&["token", "inspect", "--receipt", "nonsense"])
        .with(2);
}
