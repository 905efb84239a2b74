//! What must hold in the tree itself: dependency directions, floors, file sizes, words, generated files.

mod crates;
mod generated;
mod sources;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::root;

/// The files that belong to the repository: tracked ones, and new ones that are not ignored.
fn repository() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output();
    let names = match listed {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap(),
        // An unpacked archive has no history to ask.
        Ok(_) | Err(_) => return walk(&root()),
    };
    let paths = names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(|name| root().join(name));
    // What was deleted and not committed yet is still listed.
    paths.filter(|path| path.is_file()).collect()
}

/// Every file below a folder but those that builds make.
fn walk(folder: &Path) -> Vec<PathBuf> {
    const BUILT: [&str; 6] = [
        ".git",
        "target",
        "node_modules",
        "dist",
        "test-results",
        "playwright-report",
    ];
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !BUILT.contains(&name.as_str()) {
            found.extend(walk(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

/// The files of the repository with one of these endings.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let ends = |path: &PathBuf| {
        let name = path.to_string_lossy();
        endings.iter().any(|ending| name.ends_with(ending))
    };
    repository().into_iter().filter(ends).collect()
}

/// A path as it is read from the root.
fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
