//! Laws over random calls of the shipped catalogues and random requests.

use std::cell::Cell;
use std::sync::LazyLock;

use countersign_intent::catalogue::Catalogue;
use countersign_intent::json;
use countersign_intent::render::{RenderedCall, render};
use countersign_intent::route::Received;
use countersign_intent::tool::Tool;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use proptest::string::string_regex;
use serde_json::{Map, Value};

use super::shipped;

/// A call as it stands on the wire, read again.
fn as_received(call: &RenderedCall) -> (String, Option<String>, Option<Value>) {
    let target = call.target();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (target, None),
    };
    let body = call.body_bytes().map(|bytes| json::read(&bytes).unwrap());
    (path, query, body)
}

/// Any value of a parameter, drawn so that it fits its schema where that is simple.
fn value(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(listed) = schema.get("enum").and_then(Value::as_array) {
        return proptest::sample::select(listed.clone()).boxed();
    }
    let bound =
        |name: &str, default: i64| schema.get(name).and_then(Value::as_i64).unwrap_or(default);
    let of = |type_: &str| match type_ {
        "string" => text(schema),
        "integer" => (bound("minimum", -9_007_199_254_740_991)
            ..=bound("maximum", 9_007_199_254_740_991))
            .prop_map(Value::from)
            .boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "null" => Just(Value::Null).boxed(),
        other => panic!("no strategy for {other}"),
    };
    if let Some(type_) = schema["type"].as_str() {
        return of(type_);
    }
    let types = schema["type"].as_array().unwrap().iter();
    let each = types.map(|type_| of(type_.as_str().unwrap()));
    proptest::strategy::Union::new(each).boxed()
}

fn text(schema: &Value) -> BoxedStrategy<Value> {
    if schema.get("format").and_then(Value::as_str) == Some("date-time") {
        let times = (0_i64..4_000_000_000).prop_map(|second| {
            let time = jiff::Timestamp::from_second(second).unwrap();
            Value::String(time.to_string())
        });
        return times.boxed();
    }
    let pattern = match schema.get("pattern").and_then(Value::as_str) {
        Some(pattern) => pattern.trim_matches(['^', '$']).replace('*', "{0,20}"),
        // Half of them could stand in a path.
        None => {
            "[A-Za-z0-9][A-Za-z0-9._~-]{0,20}|[A-Za-z0-9._:/@-]{1,20}|[^\\x00]{1,20}".to_owned()
        }
    };
    string_regex(&pattern)
        .unwrap()
        .prop_map(Value::String)
        .boxed()
}

/// One tool of the catalogue and parameters that may fit it.
fn call(catalogue: &Catalogue) -> BoxedStrategy<(Tool, Map<String, Value>)> {
    let tools: Vec<Tool> = catalogue.iter().cloned().collect();
    let one = any::<Index>().prop_flat_map(move |index| {
        let tool = index.get(&tools).clone();
        let schema = tool.params_schema().clone();
        let none = Map::new();
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&none);
        let names: Vec<String> = properties.keys().cloned().collect();
        let most = names.len();
        let values: Vec<BoxedStrategy<Value>> = properties.values().map(value).collect();
        (
            Just(tool),
            subsequence(names.clone(), 0..=most),
            Just(names),
            values,
        )
    });
    one.prop_map(|(tool, kept, names, values)| {
        let required = tool
            .params_schema()
            .get("required")
            .cloned()
            .unwrap_or_default();
        let is_required = |name: &str| {
            let mut names = required.as_array().into_iter().flatten();
            names.any(|required| required == name)
        };
        let pairs = names.into_iter().zip(values);
        let chosen = pairs.filter(|(name, _)| kept.contains(name) || is_required(name));
        (tool, chosen.collect())
    })
    .boxed()
}

thread_local! {
    static RENDERED: Cell<u32> = const { Cell::new(0) };
}

#[test]
fn what_was_rendered_is_routed_back_to_its_tool_and_parameters() {
    let catalogue = shipped();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(40_000)
    });
    let outcome = runner.run(&call(&catalogue), |(tool, members)| {
        // What does not fit or cannot be rendered never was a call.
        let Ok(params) = tool.params(members) else {
            return Ok(());
        };
        let Ok(rendered) = render(&tool, &params) else {
            return Ok(());
        };
        RENDERED.with(|count| count.set(count.get() + 1));
        let (path, query, body) = as_received(&rendered);
        let received = Received {
            upstream: &rendered.upstream,
            method: &rendered.method,
            path: &path,
            query: query.as_deref(),
            media_type: body.is_some().then(|| tool.content_type()),
            body: body.as_ref(),
        };
        let routed = catalogue.route(&received).map_err(|refusal| {
            TestCaseError::fail(format!("{} {params:?}: {refusal}", tool.name))
        })?;
        prop_assert_eq!(&routed.tool.name, &tool.name);
        prop_assert_eq!(&routed.params, params.members());
        let again = routed.tool.params(routed.params).unwrap();
        prop_assert_eq!(
            render(routed.tool, &again).unwrap().digest(),
            rendered.digest()
        );
        Ok(())
    });
    let renders = RENDERED.with(Cell::get);
    outcome.unwrap();
    assert!(renders >= 10_000, "{renders} calls were rendered");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) })]
    #[test]
    fn whatever_is_routed_renders_to_what_came(
        path in "(/(v1|services|users|[a-z0-9%./\\\\;]{0,8})){1,5}",
        query in proptest::option::of("([a-z]{0,3}(=[a-z0-9%+]{0,5})?&?){0,3}"),
        method in "GET|POST|PUT|DELETE",
    ) {
        static SHIPPED: LazyLock<Catalogue> = LazyLock::new(shipped);
        let catalogue = &*SHIPPED;
        let received = Received {
            upstream: "cloud", method: &method, path: &path, query: query.as_deref(), media_type: None,
            body: None,
        };
        if let Ok(routed) = catalogue.route(&received) {
            let call = render(routed.tool, &routed.tool.params(routed.params).unwrap()).unwrap();
            prop_assert_eq!(call.method, method);
            prop_assert_eq!(call.path, path);
        }
    }
}
