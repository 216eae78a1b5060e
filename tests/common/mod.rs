//! What the tests share: running the program, and expected answers in files.

// Each test program uses a part of it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Runs `mailsleuth`; the time zone of the machine plays no part.
pub(crate) fn run(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the program runs")
}

/// The program with its arguments, not yet started.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailsleuth"));
    command
        .args(arguments)
        .env("TZ", "UTC")
        .env_remove("COLUMNS");
    command.stdin(std::process::Stdio::null());
    command
}

/// Runs `mailsleuth` and reads its answer; exit statuses 0 and 1 are answers.
pub(crate) fn json(arguments: &[&str]) -> Value {
    let output = run(arguments);
    let status = output.status.code();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        matches!(status, Some(0 | 1)),
        "{arguments:?}: {status:?}: {errors}"
    );
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

/// The folders in a folder, in order.
pub(crate) fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// Holds an answer against a file; `UPDATE_EXPECTED=1` writes the file instead.
pub(crate) fn check_expected(path: &Path, answer: &Value) {
    let shown = format!("{answer:#}\n");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(path, shown).expect("the expected answer can be written");
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        shown == expected,
        "{}: the answer is not the expected one (UPDATE_EXPECTED=1 accepts it):\n{shown}",
        path.display()
    );
}
