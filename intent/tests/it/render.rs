//! P3: `render` is injective, never leaves the shape of its definition, and what is sent is a function
//! of definition and canonical parameters alone.

use countersign_intent::render::{RenderedCall, render};
use countersign_intent::{canonical, json};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture;

fn rendered(id: &str, replicas: i64) -> Option<RenderedCall> {
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

/// Parameters of `note.put`, which has one in every place that a parameter can have.
fn note() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-z&=/?#%+ ]{0,4}",
        "\\PC{0,4}",
        "[\u{1}-\u{1f}\"\\\\\u{e000}\u{1f600}]{0,3}"
    ];
    let optional = |values: BoxedStrategy<Value>| prop::option::weighted(0.6, values);
    let members = (
        "[A-Za-z0-9][A-Za-z0-9._~-]{0,3}",
        text.clone(),
        optional(text.clone().prop_map(Value::from).boxed()),
        optional((-9i64..10).prop_map(Value::from).boxed()),
        optional("[ -~]{0,3}".prop_map(Value::from).boxed()),
        optional((-10.0f64..10.0).prop_map(Value::from).boxed()),
        optional(
            prop::collection::vec(text, 0..3)
                .prop_map(Value::from)
                .boxed(),
        ),
    );
    members.prop_map(|(id, text, lang, page, reason, share, tags)| {
        let mut params = json!({"id": id, "text": text});
        for (name, value) in [
            ("lang", lang),
            ("page", page),
            ("reason", reason),
            ("share", share),
            ("tags", tags),
        ] {
            if let Some(value) = value {
                params[name] = value;
            }
        }
        json::read(params.to_string().as_bytes()).unwrap_or_default()
    })
}

fn render_note(params: &Value) -> Option<RenderedCall> {
    let tool = fixture::tool("note.put");
    render(&tool, &tool.params(fixture::object(params.clone())).ok()?).ok()
}

/// Method, target, headers and body.
type Sent = (String, String, Vec<(String, String)>, Option<Vec<u8>>);

/// What goes over the wire.
fn sent(call: &RenderedCall) -> Sent {
    let headers = call.headers.clone().into_iter().collect();
    (
        call.method.clone(),
        call.target(),
        headers,
        call.body_bytes(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn rendering_is_injective(a in note(), b in note()) {
        let (Some(left), Some(right)) = (render_note(&a), render_note(&b)) else {
            return Ok(());
        };
        prop_assert_eq!(a == b, left.digest() == right.digest());
        prop_assert_eq!(a == b, sent(&left) == sent(&right));
    }

    #[test]
    fn rendering_of_near_parameters_is_injective(a in note(), name in "lang|page|reason|share|tags|text", keep in any::<bool>()) {
        let mut b = a.clone();
        if !keep {
            b.as_object_mut().unwrap().remove(&name);
            if name == "text" {
                b[&name] = json!("other");
            }
        }
        let (Some(left), Some(right)) = (render_note(&a), render_note(&b)) else {
            return Ok(());
        };
        prop_assert_eq!(a == b, left.digest() == right.digest());
        prop_assert_eq!(a == b, sent(&left) == sent(&right));
    }

    #[test]
    fn whatever_renders_keeps_host_and_segments(id in prop_oneof!["\\PC{0,12}", "[a-z.%/\\\\?#@:;~-]{1,6}"], text in "\\PC{0,6}") {
        if let Some(call) = render_note(&json!({"id": id, "text": text, "lang": text, "page": 1})) {
            let url = url::Url::parse(&format!("https://u.example:8{}", call.target())).unwrap();
            prop_assert_eq!((url.host_str(), url.port(), url.fragment()), (Some("u.example"), Some(8), None));
            let segments: Vec<&str> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments, ["v1", "notes", &id, "text"]);
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs, [("lang".to_owned(), text), ("page".to_owned(), "p-1".to_owned())]);
        }
    }

    #[test]
    fn what_is_sent_depends_on_definition_and_canonical_parameters_alone(params in note()) {
        let pretty = serde_json::to_string_pretty(&params).unwrap();
        let canonical = json::read(&canonical::to_vec(&params)).unwrap();
        let again = json::read(pretty.as_bytes()).unwrap();
        let sent = |params| render_note(params).map(|call| (sent(&call), call.digest()));
        prop_assert_eq!(sent(&params), sent(&canonical));
        prop_assert_eq!(sent(&params), sent(&again));
    }
}
