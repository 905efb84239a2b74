//! An agent that registers a key proves each of its requests with it.

use crate::harness::installation::Installation;
use crate::harness::world::text;

#[tokio::test]
async fn agent_with_a_registered_key_calls_with_proofs_alone() {
    let mut world = Installation::demo().await;
    world.kill();
    let generate = [
        "keys",
        "generate",
        "--demo",
        "--proof",
        "watcher",
        "--proof",
        "remediator",
    ];
    world.says(0, &generate);
    world
        .command(&["keys", "generate", "--proof", "nobody"])
        .with(64);
    world.start_again().await;
    let key = |name: &str| {
        let path = world.data().join(format!("keys/proof-{name}.jwk"));
        path.to_str().unwrap().to_owned()
    };
    let (watcher, remediator) = (key("watcher"), key("remediator"));
    let params = r#"{"service_id": "payments"}"#;
    let read = [
        "call",
        "infra.get",
        "--params",
        params,
        "--agent",
        "watcher",
    ];
    assert_eq!(text(&world.says(1, &read), "/code"), "agent_proof");
    let foreign = [&read[..], &["--proof-key", &remediator]].concat();
    assert_eq!(text(&world.says(1, &foreign), "/code"), "agent_proof");
    let proven = [&read[..], &["--proof-key", &watcher]].concat();
    assert_eq!(text(&world.says(0, &proven), "/outcome"), "done");

    let scale = r#"{"service_id": "payments", "replicas": 4}"#;
    let scale = ["call", "infra.scale", "--params", scale];
    assert_eq!(text(&world.says(1, &scale), "/code"), "agent_proof");
    assert_eq!(world.service("payments").await["replicas"], 3);
    let proven = [&scale[..], &["--proof-key", &remediator]].concat();
    assert_eq!(text(&world.says(0, &proven), "/outcome"), "done");
    assert_eq!(world.service("payments").await["replicas"], 4);
}
