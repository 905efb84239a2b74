//! `render` is injective and never leaves the shape of its definition.

use countersign_intent::render::render;
use proptest::prelude::*;
use serde_json::json;

use crate::fixture;

fn rendered(id: &str, replicas: i64) -> Option<countersign_intent::render::RenderedCall> {
    let tool = fixture::tool("infra.scale");
    let params = tool
        .params(fixture::object(
            json!({"service_id": id, "replicas": replicas}),
        ))
        .ok()?;
    render(&tool, &params).ok()
}

#[test]
fn values_that_would_move_the_path_are_refused() {
    for id in [
        "", ".", "..", "../x", "a/b", "a\\b", "%2e%2e", "a?b", "a#b", "a@b", "a b", "-a", "ä",
        "a\u{0}", "~x",
    ] {
        assert!(rendered(id, 1).is_none(), "{id:?}");
    }
}

#[test]
fn absent_optional_values_are_left_out_and_present_ones_escaped() {
    let tool = fixture::tool("infra.get");
    let target = |params| {
        render(&tool, &tool.params(fixture::object(params)).unwrap())
            .unwrap()
            .target()
    };
    assert_eq!(target(json!({"service_id": "db"})), "/v1/services/db");
    let escaped = target(json!({"service_id": "db", "verbose": "a&b=c /?#ä"}));
    assert_eq!(
        escaped,
        "/v1/services/db?verbose=a%26b%3Dc%20%2F%3F%23%C3%A4"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn rendering_is_injective(
        a in "[A-Za-z0-9][A-Za-z0-9._~-]{0,6}", n in 0i64..=100,
        b in "[A-Za-z0-9][A-Za-z0-9._~-]{0,6}", m in 0i64..=100,
    ) {
        let (left, right) = (rendered(&a, n).unwrap(), rendered(&b, m).unwrap());
        prop_assert_eq!((a, n) == (b, m), left.digest() == right.digest());
    }

    #[test]
    fn whatever_renders_keeps_host_and_segments(id in "\\PC{0,20}") {
        if let Some(call) = rendered(&id, 1) {
            prop_assert_eq!(call.path.split('/').count(), 5);
            prop_assert_eq!(call.path, format!("/v1/services/{id}/scale"));
        }
    }
}
