//! `mailsleuth messages`: every reconstructed message as a record.

use std::ops::ControlFlow;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::arguments::{Common, Output};
use super::selection::{Selection, Term};
use super::{Outcome, outcome, output, tables};
use crate::answer::message_record::{DeliveryRecord, Messages};
use crate::correlate::{Correlator, Lineage, Message};
use crate::knowledge::postcat::QueueFile;
use crate::options::Options;
use crate::read::Log;
use crate::render::{Column, CsvWriter, Format, RecordWriter, evidence};

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

/// The messages of the logs, with the places of all their lines.
pub(super) struct Story {
    pub(super) log: Log,
    pub(super) messages: Messages,
}

pub(super) fn run(arguments: Arguments) -> Result<Outcome> {
    let Common { paths, output } = arguments.common;
    let options = output.options(paths)?;
    let terms = arguments.selection.terms(&[])?;
    let mut story = reconstruct(&options, &output)?;
    let chosen = choose(&story, &options, &terms);
    match output.format {
        Format::Text | Format::Markdown if arguments.deliveries => {
            output::document(&output, &tables::deliveries(&story, &chosen))?;
        }
        Format::Text | Format::Markdown => {
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

/// Reads the logs and keeps every message whole.
pub(super) fn reconstruct(options: &Options, output: &Output) -> Result<Story> {
    let mut correlator = Correlator::new(true);
    let mut list: Vec<Message> = Vec::new();
    let log = output::read(options, output, &mut |record, _| {
        correlator.observe(record);
        list.extend(correlator.take_finished().0);
        ControlFlow::Continue(())
    })?;
    let (rest, told) = correlator.finish();
    list.extend(rest);
    let lineage = Lineage::new(told.n_messages, &told.links);
    Ok(Story {
        log,
        messages: Messages::new(list, lineage, told.strings),
    })
}

/// Numbers of the messages in the period that match any of the terms; without terms all.
pub(super) fn choose(story: &Story, options: &Options, terms: &[Term]) -> Vec<u32> {
    let messages = &story.messages;
    let in_period = |message: &&Message| {
        let (first, last) = (message.first_seen.micros, message.last_seen.micros);
        options.period.touches(first, last)
    };
    let is_meant = |message: &&Message| {
        terms.is_empty() || terms.iter().any(|term| term.matches(messages, message))
    };
    let chosen = messages.list.iter().filter(in_period).filter(is_meant);
    chosen.map(|message| message.number).collect()
}

/// Writes the chosen messages with the texts of their lines.
pub(super) fn write_records(
    story: &mut Story,
    output: &Output,
    format: Format,
    command: &str,
    chosen: &[u32],
    queue_files: &[QueueFile],
) -> Result<()> {
    let events = chosen
        .iter()
        .filter_map(|number| story.messages.find(*number));
    let wanted = events
        .flat_map(|message| &message.events)
        .map(|seen| seen.at)
        .collect();
    let texts = evidence::fetch(&mut story.log, wanted);
    let names = story.log.file_names();
    output::to_output(output, |out| {
        let mut writer = RecordWriter::new(out, format == Format::Jsonl, command, "messages")?;
        for message in chosen
            .iter()
            .filter_map(|number| story.messages.find(*number))
        {
            let mut record = story.messages.record(message, &names);
            for (line, seen) in record.events.iter_mut().zip(&message.events) {
                line.text = texts.get(&seen.at).cloned();
            }
            let is_its = |file: &&QueueFile| file.queue_id == record.queue_id;
            record.queue_file = queue_files.iter().find(is_its).cloned();
            writer.record(&record)?;
        }
        writer.finish(&story.log.coverage)?;
        Ok(())
    })
}
