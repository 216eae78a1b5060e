//! `mailsleuth messages`: every reconstructed message as a record.

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::arguments::{Common, Output};
use super::selection::Selection;
use super::story::{Story, choose, reconstruct, write_records};
use super::{Outcome, outcome, output, tables};
use crate::answer::message_record::DeliveryRecord;
use crate::render::{Column, CsvWriter, Format, RecordWriter};

/// Every reconstructed message as a record.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,

    /// One record for each recipient instead of one for each message
    #[arg(long)]
    deliveries: bool,

    #[command(flatten)]
    selection: Selection,
}

pub(super) fn run(arguments: Arguments) -> Result<Outcome> {
    let Common { paths, output } = arguments.common;
    let options = output.options(paths)?;
    let terms = arguments.selection.terms(&[])?;
    let mut story = reconstruct(&options, &output)?;
    let chosen = choose(&story, &options, &terms);
    match output.format {
        Format::Text | Format::Html | Format::Markdown if arguments.deliveries => {
            output::document(&output, &tables::deliveries(&story, &chosen))?;
        }
        Format::Text | Format::Html | Format::Markdown => {
            output::document(&output, &tables::messages(&story, &chosen))?;
        }
        Format::Csv if arguments.deliveries => {
            write_csv(
                &output,
                tables::DELIVERY_COLUMNS,
                deliveries(&story, &chosen),
            )?;
        }
        Format::Csv => {
            let records = chosen.iter().filter_map(|number| {
                let message = story.messages.find(*number)?;
                Some(story.messages.record(message, &[]))
            });
            write_csv(&output, tables::MESSAGE_COLUMNS, records)?;
        }
        format @ (Format::Json | Format::Jsonl) if arguments.deliveries => {
            output::to_output(&output, |out| {
                let is_lines = format == Format::Jsonl;
                let mut writer = RecordWriter::new(out, is_lines, "messages", "deliveries")?;
                for record in deliveries(&story, &chosen) {
                    writer.record(&record)?;
                }
                Ok(writer.finish(&story.log.coverage)?)
            })?;
        }
        format @ (Format::Json | Format::Jsonl) => {
            write_records(&mut story, &output, format, "messages", &chosen, &[])?;
        }
    }
    Ok(outcome(&story.log.coverage, None, None))
}

/// One record for each recipient of the chosen messages.
fn deliveries<'a>(
    story: &'a Story,
    chosen: &'a [u32],
) -> impl Iterator<Item = DeliveryRecord> + 'a {
    let messages = chosen
        .iter()
        .filter_map(|number| story.messages.find(*number));
    messages.flat_map(|message| story.messages.deliveries(message))
}

fn write_csv<T: Serialize>(
    output: &Output,
    columns: &'static [Column],
    records: impl Iterator<Item = T>,
) -> Result<()> {
    output::to_output(output, |out| {
        let mut writer = CsvWriter::new(out, columns)?;
        for record in records {
            writer.record(&record)?;
        }
        Ok(writer.finish()?)
    })
}
