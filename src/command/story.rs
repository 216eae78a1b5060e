//! The messages of a run, whole: what `messages` and `trace` choose from and write.

use std::ops::ControlFlow;

use anyhow::Result;

use super::arguments::Output;
use super::output;
use super::selection::Term;
use crate::answer::message_record::{Messages, is_queue_file_of};
use crate::correlate::{Correlator, Lineage, Message};
use crate::knowledge::postcat::QueueFile;
use crate::options::Options;
use crate::read::Log;
use crate::render::{Format, RecordWriter, evidence};

/// The messages of the logs, with the places of all their lines.
pub(super) struct Story {
    pub(super) log: Log,
    pub(super) messages: Messages,
}

/// Reads the logs and keeps every message whole.
pub(super) fn reconstruct(options: &Options, output: &Output) -> Result<Story> {
    let mut correlator = Correlator::new(true);
    let mut list: Vec<Message> = Vec::new();
    let mut log = output::read(options, output, &mut |record, _| {
        correlator.observe(record);
        list.extend(correlator.take_finished().0);
        ControlFlow::Continue(())
    })?;
    let (rest, told) = correlator.finish();
    list.extend(rest);
    log.note_evicted(told.n_evicted);
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
            let strings = &story.messages.strings;
            let is_its = |file: &&QueueFile| is_queue_file_of(file, message, strings);
            record.queue_file = queue_files.iter().find(is_its).cloned();
            writer.record(&record)?;
        }
        writer.finish(&story.log.coverage)?;
        Ok(())
    })
}
