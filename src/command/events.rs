//! `mailsleuth events`: every line of the log as a record, written while it is read.

use std::ops::ControlFlow;

use anyhow::Result;
use clap::Args;

use super::arguments::{Common, Output};
use super::output::Sink;
use super::unknown::{self, UnknownShapes};
use super::{Outcome, outcome, output};
use crate::answer::event_record::EventRecord;
use crate::event::Event;
use crate::options::Options;
use crate::read::{Log, Record};
use crate::render::{self, Column, CsvWriter, Format, RecordWriter, printable};

/// Every line of the log as a record.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,

    /// Lines of mail programs that no rule understands, grouped by shape, the most frequent first
    #[arg(long)]
    unknown: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<Outcome> {
    let Common { paths, output } = arguments.common;
    let options = output.options(paths)?;
    if arguments.unknown {
        return run_unknown(&options, &output);
    }
    let wanted = |record: &Record<'_>| options.period.contains(record.timestamp.micros);
    let mut log = None;
    output::to_output(&output, |out| {
        log = Some(match output.format {
            Format::Text | Format::Html | Format::Markdown => {
                as_text(&options, &output, &wanted, out)?
            }
            Format::Csv => as_table(&options, &output, &wanted, out)?,
            format @ (Format::Json | Format::Jsonl) => {
                as_records(&options, &output, format, &wanted, out)?
            }
        });
        Ok(())
    })?;
    // Without a log the reader of standard output has left, and that is no error.
    Ok(log.map_or(Outcome::Done, |log| outcome(&log.coverage, None, None)))
}

/// `--unknown`: grouped by shape, once everything is read.
fn run_unknown(options: &Options, output: &Output) -> Result<Outcome> {
    output.refuse_csv()?;
    let mut shapes = UnknownShapes::default();
    let log = output::read(options, output, &mut |record, file| {
        if *record.event == Event::Unknown && options.period.contains(record.timestamp.micros) {
            shapes.add(record, file);
        }
        ControlFlow::Continue(())
    })?;
    let (shapes, n_beyond) = shapes.sorted();
    match output.format {
        Format::Text | Format::Html | Format::Markdown | Format::Csv => {
            output::document(output, &unknown::document(&shapes, n_beyond))?;
        }
        format @ (Format::Json | Format::Jsonl) => output::to_output(output, |out| {
            render::records(out, format, "events", "unknown", &shapes, &log.coverage)?;
            Ok(())
        })?,
    }
    Ok(outcome(&log.coverage, None, None))
}

type Wanted<'a> = dyn Fn(&Record<'_>) -> bool + Sync + 'a;

fn as_text(
    options: &Options,
    output: &Output,
    wanted: &Wanted<'_>,
    out: &mut Sink<'_>,
) -> Result<Log> {
    let mut failure = None;
    let log = output::read(options, output, &mut |record, _| {
        if !wanted(record) {
            return ControlFlow::Continue(());
        }
        let name = record.event.name();
        let (host, program) = (printable(record.host), printable(record.program));
        let written = writeln!(
            out,
            "{} {host} {program} {name}: {}",
            record.timestamp,
            printable(record.text)
        );
        keep(written, &mut failure)
    })?;
    failure.map_or(Ok(log), |error| Err(error.into()))
}

fn as_records(
    options: &Options,
    output: &Output,
    format: Format,
    wanted: &Wanted<'_>,
    out: &mut Sink<'_>,
) -> Result<Log> {
    let mut writer = RecordWriter::new(out, format == Format::Jsonl, "events", "events")?;
    let mut failure = None;
    let log = output::read(options, output, &mut |record, file| {
        if !wanted(record) {
            return ControlFlow::Continue(());
        }
        keep(writer.record(&EventRecord::new(record, file)), &mut failure)
    })?;
    if let Some(error) = failure {
        return Err(error.into());
    }
    writer.finish(&log.coverage)?;
    Ok(log)
}

fn as_table(
    options: &Options,
    output: &Output,
    wanted: &Wanted<'_>,
    out: &mut Sink<'_>,
) -> Result<Log> {
    let mut writer = CsvWriter::new(out, COLUMNS)?;
    let mut failure = None;
    let log = output::read(options, output, &mut |record, file| {
        if !wanted(record) {
            return ControlFlow::Continue(());
        }
        keep(writer.record(&EventRecord::new(record, file)), &mut failure)
    })?;
    if let Some(error) = failure {
        return Err(error.into());
    }
    writer.finish()?;
    Ok(log)
}

/// The columns of the table, in the contract's order.
const COLUMNS: &[Column] = &[
    ("timestamp", "/timestamp"),
    ("host", "/host"),
    ("program", "/program"),
    ("pid", "/pid"),
    ("queue_id", "/queue_id"),
    ("event", "/event"),
    ("client_name", "/client_name"),
    ("client_ip", "/client_ip"),
    ("sasl_method", "/sasl_method"),
    ("sasl_username", "/sasl_username"),
    ("helo", "/helo"),
    ("from", "/from"),
    ("to", "/to"),
    ("orig_to", "/orig_to"),
    ("size", "/size"),
    ("nrcpt", "/nrcpt"),
    ("message_id", "/message_id"),
    ("relay_name", "/relay_name"),
    ("relay_ip", "/relay_ip"),
    ("delay", "/delay"),
    ("dsn", "/dsn"),
    ("status", "/status"),
    ("reason", "/reason"),
    ("action", "/action"),
    ("stage", "/stage"),
    ("reply_code", "/reply_code"),
    ("file", "/file"),
    ("line", "/line"),
];

/// Goes on as long as writing works.
fn keep(written: std::io::Result<()>, failure: &mut Option<std::io::Error>) -> ControlFlow<()> {
    match written {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            *failure = Some(error);
            ControlFlow::Break(())
        }
    }
}
