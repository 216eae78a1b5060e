//! `mailsleuth trace`: what happened to a message, an address, a login, a client.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use hashbrown::HashSet;

use super::arguments::Output;
use super::selection::{Selection, Term};
use super::story::{Story, choose, reconstruct, write_records};
use super::timeline::{self, Sources};
use super::{Outcome, outcome, output};
use crate::answer::message_record::is_queue_file_of;
use crate::answer::{Document, Table};
use crate::knowledge::postcat::{self, QueueFile};
use crate::mail::Timestamp;
use crate::render::{Format, evidence};

/// The envelope stands in the first kilobytes of a queue file; the contents are not read.
const MAX_QUEUE_FILE_BYTES: u64 = 1 << 20;

/// What happened to a message, an address, a login, a client: timelines with relatives and raw lines.
///
/// A term is told apart by its shape: a queue ID, a <message-id>, user@domain, @domain, an IP address or
/// network, otherwise a login. Arguments that are files or directories, or `-`, are read as logs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Terms, then logs
    #[arg(value_name = "TERM|PATH")]
    words: Vec<String>,

    #[command(flatten)]
    selection: Selection,

    /// Output of `postcat -vq ID`, joined to the log by its queue ID; `-`: standard input
    #[arg(long, value_name = "FILE")]
    postcat: Vec<PathBuf>,

    /// The raw lines instead of words
    #[arg(long)]
    lines: bool,

    /// Families of messages to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,

    #[command(flatten)]
    output: Output,
}

pub(super) fn run(arguments: Arguments) -> Result<Outcome> {
    let output = arguments.output;
    let is_path = |word: &String| word == "-" || std::path::Path::new(word).exists();
    let (paths, terms): (Vec<String>, Vec<String>) = arguments.words.into_iter().partition(is_path);
    let looks_like_path =
        |word: &&String| word.contains('/') && word.parse::<ipnet::IpNet>().is_err();
    if let Some(missing) = terms.iter().find(looks_like_path) {
        bail!("{missing}: no such file or directory");
    }
    let mut terms = arguments.selection.terms(&terms)?;
    let queue_files = read_queue_files(&arguments.postcat)?;
    terms.extend(
        queue_files
            .iter()
            .map(|file| Term::QueueId(file.queue_id.clone())),
    );
    if terms.is_empty() {
        bail!("trace what? Give a queue ID, a <message-id>, an address, a client or a login");
    }
    let paths = paths.into_iter().map(Into::into).collect();
    output.refuse_csv()?;
    let options = output.options(paths)?;
    let mut story = reconstruct(&options, &output)?;
    let matching = choose(&story, &options, &terms);
    let families = families(&story, &matching);
    match output.format {
        Format::Text | Format::Html | Format::Markdown => {
            let asked = Asked {
                limit: arguments.limit,
                raw_lines: arguments.lines,
                queue_files,
            };
            let document = document(&mut story, &matching, &families, &asked);
            output::document(&output, &document)?;
        }
        format @ (Format::Json | Format::Jsonl | Format::Csv) => {
            let mut members: Vec<u32> = families.iter().flatten().map(|(n, _)| *n).collect();
            members.sort_unstable();
            write_records(&mut story, &output, format, "trace", &members, &queue_files)?;
        }
    }
    Ok(outcome(&story.log.coverage, None, None))
}

type Family = Vec<(u32, usize)>;

/// The families of the messages, each once, in the order of the log.
fn families(story: &Story, matching: &[u32]) -> Vec<Family> {
    let mut told = HashSet::new();
    let mut families = Vec::new();
    for number in matching {
        if !told.contains(number) {
            let family = story.messages.lineage.family(*number);
            told.extend(family.iter().map(|(number, _)| *number));
            families.push(family);
        }
    }
    families
}

/// What of the families is to be shown, and how.
struct Asked {
    limit: usize,
    raw_lines: bool,
    queue_files: Vec<QueueFile>,
}

fn document(story: &mut Story, matching: &[u32], families: &[Family], asked: &Asked) -> Document {
    let mut document = Document::default();
    let (n_messages, n_families, limit) = (matching.len(), families.len(), asked.limit);
    document.paragraph(match n_messages {
        0 => "No message of these logs matches.".to_owned(),
        1 => "One message matches.".to_owned(),
        _ => format!("{n_messages} messages match, of {n_families} families."),
    });
    if n_families > limit {
        document.table(summary(story, matching));
        document.paragraph(format!(
            "The first {limit} families follow; --limit shows more."
        ));
    }
    let shown = families.iter().take(limit);
    let wanted = shown
        .clone()
        .flatten()
        .filter_map(|(number, _)| story.messages.find(*number))
        .flat_map(timeline::shown_events)
        .map(|seen| seen.at)
        .collect();
    let texts = evidence::fetch(&mut story.log, wanted);
    let file_names = story.log.file_names();
    let sources = Sources {
        messages: &story.messages,
        texts: &texts,
        file_names: &file_names,
        raw_lines: asked.raw_lines,
    };
    for (number, depth) in shown.flatten() {
        if let Some(message) = story.messages.find(*number) {
            let strings = &story.messages.strings;
            let is_its = |file: &&QueueFile| is_queue_file_of(file, message, strings);
            let queue_file = asked.queue_files.iter().find(is_its);
            timeline::add(&mut document, &sources, message, *depth, queue_file);
        }
    }
    for file in &asked.queue_files {
        let is_known = |number: &u32| {
            let message = story.messages.find(*number);
            let strings = &story.messages.strings;
            message.is_some_and(|message| is_queue_file_of(file, message, strings))
        };
        if !matching.iter().any(is_known) {
            timeline::add_unknown(&mut document, file);
        }
    }
    document
}

/// Many matches, by what became of them.
fn summary(story: &Story, matching: &[u32]) -> Table {
    let mut by_state: BTreeMap<&str, (u64, Vec<Timestamp>)> = BTreeMap::new();
    for message in matching
        .iter()
        .filter_map(|number| story.messages.find(*number))
    {
        let (count, moments) = by_state.entry(message.state().as_str()).or_default();
        *count += 1;
        moments.extend([message.first_seen, message.last_seen]);
    }
    let rows = by_state.into_iter().map(|(state, (count, moments))| {
        let shown = |moment: Option<&Timestamp>| moment.map(|m| m.for_people()).unwrap_or_default();
        let (first, last) = (shown(moments.iter().min()), shown(moments.iter().max()));
        vec![state.to_owned(), count.to_string(), first, last]
    });
    Table {
        head: vec!["state", "messages", "first", "last"],
        rows: rows.collect(),
        numbers: vec![1],
    }
}

fn read_queue_files(paths: &[PathBuf]) -> Result<Vec<QueueFile>> {
    let read = |path: &PathBuf| -> Result<QueueFile> {
        let mut bytes = Vec::new();
        let mut head: Box<dyn Read> = if path.as_os_str() == "-" {
            Box::new(std::io::stdin().lock())
        } else {
            Box::new(std::fs::File::open(path)?)
        };
        head.by_ref()
            .take(MAX_QUEUE_FILE_BYTES)
            .read_to_end(&mut bytes)?;
        postcat::parse(&String::from_utf8_lossy(&bytes))
    };
    let files = paths
        .iter()
        .map(|path| read(path).with_context(|| format!("{}", path.display())));
    files.collect()
}
