use axum::routing::{get, post};
use serde_json::Value;

use super::*;
use crate::extract::{Json, Path};
use crate::problem::Problem;

#[derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
struct Thing {
    at: jiff::Timestamp,
    id: countersign_intent::id::PlanId,
}

/// Reads a thing.
#[utoipa::path(get, path = "/v1/things/{thing_id}", operation_id = "get_thing",
    responses((status = 200, body = Thing), (status = 404, body = ProblemDocument)))]
async fn read_thing(Path(_id): Path<String>) -> Result<Json<Thing>, Problem> {
    Err(Problem::new(
        crate::problem::ProblemType::NotFound,
        "no such thing",
    ))
}

/// Makes a thing.
#[utoipa::path(post, path = "/v1/things", operation_id = "make_thing", responses((status = 201)))]
async fn make_thing(Json(_thing): Json<Thing>) {}

#[derive(OpenApi)]
#[openapi(paths(read_thing, make_thing))]
struct Paths;

fn thing_document() -> Document {
    document("simulator", "Things", Paths::openapi())
}

#[test]
fn document_joins_own_and_standard_paths_with_shared_schemas() {
    let text = to_text(&thing_document()).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["info"]["title"], "Countersign simulator");
    assert_eq!(document["info"]["license"]["identifier"], "Apache-2.0");
    let body =
        &document["paths"]["/v1/things"]["post"]["requestBody"]["content"]["application/json"];
    assert_eq!(body["schema"]["$ref"], "#/components/schemas/Thing");
    let thing = &document["components"]["schemas"]["Thing"]["properties"];
    assert_eq!(
        (&thing["at"]["format"], &thing["at"]["type"]),
        (&"date-time".into(), &"string".into())
    );
    assert!(document["components"]["schemas"]["ProblemDocument"].is_object());
    assert_eq!(
        document["components"]["securitySchemes"]["bearer"]["scheme"],
        "bearer"
    );
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/v1/meta",
        "/v1/events",
    ] {
        assert!(document["paths"][path]["get"].is_object(), "{path}");
    }
    assert!(text.ends_with("}\n"));
}

#[tokio::test]
async fn documented_but_unserved_operations_are_found() {
    let around =
        |own| crate::server::standard(own, crate::server::tests::any_role(thing_document()));
    let half = Router::new().route("/v1/things/{thing_id}", get(read_thing));
    let missing = unserved(&thing_document(), &around(half.clone())).await;
    assert_eq!(missing, [(Method::POST, "/v1/things".to_owned())]);
    let whole = half.route("/v1/things", post(make_thing));
    assert_eq!(unserved(&thing_document(), &around(whole)).await, []);
}
