//! The Kubernetes catalogue as a policies folder: alone, and copied into the shipped one.

use std::path::Path;

use serde_json::{Value, json};

use super::kubernetes;
use crate::harness::command::run;
use crate::harness::{copy_folder, policies};

fn says(folder: &Path, what: &str) -> Value {
    let path = folder.to_str().unwrap();
    let ended = run(&["policy", what, path, "--json"], Path::new("/"));
    ended.with(0).json()
}

fn passed(folder: &Path) -> u64 {
    let tested = says(folder, "test");
    assert_eq!(tested["cases"]["failed"], json!([]), "{tested:#}");
    tested["cases"]["passed"].as_u64().unwrap()
}

#[test]
fn every_case_passes_and_no_request_is_ambiguous() {
    assert!(passed(&kubernetes()) >= 20);
    let checked = says(&kubernetes(), "check");
    for warning in checked["warnings"].as_array().unwrap() {
        // The shipped rules speak of effects that no tool here has.
        assert_eq!(warning["file"], "base/autonomy.cedar", "{warning:#}");
    }
}

#[test]
fn its_base_rules_are_the_shipped_ones_and_more() {
    for entry in std::fs::read_dir(policies().join("base")).unwrap() {
        let shipped = entry.unwrap().path();
        let copy = kubernetes().join("base").join(shipped.file_name().unwrap());
        let read = |path: &Path| {
            std::fs::read_to_string(path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        assert!(
            read(&shipped) == read(&copy),
            "{} is not a copy",
            copy.display()
        );
    }
}

#[test]
fn its_generated_schema_is_up_to_date() {
    let path = kubernetes();
    let path = path.to_str().unwrap();
    run(&["policy", "schema", path, "--check"], Path::new("/")).with(0);
}

#[test]
fn its_files_can_be_copied_into_a_folder_that_has_rules_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&policies(), folder.path());
    for name in [
        "tools/kubernetes.toml",
        "base/kubernetes.cedar",
        "site/kubernetes.cedar",
        "cases/kubernetes.toml",
    ] {
        std::fs::copy(kubernetes().join(name), folder.path().join(name)).unwrap();
    }
    let inventory = folder.path().join("inventory.toml");
    let mut text = std::fs::read_to_string(&inventory).unwrap();
    text.push_str(&std::fs::read_to_string(kubernetes().join("inventory.toml")).unwrap());
    std::fs::write(&inventory, text).unwrap();
    assert_eq!(
        passed(folder.path()),
        passed(&policies()) + passed(&kubernetes())
    );
}
