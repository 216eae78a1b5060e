//! Tables and lists of both halves of the sets.

use std::fmt::Write;

use super::Judgement;
use super::table::{inexact, mistakes, table};

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
            .collect();
        text += &section(
            "Missed, or said without reason at `medium` or above",
            &wrong,
        );
        let differing: Vec<String> = of_half.iter().flat_map(|j| inexact(j)).collect();
        text += &section("Found, with other numbers than the driver's", &differing);
    }
    text
}
