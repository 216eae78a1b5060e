//! The page docs/evaluation.md: tables made by the test, and reasons written by hand.

use std::fmt::Write;

use super::Judgement;
use super::table::{Mistake, inexact, mistakes, table};

const PATH: &str = "docs/evaluation.md";

/// Below it everything is written by hand.
const END: &str =
    "<!-- Made by the test until here; below, a line for each mistake is written by hand. -->\n";

const HEAD: &str = "# How good the detectors are

Made by `cargo test --test evaluation`, which holds this page against the program; with `UPDATE_EXPECTED=1` it writes
the tables again. The sets are told in [tests/evaluation/README.md](../tests/evaluation/README.md). A row speaks of
what must be said at its level or above (*expected*, *found*, *missed*, *recall*), and of the findings at its level or
above (*right*, *false*, *precision*). *Exact* are those found whose counts, clients and times all are the driver's.
Counts of messages and recipients that are not the driver's are mistakes as well.
";

fn section(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return format!("\n{title}: none.\n");
    }
    let mut text = format!("\n{title}:\n\n");
    for line in lines {
        let _ = writeln!(text, "- {line}");
    }
    text
}

/// Tables and lists of both halves.
pub(crate) fn tables(judgements: &[Judgement], halves: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (half, meaning) in halves {
        let of_half: Vec<&Judgement> = judgements.iter().filter(|j| j.half == *half).collect();
        let n_sets = of_half.len();
        let n_quiet = of_half.iter().filter(|j| j.is_quiet).count();
        let _ = write!(
            text,
            "\n## `{half}`: {n_sets} sets, {n_quiet} of them quiet, {meaning}\n\n{}",
            table(&of_half)
        );
        let wrong: Vec<String> = of_half
            .iter()
            .flat_map(|judgement| mistakes(judgement))
            .map(|mistake| mistake.line)
            .collect();
        text += &section(
            "Missed, said without reason at `medium` or above, or counted wrong",
            &wrong,
        );
        let differing: Vec<String> = of_half.iter().flat_map(|j| inexact(j)).collect();
        text += &section(
            "Found, with other clients, times or numbers than the driver's",
            &differing,
        );
    }
    text
}

/// The line that gives the reason of a mistake begins like this.
fn reason_begins(mistake: &Mistake) -> String {
    format!("- `{}`, `{}`: ", mistake.set, mistake.detector)
}

/// Holds the page against the tables; every mistake has its reason there, and no reason is left over.
pub(crate) fn check(judgements: &[Judgement], tables: &str) {
    let begins: Vec<String> = judgements
        .iter()
        .flat_map(mistakes)
        .map(|mistake| reason_begins(&mistake))
        .collect();
    let is_needed = |line: &str| begins.iter().any(|begin| line.starts_with(begin.as_str()));
    let page = std::fs::read_to_string(PATH).unwrap_or_default();
    let by_hand = page.split_once(END).map_or("", |(_, rest)| rest);
    let kept = by_hand
        .lines()
        .filter(|line| !line.starts_with("- `") || is_needed(line));
    let kept: String = kept.map(|line| format!("{line}\n")).collect();
    let today = format!("{HEAD}{tables}\n{END}{kept}");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(PATH, &today).expect("docs can be written");
    } else {
        assert!(
            page == today,
            "{PATH} is not what the detectors say today; UPDATE_EXPECTED=1 writes it:\n{tables}"
        );
    }
    let untold = |begin: &&String| !kept.lines().any(|line| line.starts_with(begin.as_str()));
    let untold: Vec<&String> = begins.iter().filter(untold).collect();
    assert!(
        untold.is_empty(),
        "{PATH}: each of these needs a line with its reason: {untold:#?}"
    );
}
