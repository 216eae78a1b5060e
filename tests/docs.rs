//! Documents that are made from the code are as the code is today.

mod common;

use common::run;

/// `UPDATE_EXPECTED=1 cargo test` writes it again.
#[test]
fn the_manual_of_the_detectors_is_what_explain_says() {
    let path = "docs/detectors.md";
    let manual = run(&["explain", "--markdown"]).stdout;
    let manual = String::from_utf8(manual).expect("UTF-8");
    let head = "# Detectors\n\nMade by `mailsleuth explain --markdown`; a test holds it against the program.\n\n";
    let text = format!("{head}{manual}");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(path, text).expect("docs can be written");
        return;
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == text,
        "{path} is not what `explain` says; UPDATE_EXPECTED=1 writes it"
    );
}

/// The commands of the README work, and say what the README shows.
#[test]
fn the_examples_of_the_readme_are_real() {
    let readme = std::fs::read_to_string("README.md").expect("README.md");
    let mut n_examples = 0;
    for example in readme.split("```console\n").skip(1) {
        let example = example.split("```").next().unwrap_or_default();
        let (command, shown) = example.split_once('\n').expect("a command and its output");
        let Some(arguments) = command.strip_prefix("$ mailsleuth ") else {
            continue;
        };
        n_examples += 1;
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let answer = String::from_utf8(run(&arguments).stdout).expect("UTF-8");
        let mut rest = answer.as_str();
        // `…` stands for what is left out.
        for part in shown.split("…\n") {
            let Some(at) = rest.find(part) else {
                panic!("`{command}` does not say:\n{part}\nbut:\n{answer}");
            };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
    }
    assert!(n_examples >= 2, "{n_examples} examples");
}

/// The list of events in the manual is the list of the code.
#[test]
fn every_event_stands_in_the_manual() {
    let manual = std::fs::read_to_string("docs/lines.md").expect("docs/lines.md");
    let listed: Vec<&str> = manual
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let code = std::fs::read_to_string("src/event.rs").expect("src/event.rs");
    let body = code
        .split("pub fn name(&self)")
        .nth(1)
        .expect("Event::name");
    let body = body.split("\n    }\n").next().expect("its end");
    let names: Vec<&str> = body.split('"').skip(1).step_by(2).collect();
    assert!(names.len() > 20, "{names:?}");
    assert_eq!(listed, names);
}
