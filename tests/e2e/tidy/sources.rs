//! Source files: size, shape and words.

use std::path::Path;

use super::{files, read, repository, root, shown};

/// Lines in a source file, at most (STYLE §2).
const LINES: usize = 600;

#[test]
fn source_files_stay_short() {
    for path in files(&[".rs", ".ts", ".tsx", ".css"]) {
        if path
            .components()
            .any(|part| part.as_os_str() == "generated")
        {
            continue;
        }
        let lines = read(&path).lines().count();
        assert!(
            lines <= LINES,
            "{} has {lines} lines: split it along a concept",
            shown(&path)
        );
    }
}

#[test]
fn modules_are_files_with_their_own_name() {
    let named = |path: &Path| path.file_name().is_some_and(|name| name == "mod.rs");
    for path in files(&[".rs"]) {
        assert!(
            !named(&path),
            "{}: use `foo.rs` beside `foo/`",
            shown(&path)
        );
    }
}

#[test]
fn exceptions_from_lints_are_expected_and_give_their_reason() {
    // In pieces, so that this file does not hold what it looks for.
    let attribute = ["allow", "("].concat();
    let needles = [format!("#[{attribute}"), format!("#![{attribute}")];
    for path in files(&[".rs"]) {
        let text = read(&path);
        for needle in &needles {
            assert!(
                !text.contains(needle.as_str()),
                "{}: write #[expect(…, reason = …)]",
                shown(&path)
            );
        }
    }
}

#[test]
fn no_test_is_switched_off() {
    let needles = [
        ["#[ig", "nore"].concat(),
        ["#[should_", "panic"].concat(),
        ["test.", "skip("].concat(),
    ];
    for path in files(&[".rs", ".ts", ".tsx"]) {
        let text = read(&path);
        for needle in &needles {
            assert!(
                !text.contains(needle.as_str()),
                "{} has `{needle}`",
                shown(&path)
            );
        }
    }
}

#[test]
fn nothing_names_the_machine_that_it_was_written_on() {
    let needles = [
        ["/wo", "rk/"].concat(),
        ["/tmp/", "brief"].concat(),
        ["../", "shared"].concat(),
        ["registry.npm", "js"].concat(),
        ["index.", "crates"].concat(),
        ["static.", "crates"].concat(),
        ["pypi.org/", "simple"].concat(),
        ["deb.", "debian.org"].concat(),
    ];
    for path in repository() {
        // Lock files name where packages come from; the rest is not text.
        let is_lock = path.extension().is_some_and(|ending| ending == "lock");
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        for needle in needles.iter().filter(|_| !is_lock) {
            assert!(
                !text.contains(needle.as_str()),
                "{} has `{needle}`",
                shown(&path)
            );
        }
    }
}

#[test]
fn every_policy_has_an_id_of_its_own() {
    let mut known = std::collections::BTreeMap::new();
    for path in files(&[".cedar"])
        .into_iter()
        .filter(|path| path.starts_with(root().join("policies")))
    {
        let text = read(&path);
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let code: Vec<&str> = lines.collect();
        let starts = |word: &str| code.iter().filter(|line| line.starts_with(word)).count();
        let policies = starts("permit") + starts("forbid");
        let ids: Vec<&str> = code
            .iter()
            .filter_map(|line| line.strip_prefix("@id(\"")?.split('"').next())
            .collect();
        assert!(policies > 0, "{} holds no policy", shown(&path));
        assert_eq!(
            ids.len(),
            policies,
            "{}: {policies} policies with the ids {ids:?}",
            shown(&path)
        );
        for id in ids {
            let other = known.insert(id.to_owned(), shown(&path));
            assert!(
                other.is_none(),
                "`{id}` stands in {other:?} and in {}",
                shown(&path)
            );
        }
    }
    assert!(known.len() > 10, "policies were found: {known:?}");
}

#[test]
fn links_in_documents_lead_somewhere() {
    for path in files(&[".md"]) {
        let text = read(&path);
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            let found = path.parent().unwrap().join(file).exists();
            assert!(found, "{}: there is no `{target}`", shown(&path));
        }
    }
}

#[test]
fn the_readme_fits_on_a_few_screens_and_names_the_two_commands() {
    let text = read(&root().join("README.md"));
    assert!(text.lines().count() < 150, "{} lines", text.lines().count());
    for command in ["scripts/demo", "scripts/test"] {
        assert!(
            text.contains(command) && root().join(command).is_file(),
            "{command}"
        );
    }
}

#[test]
fn every_source_of_ours_is_under_the_same_licence() {
    let license = read(&root().join("LICENSE"));
    assert!(license.contains("Apache License") && license.contains("Version 2.0"));
    for path in files(&["Cargo.toml"]) {
        let text = read(&path);
        assert!(
            text.contains("license.workspace = true") || text.contains("Apache-2.0"),
            "{}",
            shown(&path)
        );
    }
}
