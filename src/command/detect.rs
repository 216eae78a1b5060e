//! `mailsleuth detect`: findings only.

use anyhow::Result;
use clap::Args;

use super::arguments::Common;
use super::findings::{Investigation, investigate};
use super::{Outcome, outcome, output};
use crate::answer::Document;
use crate::finding::{Finding, Level};
use crate::render::{self, Format};
use crate::summary;

/// Findings only.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,

    /// Show findings of this level and above
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Level::Info)]
    min_level: Level,

    /// Exit with 1 when there is a finding of this level or above
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Level::High)]
    fail_on: Level,
}

pub(super) fn run(arguments: Arguments) -> Result<Outcome> {
    let Common { paths, output } = arguments.common;
    output.refuse_csv()?;
    let options = output.options(paths)?;
    let mut found = investigate(&options, &output)?;
    let worst = found.findings.iter().map(|finding| finding.level).max();
    found.hide_below(arguments.min_level);
    let Investigation { log, findings, .. } = &found;
    let coverage = &log.coverage;
    match output.format {
        Format::Text | Format::Html | Format::Markdown => {
            output::document(&output, &document(&found)?)?
        }
        format @ (Format::Json | Format::Jsonl | Format::Csv) => {
            output::to_output(&output, |out| {
                render::records(out, format, "detect", "findings", findings, coverage)?;
                Ok(())
            })?
        }
    }
    Ok(outcome(coverage, worst, Some(arguments.fail_on)))
}

fn document(found: &Investigation) -> Result<Document> {
    let mut document = Document::default();
    let findings: &[Finding] = &found.findings;
    summary::verdict(&mut document, findings, found.n_hidden, &found.log.coverage);
    for finding in findings {
        let timeline = summary::timeline(&found.tables, finding)?;
        summary::finding(&mut document, finding, timeline);
    }
    Ok(document)
}
