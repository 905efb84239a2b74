//! Generated files are those that the binary would write now.

use std::collections::BTreeSet;
use std::path::Path;

use super::{read, root};
use crate::harness::{command, copy_folder, policies};

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn the_committed_openapi_documents_are_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = folder.path().join("api");
    command::run(
        &["openapi", "--write", fresh.to_str().unwrap()],
        folder.path(),
    )
    .with(0);
    let committed = root().join("docs/api");
    let hint = "run `countersign openapi --write docs/api`";
    assert_eq!(names(&fresh), names(&committed), "{hint}");
    for name in names(&fresh) {
        let same = read(&fresh.join(&name)) == read(&committed.join(&name));
        assert!(same, "docs/api/{name} is stale: {hint}");
    }
}

#[test]
fn the_committed_cedar_schema_is_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&policies(), folder.path());
    let path = folder.path().to_str().unwrap();
    command::run(&["policy", "schema", path, "--write"], folder.path()).with(0);
    let same = read(&folder.path().join("schema.cedarschema"))
        == read(&policies().join("schema.cedarschema"));
    assert!(
        same,
        "policies/schema.cedarschema is stale: run `countersign policy schema policies --write`"
    );
}
