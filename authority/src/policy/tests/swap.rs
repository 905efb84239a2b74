//! The active bundle: swapped whole, and only for a better one.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use super::super::{PolicyStore, Reloaded};
use super::SHIPPED_FOLDER;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// The shipped policies in a folder of their own.
fn copy() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in SHIPPED_FOLDER.files() {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn append(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    let before = fs::read_to_string(&path).unwrap();
    fs::write(path, before + text).unwrap();
}

#[test]
fn nothing_is_active_before_the_first_good_bundle() {
    let store = PolicyStore::new("/nonexistent/policies");
    assert!(store.active().is_none());
    store.reload(at(1)).unwrap_err();
    assert!(store.active().is_none());
    assert_eq!(store.status().candidate.unwrap().at, at(1));
}

#[test]
fn a_half_written_file_keeps_the_last_good_bundle_and_says_where_it_breaks() {
    let dir = copy();
    let store = PolicyStore::new(dir.path());
    let Reloaded::Activated(good) = store.reload(at(1)).unwrap() else {
        panic!("unchanged")
    };
    append(
        dir.path(),
        "site/scale.cedar",
        "\n@id(\"half\")\npermit (princip",
    );
    let lines = fs::read_to_string(dir.path().join("site/scale.cedar"))
        .unwrap()
        .lines()
        .count();
    store.reload(at(2)).unwrap_err();
    assert_eq!(store.active().unwrap().hash(), good);
    let candidate = store.status().candidate.unwrap();
    assert_eq!(candidate.error.file.as_deref(), Some("site/scale.cedar"));
    assert_eq!(candidate.error.line, Some(lines));
    assert_ne!(candidate.bundle, Some(good));
    store.reload(at(3)).unwrap_err();
    assert_eq!(
        store.status().candidate.unwrap().at,
        at(2),
        "the first refusal keeps its time"
    );
}

#[test]
fn a_bundle_whose_case_fails_does_not_become_active() {
    let dir = copy();
    let store = PolicyStore::new(dir.path());
    let Reloaded::Activated(good) = store.reload(at(1)).unwrap() else {
        panic!("unchanged")
    };
    fs::remove_file(dir.path().join("site/identity.cedar")).unwrap();
    let error = store.reload(at(2)).unwrap_err();
    assert_eq!(error.file.as_deref(), Some("cases/identity.toml"));
    assert_eq!(store.active().unwrap().hash(), good);
}

#[test]
fn a_repaired_folder_becomes_active_and_clears_the_error() {
    let dir = copy();
    let store = PolicyStore::new(dir.path());
    store.reload(at(1)).unwrap();
    append(dir.path(), "inventory.toml", "\n[[resource");
    store.reload(at(2)).unwrap_err();
    fs::write(
        dir.path().join("inventory.toml"),
        SHIPPED_FOLDER.get("inventory.toml").unwrap(),
    )
    .unwrap();
    assert_eq!(store.reload(at(3)).unwrap(), Reloaded::Unchanged);
    assert!(store.status().candidate.is_none());
    append(
        dir.path(),
        "inventory.toml",
        "\n[[resource]]\ntype = \"Service\"\nid = \"search\"\n",
    );
    assert!(matches!(
        store.reload(at(4)).unwrap(),
        Reloaded::Activated(_)
    ));
    assert_eq!(store.status().loaded_at, Some(at(4)));
}
