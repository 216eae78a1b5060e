//! `mailsleuth report`: the whole story of a period, findings first, then the traffic.

use anyhow::Result;
use clap::Args;

use super::arguments::Common;
use super::findings::{Investigation, investigate};
use super::{Outcome, outcome, output};
use crate::answer::Document;
use crate::finding::Level;
use crate::render::{self, Format};
use crate::summary;

/// The whole story of a period: findings first, then the traffic.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,

    /// Show findings of this level and above
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Level::Info)]
    min_level: Level,

    /// Exit with 1 when there is a finding of this level or above
    #[arg(long, value_enum, value_name = "LEVEL")]
    fail_on: Option<Level>,
}

pub(super) fn run(arguments: Arguments) -> Result<Outcome> {
    let Common { paths, output } = arguments.common;
    output.refuse_csv()?;
    let options = output.options(paths)?;
    let mut found = investigate(&options, &output)?;
    let worst = found.findings.iter().map(|finding| finding.level).max();
    found.hide_below(arguments.min_level);
    match output.format {
        Format::Text | Format::Html | Format::Markdown => {
            output::document(&output, &document(&found)?)?
        }
        format @ (Format::Json | Format::Jsonl | Format::Csv) => {
            output::to_output(&output, |out| {
                let (findings, coverage) = (&found.findings, &found.log.coverage);
                render::records(out, format, "report", "findings", findings, coverage)?;
                Ok(())
            })?
        }
    }
    Ok(outcome(&found.log.coverage, worst, arguments.fail_on))
}

fn document(found: &Investigation) -> Result<Document> {
    let Investigation {
        log,
        tables,
        findings,
        n_hidden,
    } = found;
    let mut document = Document::default();
    summary::verdict(&mut document, findings, *n_hidden, &log.coverage);
    for finding in findings {
        summary::finding(&mut document, finding, summary::timeline(tables, finding)?);
    }
    for section in summary::SECTIONS {
        section(&mut document, tables)?;
    }
    summary::coverage(&mut document, &log.coverage);
    Ok(document)
}
