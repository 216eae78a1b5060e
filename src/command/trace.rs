//! `mailsleuth trace`: what happened to a message, an address, a login, a client.

use anyhow::{Result, bail};
use clap::Args;
use hashbrown::HashSet;

use super::arguments::Output;
use super::messages::{Story, choose, reconstruct, write_records};
use super::selection::Selection;
use super::{Outcome, outcome, output, timeline};
use crate::answer::Document;
use crate::render::{Format, evidence};

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
    let terms = arguments.selection.terms(&terms)?;
    if terms.is_empty() {
        bail!("trace what? Give a queue ID, a <message-id>, an address, a client or a login");
    }
    let paths = paths.into_iter().map(Into::into).collect();
    let options = output.options(paths)?;
    let mut story = reconstruct(&options, &output)?;
    let matching = choose(&story, &options, &terms);
    let families = families(&story, &matching);
    match output.format {
        Format::Text | Format::Markdown => {
            let document = document(&mut story, &matching, &families, arguments.limit);
            output::document(&output, &document)?;
        }
        format @ (Format::Json | Format::Jsonl) => {
            let mut members: Vec<u32> = families.iter().flatten().map(|(n, _)| *n).collect();
            members.sort_unstable();
            write_records(&mut story, &output, format, "trace", &members)?;
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

fn document(story: &mut Story, matching: &[u32], families: &[Family], limit: usize) -> Document {
    let mut document = Document::default();
    let (n_messages, n_families) = (matching.len(), families.len());
    document.paragraph(match n_messages {
        0 => "No message of these logs matches.".to_owned(),
        _ => format!("{n_messages} matching messages in {n_families} families."),
    });
    if n_families > limit {
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
    let names = story.log.file_names();
    for family in shown {
        for (number, depth) in family {
            if let Some(message) = story.messages.find(*number) {
                timeline::add(
                    &mut document,
                    &story.messages,
                    message,
                    *depth,
                    &texts,
                    &names,
                );
            }
        }
    }
    document
}
