//! `mailsleuth messages`: every reconstructed message as a record.

use std::ops::ControlFlow;

use anyhow::Result;
use clap::Args;

use super::arguments::{Common, Output};
use super::selection::{Selection, Term};
use super::{Outcome, outcome, output};
use crate::answer::message_record::{MessageRecord, Messages};
use crate::answer::{Document, Table};
use crate::correlate::{Correlator, Lineage, Message};
use crate::options::Options;
use crate::read::Log;
use crate::render::{Format, RecordWriter, evidence};

/// Every reconstructed message as a record.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,

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
        Format::Text | Format::Markdown => output::document(&output, &document(&story, &chosen))?,
        format @ (Format::Json | Format::Jsonl) => {
            write_records(&mut story, &output, format, "messages", &chosen)?
        }
    }
    Ok(outcome(&story.log.coverage, None, None))
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
            writer.record(&record)?;
        }
        writer.finish(&story.log.coverage)?;
        Ok(())
    })
}

fn document(story: &Story, chosen: &[u32]) -> Document {
    let mut document = Document::default();
    let rows = chosen.iter().filter_map(|number| {
        let message = story.messages.find(*number)?;
        let record = story.messages.record(message, &[]);
        Some(row(&record))
    });
    let rows: Vec<Vec<String>> = rows.collect();
    document.paragraph(format!("{} messages", rows.len()));
    document.table(Table {
        head: vec![
            "first seen",
            "queue ID",
            "from",
            "to",
            "state",
            "login",
            "client",
        ],
        rows,
        numbers: Vec::new(),
    });
    document
}

fn row(record: &MessageRecord) -> Vec<String> {
    let to = match record.recipients.as_slice() {
        [] => record.nrcpt.map(|n| format!("({n})")).unwrap_or_default(),
        [one] => one.to.clone(),
        [first, rest @ ..] => format!("{} +{}", first.to, rest.len()),
    };
    let from = record.from.as_deref().map(|from| match from {
        "" => "<>",
        from => from,
    });
    vec![
        record.first_seen.for_people(),
        record.queue_id.clone(),
        from.unwrap_or("?").to_owned(),
        to,
        record.state.to_owned(),
        record.origin.sasl_username.clone().unwrap_or_default(),
        record.origin.client_ip.clone().unwrap_or_default(),
    ]
}
