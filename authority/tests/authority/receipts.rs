//! `/v1/receipts`

use countersign_intent::digest::Digest;
use countersign_intent::key::SigningKey;
use countersign_intent::receipt::{self, Outcome};
use serde_json::json;

use crate::enforcer::receipt_key;
use crate::plans::restart;
use crate::world::World;

#[tokio::test]
async fn a_receipt_counts_once_however_often_it_comes() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let token = world.minted("remediator", &plan, "s1").await;
    let receipt = world.receipt(&token, Outcome::Done, Some(200)).await;
    for _ in 0..3 {
        world.deliver(&receipt).await;
    }
    let after = world.plan(&plan).await;
    assert_eq!(after["state"], "done");
    assert_eq!(after["steps"][0]["receipt"], receipt);
    assert_eq!(after["steps"][0]["status"], 200);
    let outcomes = world
        .get("operator", "/v1/ledger/entries?kind=outcome")
        .await;
    assert_eq!(outcomes["entries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_forged_receipt_moves_nothing() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let token = world.minted("remediator", &plan, "s1").await;
    let verified = world.verify(&token).await;
    let honest = world
        .enforcer
        .claims(&token, verified.get(), Outcome::Done, Some(200));
    let thief = SigningKey::from_seed(&[66; 32]).unwrap();
    let mut other_params = honest.clone();
    other_params.params_sha256 = Digest::of(b"other");
    let mut other_step = honest.clone();
    other_step.step = "s2".parse().unwrap();
    let mut other_token = honest.clone();
    other_token.token_sha256 = Digest::of(b"other");
    let mut tampered = receipt::sign(&receipt_key(), &honest);
    tampered.replace_range(tampered.len() - 4.., "AAAA");
    let forged = [
        receipt::sign(&thief, &honest),
        receipt::sign(&receipt_key(), &other_params),
        receipt::sign(&receipt_key(), &other_step),
        receipt::sign(&receipt_key(), &other_token),
        tampered,
        token.clone(),
        "nonsense".to_owned(),
    ];
    for forged in forged {
        let body = json!({"receipts": [forged]});
        world
            .call("service", "POST", "/v1/receipts", &body)
            .await
            .refused(422, "receipt_refused");
        world
            .token("remediator", &plan, "s1", body)
            .await
            .refused(422, "receipt_refused");
    }
    assert_eq!(world.plan(&plan).await["steps"][0]["state"], "issued");
    world.deliver(&receipt::sign(&receipt_key(), &honest)).await;
    assert_eq!(world.plan(&plan).await["steps"][0]["state"], "done");
}

#[tokio::test]
async fn one_bad_receipt_keeps_back_those_that_came_with_it() {
    let world = World::new().await;
    let plan = world.submit("remediator", json!([restart("s1")])).await;
    let token = world.minted("remediator", &plan, "s1").await;
    let good = world.receipt(&token, Outcome::Done, Some(200)).await;
    let refused = world
        .call(
            "service",
            "POST",
            "/v1/receipts",
            &json!({"receipts": [good, "bad"]}),
        )
        .await;
    refused.refused(422, "receipt_refused");
    assert_eq!(refused.body["receipt"], 1);
    assert_eq!(world.plan(&plan).await["steps"][0]["state"], "issued");
}

#[tokio::test]
async fn only_enforcers_deliver_receipts() {
    let world = World::new().await;
    let body = json!({"receipts": []});
    world
        .call("", "POST", "/v1/receipts", &body)
        .await
        .refused(401, "credential_missing");
    world
        .call("remediator", "POST", "/v1/receipts", &body)
        .await
        .refused(403, "forbidden");
    world
        .call("operator", "POST", "/v1/receipts", &body)
        .await
        .refused(403, "forbidden");
    assert_eq!(
        world
            .call("service", "POST", "/v1/receipts", &body)
            .await
            .ok(200)["accepted"],
        0
    );
}
