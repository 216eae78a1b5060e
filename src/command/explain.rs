//! `mailsleuth explain`: the manual of the detectors, from the data that they work with.

use anyhow::{Result, anyhow};
use clap::Args;

use super::arguments::{Output, When};
use super::{Outcome, output};
use crate::answer::{Document, Table};
use crate::detect::{DETECTORS, Detector};
use crate::render::Format;

/// What a detector looks for, its signals, thresholds, false positives and remedies.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A detector's name; without it: all of them
    detector: Option<String>,

    /// Colours in text
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    color: When,

    /// Markdown instead of text
    #[arg(long)]
    markdown: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<Outcome> {
    let mut document = Document::default();
    match &arguments.detector {
        None => {
            for detector in DETECTORS {
                describe(&mut document, detector);
            }
        }
        Some(name) => {
            let known = DETECTORS.iter().find(|detector| detector.id == name);
            let detector = known.ok_or_else(|| {
                let ids: Vec<&str> = DETECTORS.iter().map(|detector| detector.id).collect();
                anyhow!(
                    "no detector is called {name:?}; there are: {}",
                    ids.join(", ")
                )
            })?;
            describe(&mut document, detector);
        }
    }
    let format = if arguments.markdown {
        Format::Markdown
    } else {
        Format::Text
    };
    let output = Output::for_document(format, arguments.color);
    output::document(&output, &document)?;
    Ok(Outcome::Done)
}

/// Adds a detector's manual page.
fn describe(document: &mut Document, detector: &Detector) {
    document.heading(detector.id);
    document.paragraph(detector.question);
    document.paragraph(format!("Its findings are about: {}.", detector.subject));
    document.heading("What speaks for it");
    document.table(Table {
        head: vec!["signal", "group", "weight", "meaning"],
        rows: detector
            .signals
            .iter()
            .map(|kind| {
                let weight = format!("{:.2}", kind.weight);
                vec![
                    kind.name.to_owned(),
                    kind.group.to_owned(),
                    weight,
                    kind.meaning.to_owned(),
                ]
            })
            .collect(),
        numbers: vec![2],
    });
    document.paragraph(if detector.judges_each() {
        "The strongest signal decides: 0.70 or more is high, 0.50 medium, 0.40 low, less is info."
    } else {
        "Signals of one group count as one kind of reason; nothing is reported unless two kinds come together, or one signal weighs 0.90 or more."
    });
    document.heading("Thresholds");
    document.table(Table {
        head: vec!["name", "value", "meaning"],
        rows: detector
            .thresholds
            .iter()
            .map(|t| vec![t.name.to_owned(), t.value.to_string(), t.meaning.to_owned()])
            .collect(),
        numbers: vec![1],
    });
    document.heading("What looks like it and is not");
    document.paragraph(detector.false_positives);
    document.heading("What to do");
    document.paragraph(detector.remedies);
}
