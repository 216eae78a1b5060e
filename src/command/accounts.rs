//! `mailsleuth accounts`: every SASL login, how it behaves, and its risk with the reasons.

use anyhow::Result;
use clap::Args;

use super::arguments::Common;
use super::findings::{Investigation, investigate};
use super::{Outcome, outcome, output};
use crate::answer::{Block, Document, Table};
use crate::detect::{self, AccountSeen};
use crate::finding::{Finding, Level, SubjectKind};
use crate::knowledge::Knowledge;
use crate::render::{self, Column, CsvWriter, Format};

/// Every SASL login that succeeded, how it behaves, and its risk with the reasons; the riskiest first.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,

    /// This login only
    #[arg(long, value_name = "LOGIN")]
    account: Vec<String>,

    /// Logins with a finding of this level or above [default: all]
    #[arg(long, value_enum, value_name = "LEVEL")]
    min_level: Option<Level>,

    /// Exit with 1 when a login shown has a finding of this level or above
    #[arg(long, value_enum, value_name = "LEVEL")]
    fail_on: Option<Level>,
}

/// The columns of `accounts --format csv`.
const COLUMNS: &[Column] = &[
    ("sasl_username", "/sasl_username"),
    ("level", "/level"),
    ("score", "/score"),
    ("messages", "/counts/messages"),
    ("recipients", "/counts/recipients"),
    ("deliveries", "/counts/deliveries"),
    ("sent", "/counts/sent"),
    ("deferred", "/counts/deferred"),
    ("bounced", "/counts/bounced"),
    ("expired", "/counts/expired"),
    ("unknown", "/counts/unknown"),
    ("undelivered_share", "/undelivered_share"),
    ("bounce_share", "/bounce_share"),
    ("bounces_received", "/counts/bounces_received"),
    ("logins", "/counts/logins"),
    ("auth_failures", "/counts/auth_failures"),
    ("auth_failure_share", "/auth_failure_share"),
    ("client_ips", "/counts/client_ips"),
    ("networks", "/counts/networks"),
    ("asns", "/counts/asns"),
    ("countries", "/countries"),
    ("envelope_senders", "/counts/envelope_senders"),
    ("first_seen", "/first_seen"),
    ("last_seen", "/last_seen"),
    ("reasons", "/reasons"),
    ("findings", "/findings"),
];

/// A record with its reasons in one cell.
#[derive(serde::Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    account: &'a AccountSeen,
    reasons: String,
}

pub(super) fn run(arguments: Arguments) -> Result<Outcome> {
    let Common { paths, output } = &arguments.common;
    let options = output.options(paths.clone())?;
    let found = investigate(&options, output)?;
    let knowledge = Knowledge::load(&options)?;
    let mut accounts = detect::accounts(&found.tables, &knowledge, &found.log.coverage)?;
    join(&mut accounts, &found.findings);
    sort(&mut accounts);
    let n_all = accounts.len();
    accounts.retain(|account| is_wanted(account, &arguments));
    let coverage = &found.log.coverage;
    match output.format {
        Format::Text | Format::Markdown | Format::Html => {
            output::document(output, &document(&accounts, n_all, &found))?;
        }
        Format::Csv => output::to_output(output, |out| {
            let mut writer = CsvWriter::new(out, COLUMNS)?;
            for account in &accounts {
                let reasons = reasons(account).join("; ");
                writer.record(&Row { account, reasons })?;
            }
            Ok(writer.finish()?)
        })?,
        format @ (Format::Json | Format::Jsonl) => output::to_output(output, |out| {
            render::records(out, format, "accounts", "accounts", &accounts, coverage)?;
            Ok(())
        })?,
    }
    let worst = accounts.iter().filter_map(|account| account.level).max();
    Ok(outcome(coverage, worst, arguments.fail_on))
}

/// What all detectors found about a login counts, not only what its own use tells.
fn join(accounts: &mut [AccountSeen], findings: &[Finding]) {
    for account in accounts {
        let about = findings.iter().filter(|finding| {
            finding.subject.kind == SubjectKind::Account
                && finding
                    .subject
                    .name
                    .eq_ignore_ascii_case(&account.sasl_username)
        });
        for finding in about {
            account.level = account.level.max(Some(finding.level));
            account.score = account.score.max(finding.score);
            account.findings.push(finding.id.clone());
        }
    }
}

/// By risk, then by name.
fn sort(accounts: &mut [AccountSeen]) {
    accounts.sort_by(|a, b| {
        let riskiest = b.level.cmp(&a.level).then(b.score.total_cmp(&a.score));
        riskiest.then_with(|| a.sasl_username.cmp(&b.sasl_username))
    });
}

fn is_wanted(account: &AccountSeen, arguments: &Arguments) -> bool {
    let mut names = arguments.account.iter();
    let is_named = names.any(|name| name.eq_ignore_ascii_case(&account.sasl_username));
    let is_high = arguments
        .min_level
        .is_none_or(|min_level| account.level >= Some(min_level));
    (arguments.account.is_empty() || is_named) && is_high
}

fn document(accounts: &[AccountSeen], n_all: usize, found: &Investigation) -> Document {
    let mut document = Document::default();
    document.paragraph(match accounts.len() {
        n if n == n_all => format!("{n} logins"),
        n => format!("{n} of {n_all} logins"),
    });
    document.table(table(accounts));
    for account in accounts {
        let reasons = reasons(account);
        let about = found.findings.iter();
        let about = about.filter(|finding| account.findings.contains(&finding.id));
        let titles = about.map(|f| format!("{} ({}, finding {})", f.title, f.detector, f.id));
        let told = std::iter::once(behaviour(account));
        let lines: Vec<String> = titles.chain(told).chain(reasons).collect();
        let title = format!("{} (score {:.2})", account.sasl_username, account.score);
        match account.level {
            Some(level) => document.blocks.push(Block::Claim { level, title }),
            None => document.heading(title),
        }
        document.list(lines);
    }
    document
}

fn table(accounts: &[AccountSeen]) -> Table {
    let rows = accounts.iter().map(|account| {
        let counts = &account.counts;
        let number = |count: Option<u64>| count.unwrap_or(0).to_string();
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        vec![
            account.sasl_username.clone(),
            account.level.map_or("-", Level::as_str).to_owned(),
            format!("{:.2}", account.score),
            number(counts.messages),
            number(counts.recipients),
            percent(account.undelivered_share),
            number(counts.networks),
            account.countries.join(" "),
        ]
    });
    Table {
        head: vec![
            "login", "risk", "score", "msgs", "rcpts", "undeliv", "nets", "in",
        ],
        rows: rows.collect(),
        numbers: vec![2, 3, 4, 5, 6],
    }
}

/// What the table has no room for.
fn behaviour(account: &AccountSeen) -> String {
    let n = |count: Option<u64>| count.unwrap_or(0);
    let (counts, percent) = (&account.counts, account.bounce_share * 100.0);
    let (first, last) = (
        account.first_seen.for_people(),
        account.last_seen.for_people(),
    );
    format!(
        "seen from {first} to {last}; envelope senders: {}, bounced: {percent:.0} %, logins: {}, wrong passwords: {}",
        n(counts.envelope_senders),
        n(counts.logins),
        n(counts.auth_failures),
    )
}

/// What speaks for misuse, and against it.
fn reasons(account: &AccountSeen) -> Vec<String> {
    let signals = account.signals.iter();
    let signals = signals.map(|s| format!("{} ({}, weight {:.2})", s.detail, s.name, s.weight));
    let mitigations = account.mitigations.iter();
    let mitigations = mitigations.map(|m| format!("against it: {} ({})", m.detail, m.name));
    signals.chain(mitigations).collect()
}
