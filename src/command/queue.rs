//! `mailsleuth queue`: queue IDs that still wait, ready for `postsuper -h -`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};
use hashbrown::HashSet;

use super::arguments::{Common, Output};
use super::findings::{Investigation, investigate};
use super::{Outcome, outcome, output};
use crate::answer::queue_record::QueueRecord;
use crate::answer::{Document, Table};
use crate::knowledge::postqueue::{self, Queued};
use crate::mail::Address;
use crate::render::{self, Column, CsvWriter, Format};
use crate::tables;

/// Queue IDs still in the queue, one a line, ready for `postsuper -h -`; nothing is changed by this command.
///
/// Without an option that chooses: all of them. Several options must all be true of a message.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,

    /// Handed in with this SASL login
    #[arg(long, value_name = "LOGIN")]
    account: Option<String>,

    /// With this envelope sender; `<>`: the null sender; `@domain`: any in the domain
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,

    /// Handed in by this client address
    #[arg(long, value_name = "IP")]
    client: Option<String>,

    /// Named by the finding with this id; `all`: by any finding
    #[arg(long, value_name = "ID")]
    finding: Option<String>,

    /// Output of `postqueue -j` or `postqueue -p`: what waits now, joined to the log; `-`: standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    postqueue: Option<PathBuf>,

    /// With login, client, sender, recipients, age and the reason it waits, instead of the IDs alone
    #[arg(short, long)]
    long: bool,
}

/// The columns of `queue --format csv`.
const COLUMNS: &[Column] = &[
    ("queue_id", "/queue_id"),
    ("host", "/host"),
    ("queue_name", "/queue_name"),
    ("sasl_username", "/sasl_username"),
    ("client_ip", "/client_ip"),
    ("from", "/from"),
    ("size", "/size"),
    ("arrival", "/arrival"),
    ("age", "/age"),
    ("to", "/recipients/0/to"),
    ("provider", "/recipients/0/provider"),
    ("reason", "/recipients/0/reason"),
];

pub(super) fn run(arguments: Arguments) -> Result<Outcome> {
    let listed = arguments.postqueue.as_deref().map(read_list).transpose()?;
    let Common { paths, output } = &arguments.common;
    let options = output.options(paths.clone())?;
    let found = investigate(&options, output)?;
    let mut records = records(&found, listed.as_deref())?;
    let named = arguments
        .finding
        .as_deref()
        .map(|id| named(&found, id))
        .transpose()?;
    records.retain(|record| {
        let is_named = named
            .as_ref()
            .is_none_or(|ids| ids.contains(record.queue_id.as_str()));
        is_named && arguments.is_wanted(record)
    });
    warn_of_several_hosts(&records, output);
    let coverage = &found.log.coverage;
    match output.format {
        Format::Text if !arguments.long => output::to_output(output, |out| {
            for record in &records {
                writeln!(out, "{}", record.queue_id)?;
            }
            Ok(())
        })?,
        Format::Text | Format::Html | Format::Markdown => {
            output::document(output, &document(&records))?
        }
        Format::Csv => output::to_output(output, |out| {
            let mut writer = CsvWriter::new(out, COLUMNS)?;
            for record in &records {
                writer.record(record)?;
            }
            Ok(writer.finish()?)
        })?,
        format @ (Format::Json | Format::Jsonl) => output::to_output(output, |out| {
            render::records(out, format, "queue", "queue", &records, coverage)?;
            Ok(())
        })?,
    }
    Ok(outcome(coverage, None, None))
}

impl Arguments {
    fn is_wanted(&self, record: &QueueRecord) -> bool {
        let is = |wanted: &Option<String>, value: &Option<String>| match (wanted, value) {
            (Some(wanted), Some(value)) => wanted.eq_ignore_ascii_case(value),
            (Some(_), None) => false,
            (None, _) => true,
        };
        let is_from = match (&self.from, &record.from) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wanted), Some(from)) => match wanted.strip_prefix('@') {
                Some(wanted) => {
                    let domain = Address(from).domain();
                    domain.is_some_and(|domain| domain.eq_ignore_ascii_case(wanted))
                }
                None => wanted.trim_matches(['<', '>']).eq_ignore_ascii_case(from),
            },
        };
        is(&self.account, &record.sasl_username) && is(&self.client, &record.client_ip) && is_from
    }
}

fn read_list(path: &Path) -> Result<Vec<Queued>> {
    let shown = path.display().to_string();
    let text = if shown == "-" {
        std::io::read_to_string(std::io::stdin()).context("standard input")?
    } else {
        std::fs::read_to_string(path).with_context(|| shown.clone())?
    };
    postqueue::parse(&text).with_context(|| shown)
}

/// What waits: as the log ends, or, where there is a list, what the list has.
fn records(found: &Investigation, listed: Option<&[Queued]>) -> Result<Vec<QueueRecord>> {
    let end = found.tables.log_end_micros;
    let waiting = tables::waiting(&found.tables)?;
    let logged: Vec<QueueRecord> = waiting
        .iter()
        .map(|w| QueueRecord::of_log(w, end))
        .collect();
    let Some(listed) = listed else {
        return Ok(logged);
    };
    let record = |queued: &Queued| {
        let same = logged.iter().find(|record| record.is_same(queued));
        QueueRecord::of_list(queued, same, end)
    };
    Ok(listed.iter().map(record).collect())
}

/// The queue IDs of a finding, or of all.
fn named<'a>(found: &'a Investigation, id: &str) -> Result<HashSet<&'a str>> {
    let is_meant = |finding_id: &str| id == "all" || finding_id == id;
    let findings: Vec<_> = found.findings.iter().filter(|f| is_meant(&f.id)).collect();
    if findings.is_empty() && id != "all" {
        let ids: Vec<&str> = found.findings.iter().map(|f| f.id.as_str()).collect();
        bail!(
            "no finding {id}; there are: {}",
            if ids.is_empty() {
                "none".to_owned()
            } else {
                ids.join(", ")
            }
        );
    }
    let ids = findings
        .into_iter()
        .flat_map(|f| f.queue_ids.iter().chain(&f.still_queued));
    Ok(ids.map(String::as_str).collect())
}

/// postsuper(1) works on the host where it runs: the IDs of another one mean nothing there.
fn warn_of_several_hosts(records: &[QueueRecord], output: &Output) {
    let hosts: HashSet<&str> = records.iter().filter_map(|r| r.host.as_deref()).collect();
    if hosts.len() > 1 && !output.quiet {
        output::note(&format!(
            "these queue IDs are of {} hosts; choose one with --host before you act on them",
            hosts.len()
        ));
    }
}

/// Recipients named in a row; the rest is counted.
const N_RECIPIENTS: usize = 1;

fn document(records: &[QueueRecord]) -> Document {
    let mut document = Document::default();
    document.paragraph(format!("{} messages wait in the queue", records.len()));
    document.table(Table {
        head: vec![
            "queue ID", "login", "client", "from", "to", "hours", "reason",
        ],
        rows: records.iter().map(row).collect(),
        numbers: vec![5],
    });
    document
}

fn row(record: &QueueRecord) -> Vec<String> {
    let more = record.recipients.len().saturating_sub(N_RECIPIENTS) + record.n_untold as usize;
    let to = match record.recipients.first() {
        Some(first) if more > 0 => format!("{} +{more}", first.to),
        Some(first) => first.to.clone(),
        None => format!("({more})"),
    };
    let from = match record.from.as_deref() {
        Some("") => "<>",
        Some(from) => from,
        None => "?",
    };
    let reason = record.recipients.first().map(|first| first.reason.clone());
    vec![
        record.queue_id.clone(),
        record.sasl_username.clone().unwrap_or_default(),
        record.client_ip.clone().unwrap_or_default(),
        from.to_owned(),
        to,
        record
            .age
            .map(|age| (age / 3600).to_string())
            .unwrap_or_default(),
        reason.unwrap_or_else(|| "not tried yet".to_owned()),
    ]
}
