//! Which definitions say that a lost call may be sent again, and which cannot say it.

use std::time::Duration;

use countersign_intent::catalogue::Catalogue;

fn tool(idempotency: &str) -> Result<Catalogue, String> {
    let text = format!(
        r#"
[[tool]]
name = "note.put"
description = "Keep a note"
effect = "service"
resource = {{ type = "Note", param = "id" }}
upstream = "cloud"
request = {{ method = "PUT", path = "/v1/notes/{{id}}", headers = {{ x-reason = "because" }} }}
{idempotency}
[tool.params]
type = "object"
required = ["id"]
[tool.params.properties]
id = {{ type = "string" }}
"#
    );
    Catalogue::parse(&[("tools.toml".to_owned(), text)]).map_err(|error| format!("{error:?}"))
}

#[test]
fn lost_calls_are_sent_again_only_where_the_definition_says_how() {
    let name = "note.put".parse().unwrap();
    let resend = |text: &str| tool(text).unwrap().get(&name).unwrap().resend.clone();
    assert_eq!(resend(""), None);
    for header in ["Idempotency-Key", "X-Request-Id"] {
        let text = format!(r#"idempotency = {{ header = "{header}", window = "24h" }}"#);
        let found = resend(&text).unwrap();
        assert_eq!(found.header, header.to_ascii_lowercase());
        assert_eq!(found.window, Duration::from_hours(24));
    }
}

#[test]
fn keys_travel_in_no_header_that_frames_routes_or_is_taken() {
    for header in [
        "Host",
        "content-length",
        "Authorization",
        "X-Reason",
        "",
        "a b",
        "x\\r\\ny",
    ] {
        let text = format!(r#"idempotency = {{ header = "{header}", window = "24h" }}"#);
        let error = tool(&text).unwrap_err();
        assert!(error.contains("idempotency.header"), "{header}: {error}");
    }
    let error = tool(r#"idempotency = { header = "X-Key", window = "soon" }"#).unwrap_err();
    assert!(error.contains("is not a duration"), "{error}");
}
