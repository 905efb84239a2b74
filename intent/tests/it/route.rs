//! `route` is the inverse of `render`, and refuses what could be read in two ways.

mod laws;

use std::path::Path;

use countersign_intent::catalogue::Catalogue;
use countersign_intent::refusal::{Refusal, RefusalCode};
use countersign_intent::render::render;
use countersign_intent::route::Received;
use serde_json::{Value, json};

use crate::fixture::object;

/// The catalogues of the repository.
fn shipped() -> Catalogue {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in ["policies/tools", "catalogues/kubernetes/tools"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    Catalogue::parse(&files).unwrap()
}

fn catalogue(tools: &str) -> Catalogue {
    Catalogue::parse(&[("tools/t.toml".to_owned(), tools.to_owned())]).unwrap()
}

/// A tool of the upstream `u` with these parts and optional string parameters `a`, `b` and `n`.
fn tool(name: &str, method: &str, request: &str, required: &str) -> String {
    format!(
        "[[tool]]\nname = \"{name}\"\ndescription = \"d\"\neffect = \"service\"\nupstream = \"u\"\n\
         resource = {{ type = \"System\", id = \"s\" }}\nrequest = {{ method = \"{method}\", {request} }}\n\
         [tool.params]\ntype = \"object\"\nrequired = [{required}]\n[tool.params.properties]\n\
         a = {{ type = \"string\" }}\nb = {{ type = \"string\" }}\nn = {{ type = \"integer\" }}\n\
         f = {{ type = \"boolean\" }}\nu = {{ type = [\"boolean\", \"string\"] }}\n\
         e = {{ enum = [\"x\", 7] }}\no = {{ type = \"object\", properties = {{ k = {{ type = \"string\" }} }} }}\n"
    )
}

fn request<'a>(line: &'a str, body: Option<&'a Value>) -> Received<'a> {
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    Received {
        upstream: "u",
        method,
        path,
        query,
        media_type: None,
        body,
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "callers pass `json!` literals"
)]
fn routed(
    catalogue: &Catalogue,
    line: &str,
    body: Option<Value>,
) -> Result<(String, Value), Refusal> {
    let routed = catalogue.route(&request(line, body.as_ref()))?;
    Ok((routed.tool.name.to_string(), Value::Object(routed.params)))
}

#[track_caller]
fn refused(catalogue: &Catalogue, line: &str, body: Option<Value>, code: RefusalCode) -> String {
    let refusal = routed(catalogue, line, body).unwrap_err();
    assert_eq!(refusal.code, code, "{line}: {}", refusal.message);
    refusal.message
}

#[test]
fn texts_become_values_of_the_declared_type() {
    let query = r#"path = "/x/{a}", query = { n = "{n}", f = "{f}", u = "{u}", e = "{e}", p = "pre-{b}.end" }"#;
    let catalogue = catalogue(&tool("t", "GET", query, "\"a\""));
    let params = |line: &str| routed(&catalogue, line, None).unwrap().1;
    assert_eq!(params("GET /x/7"), json!({"a": "7"}));
    assert_eq!(params("GET /x/7?n=-12"), json!({"a": "7", "n": -12}));
    assert_eq!(
        params("GET /x/7?f=true&u=yes"),
        json!({"a": "7", "f": true, "u": "yes"})
    );
    assert_eq!(params("GET /x/7?e=7"), json!({"a": "7", "e": 7}));
    assert_eq!(
        params("GET /x/7?p=pre-%C3%A4%26.end"),
        json!({"a": "7", "b": "ä&"})
    );
    for query in [
        "n=012",
        "n=+1",
        "n=-0",
        "n=1.0",
        "n=1e3",
        "n=",
        "n=9007199254740992",
        "n=0x1",
        "n=%201",
        "f=True",
        "f=1",
        "f=",
        "e=8",
        "p=pre-x",
        "p=x.end",
        "p=pre.end",
        "q=1",
        "A=1",
    ] {
        let line = format!("GET /x/7?{query}");
        let refusal = routed(&catalogue, &line, None).unwrap_err();
        let code = refusal.code;
        let shape = query == "n=+1" && code == RefusalCode::RenderRefused;
        assert!(
            code == RefusalCode::ParamsInvalid || shape,
            "{query}: {refusal}"
        );
    }
    let message = refused(
        &catalogue,
        "GET /x/7?u=true",
        None,
        RefusalCode::ParamsInvalid,
    );
    assert!(message.contains("more than one value of `u`"), "{message}");
}

#[test]
fn body_is_taken_apart_by_the_template_and_nothing_more_is_taken() {
    let request = r#"path = "/x/{a}", body = { kind = "K", n = "{n}", list = ["{b}", 1], deep = { a = "{a}", t = true }, o = "{o}" }"#;
    let catalogue = catalogue(&tool("t", "POST", request, "\"a\", \"b\""));
    let body = json!({"kind": "K", "list": ["v", 1], "deep": {"a": "i", "t": true}});
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = body.clone();
        change(&mut changed);
        routed(&catalogue, "POST /x/i", Some(changed))
    };
    let (_, params) = with(&|_| ()).unwrap();
    assert_eq!(params, json!({"a": "i", "b": "v"}));
    let (_, params) = with(&|body| {
        body["n"] = json!(4);
        body["o"] = json!({"k": "{a}"});
    })
    .unwrap();
    assert_eq!(
        params,
        json!({"a": "i", "b": "v", "n": 4, "o": {"k": "{a}"}})
    );
    let wrong: [&dyn Fn(&mut Value); 12] = [
        &|body| body["extra"] = json!(1),
        &|body| body["deep"]["extra"] = json!(null),
        &|body| body["kind"] = json!("L"),
        &|body| body["n"] = json!("4"),
        &|body| body["n"] = json!(null),
        &|body| body["list"] = json!(["v"]),
        &|body| body["list"] = json!(["v", 1, 2]),
        &|body| body["deep"]["a"] = json!("j"),
        &|body| body["deep"]["t"] = json!(1),
        &|body| body["deep"] = json!([]),
        &|body| drop(body.as_object_mut().unwrap().remove("kind")),
        &|body| drop(body["deep"].as_object_mut().unwrap().remove("t")),
    ];
    for (number, change) in wrong.iter().enumerate() {
        let refusal = with(change).unwrap_err();
        assert_eq!(
            refusal.code,
            RefusalCode::ParamsInvalid,
            "{number}: {refusal}"
        );
    }
    refused(&catalogue, "POST /x/i", None, RefusalCode::ParamsInvalid);
    refused(
        &catalogue,
        "POST /x/i",
        Some(json!([])),
        RefusalCode::ParamsInvalid,
    );
}

#[test]
fn no_body_says_as_much_as_an_empty_one() {
    let tools = [
        tool(
            "with",
            "POST",
            r#"path = "/with", body = { n = "{n}" }"#,
            "",
        ),
        tool("without", "POST", r#"path = "/without""#, ""),
    ];
    let catalogue = catalogue(&tools.concat());
    for name in ["with", "without"] {
        let line = format!("POST /{name}");
        for body in [None, Some(json!({}))] {
            assert_eq!(
                routed(&catalogue, &line, body).unwrap(),
                (name.to_owned(), json!({}))
            );
        }
        refused(
            &catalogue,
            &line,
            Some(json!(null)),
            RefusalCode::ParamsInvalid,
        );
    }
}

#[test]
fn paths_that_readers_take_in_different_ways_are_refused() {
    let tools = [
        tool("one", "GET", r#"path = "/v1/{a}""#, "\"a\""),
        tool("two", "GET", r#"path = "/v1/{a}/{b}""#, "\"a\", \"b\""),
    ];
    let catalogue = catalogue(&tools.concat());
    assert!(routed(&catalogue, "GET /v1/x", None).is_ok());
    for path in [
        "",
        "/",
        "//",
        "/v1/",
        "/v1//x",
        "//v1/x",
        "/v1/x/",
        "/v1/.",
        "/v1/..",
        "/v1/../x",
        "/v1/x/..",
        "/v1/%2e%2e",
        "/v1/%2E",
        "/v1/a%2fb",
        "/v1/a%2Fb",
        "/v1/a%5cb",
        "/v1/a\\b",
        "/v1/%61",
        "/v1/a%20b",
        "/v1/a;x=1",
        "/v1/;",
        "/v1/a%00",
        "/v1/a%",
        "/v1/a@b",
        "/v1/a:b",
        "/v1/a+b",
        "/v1/ä",
        "/v1/-a",
        "/v1/a%252e",
        "/%761/x",
        "v1/x",
        "http://u/v1/x",
        "/v1/a#b",
        "/v1/a%3Fb",
    ] {
        let received = Received {
            path,
            ..request("GET /", None)
        };
        let refusal = catalogue.route(&received).unwrap_err();
        assert_eq!(
            refusal.code,
            RefusalCode::RenderRefused,
            "{path}: {refusal}"
        );
    }
}

#[test]
fn method_path_and_upstream_must_be_a_tools() {
    let catalogue = catalogue(&tool("t", "GET", r#"path = "/v1/{a}""#, "\"a\""));
    for line in [
        "POST /v1/x",
        "get /v1/x",
        "HEAD /v1/x",
        "GET /v2/x",
        "GET /v1",
        "GET /v1/x/y",
        "GET /V1/x",
    ] {
        let message = refused(&catalogue, line, None, RefusalCode::ToolUnknown);
        assert!(message.contains(line), "{message}");
    }
    let elsewhere = Received {
        upstream: "v",
        ..request("GET /v1/x", None)
    };
    assert_eq!(
        catalogue.route(&elsewhere).unwrap_err().code,
        RefusalCode::ToolUnknown
    );
}

#[test]
fn request_that_two_tools_would_send_is_ambiguous_and_their_overlap_is_found() {
    let tools = [
        tool("by.name", "GET", r#"path = "/v1/{a}""#, "\"a\""),
        tool("list", "GET", r#"path = "/v1/list""#, ""),
        tool("other", "POST", r#"path = "/v1/list""#, ""),
    ];
    let catalogue = catalogue(&tools.concat());
    let message = refused(&catalogue, "GET /v1/list", None, RefusalCode::RenderRefused);
    assert!(message.contains("ambiguous"), "{message}");
    assert!(message.contains("`by.name`, `list`"), "{message}");
    assert_eq!(routed(&catalogue, "GET /v1/x", None).unwrap().0, "by.name");
    let overlaps = catalogue.overlaps();
    assert_eq!(overlaps.len(), 1);
    assert_eq!(
        (overlaps[0].first.as_str(), overlaps[0].second.as_str()),
        ("by.name", "list")
    );
}

#[test]
fn literals_schemas_and_body_types_tell_tools_of_one_path_apart() {
    let patch = |name: &str, type_: &str, body: &str, required: &str| {
        let request = format!(
            "path = \"/v1/{{a}}\", headers = {{ content-type = \"application/{type_}\" }}, body = {body}"
        );
        tool(name, "PATCH", &request, required)
    };
    let tools = [
        patch("on", "merge-patch+json", "{ run = true }", "\"a\""),
        patch("off", "merge-patch+json", "{ run = false }", "\"a\""),
        patch(
            "size",
            "merge-patch+json",
            "{ n = \"{n}\" }",
            "\"a\", \"n\"",
        ),
        patch(
            "strict",
            "strategic-merge-patch+json",
            "{ run = true }",
            "\"a\"",
        ),
    ];
    let catalogue = catalogue(&tools.concat());
    assert_eq!(catalogue.overlaps(), []);
    let of = |type_: &'static str, body: Value| {
        let media_type = Some(type_);
        let body = Some(body);
        let received = Received {
            media_type,
            ..request("PATCH /v1/x", body.as_ref())
        };
        catalogue
            .route(&received)
            .map(|routed| routed.tool.name.to_string())
    };
    let merge = "application/merge-patch+json";
    assert_eq!(of(merge, json!({"run": true})).unwrap(), "on");
    assert_eq!(of(merge, json!({"run": false})).unwrap(), "off");
    assert_eq!(of(merge, json!({"n": 3})).unwrap(), "size");
    let strategic = "application/strategic-merge-patch+json";
    assert_eq!(of(strategic, json!({"run": true})).unwrap(), "strict");
    for (type_, body) in [
        ("application/json", json!({"run": true})),
        (strategic, json!({"n": 3})),
        (merge, json!({"run": true, "n": 3})),
        (merge, json!({"run": 1})),
    ] {
        assert_eq!(
            of(type_, body.clone()).unwrap_err().code,
            RefusalCode::ParamsInvalid,
            "{body}"
        );
    }
}

#[test]
fn shipped_catalogues_have_no_overlaps() {
    assert_eq!(shipped().overlaps(), []);
}

#[test]
fn content_type_is_literal_and_of_the_json_family() {
    let taken = |headers: &str, body: &str| {
        let request = format!("path = \"/x\", headers = {{ {headers} }}{body}");
        let text = tool("t", "POST", &request, "");
        Catalogue::parse(&[("t.toml".to_owned(), text)]).is_ok()
    };
    let body = ", body = { n = \"{n}\" }";
    assert!(taken(
        "content-type = \"application/merge-patch+json\"",
        body
    ));
    assert!(taken("content-type = \"application/json\"", body));
    assert!(
        !taken("content-type = \"application/merge-patch+json\"", ""),
        "without a body"
    );
    for value in [
        "{a}",
        "application/{a}+json",
        "text/json",
        "application/+json",
        "application/json; charset=utf-8",
        "application/JSON",
        "application/x-www-form-urlencoded",
        "application/x/y+json",
        "",
    ] {
        assert!(
            !taken(&format!("content-type = \"{value}\""), body),
            "{value}"
        );
    }
    assert!(
        !taken("Content-Type = \"application/json\"", body),
        "one spelling"
    );
}

#[test]
fn content_type_is_rendered_and_hashed() {
    let request = |type_: &str| {
        format!(
            "path = \"/x\", headers = {{ content-type = \"{type_}\" }}, body = {{ n = \"{{n}}\" }}"
        )
    };
    let rendered = |type_: &str| {
        let catalogue = catalogue(&tool("t", "POST", &request(type_), ""));
        let tool = catalogue.get(&"t".parse().unwrap()).unwrap().clone();
        render(&tool, &tool.params(object(json!({"n": 1}))).unwrap()).unwrap()
    };
    let merge = rendered("application/merge-patch+json");
    assert_eq!(
        merge.headers["content-type"],
        "application/merge-patch+json"
    );
    assert_ne!(
        merge.digest(),
        rendered("application/json-patch+json").digest()
    );
}

#[test]
fn resource_of_several_parameters_is_named_by_all_of_them() {
    let text = tool("t", "GET", r#"path = "/x/{a}/{b}""#, "\"a\", \"b\"");
    let text = text.replace("id = \"s\"", "id = \"{a}/{b}\"");
    let catalogue = catalogue(&text);
    let tool = catalogue.iter().next().unwrap();
    let resource = &tool.definition().resource;
    assert_eq!(
        resource
            .id_in(&object(json!({"a": "shop", "b": "web"})))
            .unwrap(),
        "shop/web"
    );
    assert_eq!(resource.params(), ["a", "b"]);
    assert_eq!(resource.id_in(&object(json!({"a": "shop"}))), None);
    let optional = text.replace("required = [\"a\", \"b\"]", "required = [\"a\"]");
    let path = optional.replace("/x/{a}/{b}", "/x/{a}");
    assert!(
        Catalogue::parse(&[("t.toml".to_owned(), path)]).is_err(),
        "an optional parameter names nothing"
    );
}

#[test]
fn each_of_many_tools_is_found_by_its_own_path() {
    let mut tools = tool("mine", "GET", r#"path = "/mine/{a}""#, "\"a\"");
    for number in 0..300 {
        let path = format!(r#"path = "/other{number}/{{a}}""#);
        tools.push_str(&tool(&format!("other{number}"), "GET", &path, "\"a\""));
    }
    let catalogue = catalogue(&tools);
    assert_eq!(routed(&catalogue, "GET /mine/x", None).unwrap().0, "mine");
    assert_eq!(
        routed(&catalogue, "GET /other299/x", None).unwrap().0,
        "other299"
    );
    refused(
        &catalogue,
        "GET /other300/x",
        None,
        RefusalCode::ToolUnknown,
    );
    assert_eq!(catalogue.overlaps(), []);
}
