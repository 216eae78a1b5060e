//! Tables -> findings: one file for each detector, and the registry.

mod backscatter_victim;
mod compromised_account;
mod counting;
mod notices;
mod score;
mod submissions;

use anyhow::Result;

use crate::finding::Finding;
use crate::knowledge::geoip::GeoIp;
use crate::tables::Tables;

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

/// A number on which an answer depends.
pub struct Threshold {
    pub name: &'static str,
    pub value: f64,
    pub meaning: &'static str,
}

/// What every detector may use.
pub struct Context<'a> {
    tables: &'a Tables,
    geoip: &'a GeoIp,
    /// Notifications that reached a mailbox here.
    notices: Vec<notices::Notice>,
}

/// All detectors, in the order in which findings of the same level are shown.
pub const DETECTORS: &[&Detector] = &[
    &compromised_account::DETECTOR,
    &backscatter_victim::DETECTOR,
];

/// Asks every detector; the order of the findings is the registry's.
///
/// # Errors
/// When a table lacks a column, which is a fault of this program.
pub fn detect(tables: &Tables, geoip: &GeoIp) -> Result<Vec<Finding>> {
    let context = Context {
        tables,
        geoip,
        notices: notices::read(tables)?,
    };
    let mut findings = Vec::new();
    for detector in DETECTORS {
        findings.extend((detector.detect)(&context)?);
    }
    Ok(findings)
}
