//! The map of the code is kept: modules use those above them, files say what they are for, none grows too long.

use std::path::{Path, PathBuf};

/// Lines of a file, tests included.
const MAX_LINES: usize = 500;

/// Modules in the order of `lib.rs`.
fn modules() -> Vec<String> {
    let lib = std::fs::read_to_string("src/lib.rs").expect("lib.rs");
    let modules = lib.lines().filter_map(|line| {
        let name = line.strip_prefix("pub mod ")?.strip_suffix(';')?;
        Some(name.to_owned())
    });
    modules.collect()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"] {
        if Path::new(folder).is_dir() {
            rust_files(Path::new(folder), &mut files);
        }
    }
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a readable file");
        (path, text)
    };
    files.into_iter().map(read).collect()
}

/// The module of `lib.rs` that a file under `src` belongs to.
fn module_of(path: &Path) -> Option<String> {
    let path = path.strip_prefix("src").ok()?;
    let first = path.components().next()?.as_os_str().to_str()?;
    Some(first.trim_end_matches(".rs").to_owned())
}

/// Names after `crate::` in code, comments left out.
fn uses(text: &str) -> Vec<&str> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let names = code.flat_map(|line| {
        line.split("crate::").skip(1).filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            rest.get(..end.unwrap_or(rest.len()))
        })
    });
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn data_flows_down_the_list_of_modules() {
    let modules = modules();
    assert!(modules.len() >= 10, "{modules:?}");
    let place = |name: &str| modules.iter().position(|module| module == name);
    for (path, text) in sources() {
        let Some(own) = module_of(&path).and_then(|own| place(&own)) else {
            continue;
        };
        for used in uses(&text) {
            let Some(used_place) = place(used) else {
                continue;
            };
            assert!(
                used_place <= own,
                "{}: `{}` stands above `{used}` in lib.rs and must not use it",
                path.display(),
                modules[own]
            );
        }
    }
}

#[test]
fn files_say_what_they_are_for_and_stay_short() {
    for (path, text) in sources() {
        assert!(
            text.starts_with("//! "),
            "{}: begins with one sentence",
            path.display()
        );
        let n_lines = text.lines().count();
        assert!(n_lines <= MAX_LINES, "{}: {n_lines} lines", path.display());
    }
}

#[test]
fn nothing_is_left_unfinished() {
    for (path, text) in sources() {
        for mark in [
            concat!("todo", "!("),
            concat!("unimple", "mented!("),
            concat!("#[ig", "nore"),
        ] {
            assert!(!text.contains(mark), "{}: {mark}", path.display());
        }
    }
}

/// The configuration may change every threshold, so a detector asks for the value in force.
#[test]
fn thresholds_are_asked_of_the_context() {
    for (path, text) in sources() {
        let own = module_of(&path).unwrap_or_default();
        if own != "detect" {
            continue;
        }
        let slip = text.split(".value").find(|before| {
            let last = before.chars().last();
            last.is_some_and(|c| c.is_ascii_uppercase() || c == '_')
        });
        let is_registry = path.ends_with("detect/mod.rs");
        assert!(
            is_registry || slip.is_none(),
            "{}: take context.threshold(&NAME) instead of NAME.value",
            path.display()
        );
    }
}

/// polars stays where tables are made, judged and summarised.
#[test]
fn polars_stays_in_its_modules() {
    for (path, text) in sources() {
        let own = module_of(&path).unwrap_or_default();
        let may = ["tables", "detect", "summary"].contains(&own.as_str());
        let uses_polars = text.lines().any(|line| line.starts_with("use polars"));
        assert!(may || !uses_polars, "{}", path.display());
    }
}
