//! Tables -> findings: one file for each detector, and the registry.

mod arrivals;
mod backscatter_source;
mod backscatter_victim;
mod compromised_account;
mod counting;
mod credential_attack;
mod dnsbl_failure;
mod locked_out_user;
mod log_integrity;
mod mails;
mod notices;
mod open_relay;
mod passwords;
mod queue_trouble;
mod refusals;
mod rows;
mod score;
mod sender_mismatch;
mod site;
mod spoofed_local_sender;
mod submissions;
mod words;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::correlate::Symbol;
use crate::finding::{Counts, Finding, Level, Mitigation, Signal, Subject, SubjectKind};
use crate::knowledge::Knowledge;
use crate::knowledge::config::Config;
use crate::knowledge::geoip::GeoIp;
use crate::knowledge::remedies::{MASTER_CF, remedies};
use crate::mail::Timestamp;
use crate::read::{Coverage, OwnPart};
use crate::tables::Tables;
use arrivals::Arrival;
pub use compromised_account::risk::AccountSeen;
use site::Site;
use submissions::Submission;

/// A detector: what it asks, how it answers, and its manual. `explain`, the help, docs/detectors.md and
/// the function itself read the same data.
pub struct Detector {
    pub id: &'static str,
    /// As a user would ask it.
    pub question: &'static str,
    pub subject: &'static str,
    pub signals: &'static [SignalKind],
    pub thresholds: &'static [Threshold],
    pub false_positives: &'static str,
    pub remedies: &'static str,
    pub detect: fn(&Context<'_>) -> Result<Vec<Finding>>,
}

/// A kind of fact that speaks for a claim.
pub struct SignalKind {
    pub name: &'static str,
    /// Facts of one group are not independent of each other: several of them count as one kind of reason.
    pub group: &'static str,
    /// 0 to 1: the most that this fact alone can speak for the claim.
    pub weight: f64,
    pub meaning: &'static str,
}

/// A number on which an answer depends. A detector asks [`Context::threshold`] for it: the configuration may
/// have another value.
pub struct Threshold {
    pub name: &'static str,
    pub value: f64,
    pub meaning: &'static str,
}

impl Detector {
    /// A signal with the weight that the manual declares; `facts` is an object of numbers and names.
    fn signal(&self, name: &str, detail: String, facts: Value) -> Option<Signal> {
        let kind = self.signals.iter().find(|kind| kind.name == name)?;
        Some(Signal {
            name: kind.name,
            weight: kind.weight,
            detail,
            facts: match facts {
                Value::Object(facts) => facts,
                _ => serde_json::Map::new(),
            },
        })
    }

    /// The verdict on what speaks for and against; `None` where there is nothing to say.
    fn judge(
        &self,
        signals: Vec<Signal>,
        mitigations: Vec<Mitigation>,
        ongoing_and_large: bool,
    ) -> Option<Judged> {
        let score = score::score(&signals, &mitigations);
        let level = score::level(score, &signals, self.signals, ongoing_and_large)?;
        Some(Judged {
            detector: self.id,
            level,
            score,
            signals,
            mitigations,
        })
    }
}

impl Detector {
    /// The verdict where each signal is enough by itself, for a detector whose signals are of one group.
    fn judge_each(&self, signals: Vec<Signal>, mitigations: Vec<Mitigation>) -> Option<Judged> {
        let score = score::strongest(&signals, &mitigations)?;
        Some(Judged {
            detector: self.id,
            level: score::level_of(score),
            score,
            signals,
            mitigations,
        })
    }

    /// True when its signals are kinds of one reason: each is judged by itself.
    pub fn judges_each(&self) -> bool {
        let first = self.signals.first();
        self.signals
            .iter()
            .all(|kind| first.is_some_and(|first| first.group == kind.group))
    }
}

/// The verdict on a subject, before it is told.
struct Judged {
    detector: &'static str,
    level: Level,
    score: f64,
    signals: Vec<Signal>,
    mitigations: Vec<Mitigation>,
}

impl Judged {
    /// A finding with this verdict; its sentences, numbers and lines are still to be filled in.
    fn about(self, kind: SubjectKind, name: &str) -> Finding {
        Finding {
            id: String::new(),
            detector: self.detector,
            level: self.level,
            score: self.score,
            subject: Subject {
                kind,
                name: name.to_owned(),
            },
            title: String::new(),
            summary: String::new(),
            first_seen: Timestamp::default(),
            last_seen: Timestamp::default(),
            counts: Counts::default(),
            totals: Counts::default(),
            signals: self.signals,
            mitigations: self.mitigations,
            clients: Vec::new(),
            providers: Vec::new(),
            queue_ids: Vec::new(),
            still_queued: Vec::new(),
            caused_by: None,
            evidence: Vec::new(),
            actions: Vec::new(),
            uncertain: Vec::new(),
        }
    }
}

/// What every detector may use.
pub struct Context<'a> {
    tables: &'a Tables,
    geoip: &'a GeoIp,
    config: &'a Config,
    /// The detector that is asked now.
    detector: &'static str,
    coverage: &'a Coverage,
    site: Site,
    /// What each login handed in, in the order of the logins' names.
    by_account: Vec<(Symbol, Vec<Submission>)>,
    /// Passwords judged and mailboxes opened, in log order.
    passwords: Vec<passwords::PasswordTried>,
    /// Notifications that reached a mailbox here.
    notices: Vec<notices::Notice>,
    /// Mail from clients without a login, under a sender of this site or on its way elsewhere.
    arrivals: Vec<Arrival>,
}

impl<'a> Context<'a> {
    fn new(tables: &'a Tables, knowledge: &'a Knowledge, coverage: &'a Coverage) -> Result<Self> {
        let mut site = Site::learn(tables, knowledge)?;
        let arrivals = arrivals::read(tables, &site)?;
        site.learn_networks(tables, &arrivals);
        site.learn_relayed(tables, &arrivals);
        Ok(Self {
            tables,
            geoip: &knowledge.geoip,
            config: &knowledge.config,
            detector: "",
            coverage,
            site,
            arrivals,
            by_account: submissions::by_account(tables)?,
            passwords: passwords::read(tables)?,
            notices: notices::read(tables)?,
        })
    }

    /// A threshold of the detector that is asked: the configuration's value, else the declared one.
    fn threshold(&self, threshold: &Threshold) -> f64 {
        let configured = self.config.thresholds.get(self.detector);
        let configured = configured.and_then(|values| values.get(threshold.name));
        configured.copied().unwrap_or(threshold.value)
    }
}

/// All detectors, in the order in which findings of the same level are shown.
pub const DETECTORS: &[&Detector] = &[
    &compromised_account::DETECTOR,
    &credential_attack::DETECTOR,
    &locked_out_user::DETECTOR,
    &dnsbl_failure::DETECTOR,
    &sender_mismatch::DETECTOR,
    &spoofed_local_sender::DETECTOR,
    &open_relay::DETECTOR,
    &backscatter_victim::DETECTOR,
    &backscatter_source::DETECTOR,
    &queue_trouble::DETECTOR,
    &log_integrity::DETECTOR,
];

/// What the detectors say, and what they took as this server's own.
pub struct Detected {
    pub findings: Vec<Finding>,
    pub own: Vec<OwnPart>,
}

/// Asks every detector; the order of the findings is the registry's.
///
/// # Errors
/// When a table lacks a column, which is a fault of this program.
pub fn detect(tables: &Tables, knowledge: &Knowledge, coverage: &Coverage) -> Result<Detected> {
    let mut context = Context::new(tables, knowledge, coverage)?;
    let mut findings = Vec::new();
    for detector in DETECTORS {
        context.detector = detector.id;
        findings.extend((detector.detect)(&context)?);
    }
    for finding in &mut findings {
        calm_if_trusted(finding, &knowledge.config);
        say_what_stops_it(finding, knowledge);
    }
    Ok(Detected {
        findings,
        own: context.site.parts(),
    })
}

/// Settings of the mail server that would have stopped it, as far as its configuration is known.
fn say_what_stops_it(finding: &mut Finding, knowledge: &Knowledge) {
    let actions = remedies(finding, knowledge.postconf.as_ref());
    if !actions.is_empty() && knowledge.postconf.is_some() {
        finding.uncertain.push(MASTER_CF.to_owned());
    }
    finding.actions.extend(actions);
}

/// Every login with its numbers and what speaks for misuse, by name. Findings are not joined yet.
///
/// # Errors
/// When a table lacks a column, which is a fault of this program.
pub fn accounts(
    tables: &Tables,
    knowledge: &Knowledge,
    coverage: &Coverage,
) -> Result<Vec<AccountSeen>> {
    let mut context = Context::new(tables, knowledge, coverage)?;
    context.detector = compromised_account::DETECTOR.id;
    let mut accounts = compromised_account::risk::accounts(&context)?;
    for account in &mut accounts {
        if knowledge.config.trusts(&account.sasl_username) {
            account.level = account.level.map(|_| Level::Info);
            account.score = account.score.min(score::SAY);
        }
    }
    Ok(accounts)
}

/// What the administrator knows of an account weighs more than any signal, but is not hidden.
fn calm_if_trusted(finding: &mut Finding, config: &Config) {
    if finding.subject.kind == SubjectKind::Account && config.trusts(&finding.subject.name) {
        finding.level = Level::Info;
        finding.score = finding.score.min(score::SAY);
        finding.mitigations.push(Mitigation {
            name: "trusted",
            weight: 1.0,
            detail: "the configuration lists it among trusted_accounts".to_owned(),
        });
    }
}

/// Thresholds of the configuration must be thresholds of a detector.
///
/// # Errors
/// The key that is none.
pub fn check_thresholds(config: &Config) -> Result<()> {
    for (id, values) in &config.thresholds {
        let Some(detector) = DETECTORS.iter().find(|detector| detector.id == id) else {
            bail!("configuration: thresholds.{id}: no detector is called so");
        };
        for name in values.keys() {
            if !detector.thresholds.iter().any(|known| known.name == name) {
                let names: Vec<&str> = detector.thresholds.iter().map(|known| known.name).collect();
                let names = names.join(", ");
                bail!(
                    "configuration: thresholds.{id}.{name}: no threshold is called so; there are: {names}"
                );
            }
        }
    }
    Ok(())
}
