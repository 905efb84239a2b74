//! Proofs of possession: the thumbprint of RFC 7638, and what one proof proves.

use std::sync::LazyLock;

use countersign_intent::id::ProofId;
use countersign_intent::key::{SigningKey, VerifyingKey};
use countersign_intent::proof::{self, Proof, Request};
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::token::Confirmation;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::fixture;

const REQUEST: Request<'static> = Request {
    method: "POST",
    path: "/v1/calls",
    token: "a.b.c",
};

fn agent() -> SigningKey {
    SigningKey::from_seed(&[4; 32]).unwrap()
}

fn made() -> String {
    proof::make(
        &agent(),
        ProofId::mint(fixture::now(), [1; 10]),
        fixture::now(),
        REQUEST,
    )
}

static MADE: LazyLock<String> = LazyLock::new(made);

fn verify(proof: &str, request: Request<'_>, now: Timestamp) -> Result<Proof, Refusal> {
    let key = agent().verifying_key().clone();
    let confirmation = Confirmation {
        jkt: key.thumbprint(),
    };
    proof::verify(Some(proof), &confirmation, &key, request, now)
}

#[test]
fn thumbprint_is_that_of_rfc_8037() {
    let key = VerifyingKey::from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    assert_eq!(
        key.thumbprint(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

#[test]
fn proof_of_this_request_is_taken_and_says_how_long_to_remember_it() {
    let proof = verify(&made(), REQUEST, fixture::now()).unwrap();
    assert_eq!(proof.id(), &ProofId::mint(fixture::now(), [1; 10]));
    assert_eq!(proof.stale_at(), fixture::NOW + 61);
    let last = fixture::now() + SignedDuration::from_secs(60);
    assert!(verify(&made(), REQUEST, last).is_ok());
    let stale = Timestamp::from_second(proof.stale_at()).unwrap();
    assert!(verify(&made(), REQUEST, stale).is_err());
}

#[test]
fn proof_of_anything_else_is_refused() {
    let others = [
        Request {
            method: "GET",
            ..REQUEST
        },
        Request {
            path: "/v1/calls/",
            ..REQUEST
        },
        Request {
            token: "a.b.d",
            ..REQUEST
        },
    ];
    for request in others {
        let refusal = verify(&made(), request, fixture::now()).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::AgentProof, "{request:?}");
    }
    let key = agent().verifying_key().clone();
    let other = Confirmation {
        jkt: fixture::key().verifying_key().thumbprint(),
    };
    let (now, proof) = (fixture::now(), made());
    assert!(proof::verify(Some(&proof), &other, &key, REQUEST, now).is_err());
    let mine = Confirmation {
        jkt: key.thumbprint(),
    };
    assert!(proof::verify(None, &mine, &key, REQUEST, now).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn any_one_byte_change_of_a_proof_is_refused(at in any::<prop::sample::Index>(), byte in 0u8..128) {
        let mut bytes = MADE.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert!(verify(&changed, REQUEST, fixture::now()).is_err());
    }
}
