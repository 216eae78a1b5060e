//! Whether a client may send under its sender's domain, as SPF and DMARC say: OpenDMARC, policyd-spf.

use hashbrown::HashMap;

use super::observe::Place;
use super::{Correlator, Symbol};
use crate::event::Verdict;
use crate::mail::Address;
use crate::read::Record;

/// What was said of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Proof {
    /// Nothing, or nothing that decides.
    #[default]
    Unknown,
    Pass,
    Fail,
}

impl Proof {
    /// All of them, in the order of their numbers in the tables.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Pass, Self::Fail];

    fn of(word: &str) -> Self {
        match word {
            "pass" | "Pass" => Self::Pass,
            "fail" | "Fail" | "softfail" | "Softfail" => Self::Fail,
            _ => Self::Unknown,
        }
    }
}

/// Pairs of client and sender that wait for their message; the oldest are forgotten when there are more.
const MAX_WAITING: usize = 20_000;

/// What a policy server said of a client (address) and an envelope sender, before their message was accepted.
pub(super) type Proofs = HashMap<(Symbol, Symbol), Proof>;

impl Correlator {
    /// A milter or policy server has judged; what it says of a message's sender is kept.
    pub(super) fn verdict(&mut self, record: &Record<'_>, place: Place, verdict: &Verdict<'_>) {
        let program = record.program.rsplit('/').next().unwrap_or_default();
        if let Some(queue_id) = verdict.queue_id {
            let Some(slot) = self.find_somewhere(place, queue_id) else {
                return;
            };
            self.touch(record, slot);
            let proof = (program == "opendmarc").then(|| by_dmarc(verdict.text));
            if let Some(proof @ (Proof::Pass | Proof::Fail)) = proof {
                self.store.get_mut(slot).proof = proof;
            }
        } else if let Some((client_ip, from, proof)) = by_spf(program, verdict.text) {
            if self.proofs.len() >= MAX_WAITING {
                self.proofs.clear();
            }
            let strings = &mut self.told.strings;
            let pair = (strings.intern(client_ip), strings.intern(from.0));
            self.proofs.insert(pair, proof);
        }
    }

    /// What was said of the client and the sender before.
    pub(super) fn proof_of(&self, client_ip: Option<Symbol>, from: Option<Symbol>) -> Proof {
        let pair = client_ip.zip(from);
        let said = pair.and_then(|pair| self.proofs.get(&pair));
        said.copied().unwrap_or_default()
    }
}

/// opendmarc(8): `example.com fail`. What it says of SPF alone (`SPF(mailfrom): example.com pass`) decides nothing.
fn by_dmarc(text: &str) -> Proof {
    match text.split_once(' ') {
        Some((domain, word)) if !domain.contains('(') => Proof::of(word),
        _ => Proof::Unknown,
    }
}

/// policyd-spf: `prepend Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=…; helo=…; envelope-from=…; receiver=…`,
/// older `Pass; identity=mailfrom; client-ip=…`.
fn by_spf<'a>(program: &str, text: &'a str) -> Option<(&'a str, Address<'a>, Proof)> {
    if !program.contains("spf") {
        return None;
    }
    let text = text.strip_prefix("prepend ").unwrap_or(text);
    let text = text.strip_prefix("Received-SPF: ").unwrap_or(text);
    let (result, rest) = text.split_once([' ', ';'])?;
    let proof = Proof::of(result);
    let (_, rest) = rest.split_once("identity=mailfrom; client-ip=")?;
    let (client_ip, rest) = rest.split_once("; helo=")?;
    // The client chose its HELO and its sender: what could be read in two ways is not believed.
    let mut parts = rest.split("; envelope-from=");
    let (_, from) = (parts.next()?, parts.next()?);
    let (from, _) = from.split_once("; receiver=")?;
    let is_plain = parts.next().is_none() && !from.contains(['"', ' ', ';']);
    let from = from.trim_matches(['<', '>']);
    (is_plain && proof != Proof::Unknown).then_some((client_ip, Address(from), proof))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spf_is_read_unless_it_can_be_read_in_two_ways() {
        let said = |text| by_spf("policyd-spf", text).map(|(ip, from, proof)| (ip, from.0, proof));
        let text = "prepend Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.1; helo=h; envelope-from=a@example.com; receiver=<UNKNOWN> ";
        assert_eq!(
            said(text),
            Some(("192.0.2.1", "a@example.com", Proof::Pass))
        );
        let text = "Softfail; identity=mailfrom; client-ip=192.0.2.1; helo=h; envelope-from=a@example.com; receiver=b@example.com";
        assert_eq!(
            said(text),
            Some(("192.0.2.1", "a@example.com", Proof::Fail))
        );
        for text in [
            "None; identity=mailfrom; client-ip=192.0.2.1; helo=h; envelope-from=a@example.com; receiver=b@example.com",
            "Pass; identity=mailfrom; client-ip=192.0.2.1; helo=h; envelope-from=a@example.com; receiver=b; envelope-from=x@example.net; receiver=b",
            "Pass; identity=helo; client-ip=192.0.2.1; helo=h; envelope-from=a@example.com; receiver=b",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
        assert!(by_spf("postgrey", text).is_none());
    }

    #[test]
    fn dmarc_decides_by_its_own_word() {
        assert_eq!(by_dmarc("example.com fail"), Proof::Fail);
        assert_eq!(by_dmarc("example.com pass"), Proof::Pass);
        assert_eq!(by_dmarc("example.com none"), Proof::Unknown);
        assert_eq!(by_dmarc("SPF(mailfrom): example.com pass"), Proof::Unknown);
    }
}
