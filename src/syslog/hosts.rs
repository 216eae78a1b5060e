//! The wall clocks of hosts: each has a zone, proven by its own lines where possible.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::Serialize;

use super::evidence::Proof;
use super::head::{Head, HeadProof};
use super::zone::{WallClock, Zone};

/// So many proofs in a row of another offset change a host's zone: daylight saving began or ended.
const ENOUGH_CONTRARY: u32 = 2;
/// Hosts told apart.
const MAX_HOSTS: usize = 10_000;

/// The zone of a host whose lines don't tell their offset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostZone {
    pub host: String,
    pub zone: String,
    pub because: String,
}

/// All hosts met so far.
#[derive(Debug)]
pub(super) struct Hosts {
    /// `--timezone`.
    given: Option<Zone>,
    system_zone: Zone,
    /// For each source what its head proves of each host.
    proven: Vec<BTreeMap<String, Offset>>,
    places: HashMap<String, usize>,
    hosts: Vec<Host>,
    /// Place of the host of the last line.
    recent: usize,
    /// The heads of the sources name different hosts.
    differ_in_heads: bool,
}

/// An offset, a moment at which a clock had it, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Offset {
    minutes: i16,
    utc: i64,
    because: String,
    /// By a queue ID or message-id, not by another line's offset: containers write UTC beside local time.
    is_proven: bool,
}

#[derive(Debug)]
pub(super) struct Host {
    name: String,
    pub(super) clock: WallClock,
    because: String,
    /// A line without an offset was met.
    pub(super) is_used: bool,
    /// The hour (of its wall clock) of the last proof that agreed.
    pub(super) checked_hour: i64,
    /// An offset that proofs showed against the zone, and how many in a row.
    contrary: (i16, u32),
}

impl Hosts {
    /// `heads` are those of the sources, in their order.
    pub(super) fn new(given: Option<Zone>, system_zone: Zone, heads: &[Head]) -> Self {
        Self {
            given,
            system_zone,
            proven: heads.iter().map(proven_offsets).collect(),
            places: HashMap::new(),
            hosts: Vec::new(),
            recent: usize::MAX,
            differ_in_heads: heads
                .iter()
                .any(|head| head.is_mixed || (!head.host.is_empty() && head.host != heads[0].host)),
        }
    }

    pub(super) fn are_several(&self) -> bool {
        self.differ_in_heads || self.hosts.len() > 1
    }

    /// The next lines are of this source: what its head proves is true from its first line on.
    pub(super) fn start_source(&mut self, source: usize) {
        if self.given.is_some() {
            return;
        }
        let offsets = self.proven.get(source).cloned().unwrap_or_default();
        for (name, offset) in offsets {
            let zone = zone_for(&offset, self.system_zone);
            let place = self.places.get(&name);
            match place.and_then(|&place| self.hosts.get_mut(place)) {
                Some(host) if host.clock.zone.offset_at(offset.utc) != offset.minutes => {
                    host.follow(zone, &offset.because);
                }
                Some(_) => {}
                None => {
                    self.add(&name, zone, offset.because);
                }
            }
        }
    }

    /// The host of a line.
    pub(super) fn get(&mut self, name: &str) -> &mut Host {
        let place = self.place(name);
        self.at(place)
    }

    /// The host at a place that [`Self::place`] gave.
    pub(super) fn at(&mut self, place: usize) -> &mut Host {
        &mut self.hosts[place]
    }

    /// The place of a line's host; mostly that of the line before.
    pub(super) fn place(&mut self, name: &str) -> usize {
        let recent = self.hosts.get(self.recent);
        if recent.is_none_or(|host| host.name != name) {
            self.recent = match self.places.get(name) {
                Some(&place) => place,
                None => {
                    let (zone, because) = self.unproven_zone();
                    self.add(name, zone, because)
                }
            };
        }
        self.recent
    }

    fn add(&mut self, name: &str, zone: Zone, because: String) -> usize {
        // Only a hostile log has so many; the rest share the clock of the last one.
        if self.hosts.len() >= MAX_HOSTS {
            return self.hosts.len() - 1;
        }
        self.hosts.push(Host {
            name: name.to_owned(),
            clock: WallClock::new(zone),
            because,
            is_used: false,
            checked_hour: i64::MIN,
            contrary: (0, 0),
        });
        let place = self.hosts.len() - 1;
        self.places.insert(name.to_owned(), place);
        place
    }

    /// The zone of a host about which the logs are silent so far.
    fn unproven_zone(&self) -> (Zone, String) {
        if let Some(zone) = self.given {
            return (zone, "--timezone".to_owned());
        }
        // Most sites have one zone.
        let proven = self.proven.iter().flatten();
        match proven.into_iter().find(|(_, offset)| offset.is_proven) {
            Some((other, offset)) => {
                let because = format!("as on {other}; no line of this host proves it");
                (zone_for(offset, self.system_zone), because)
            }
            None => {
                let because = "the zone of this computer; no line proves it".to_owned();
                (self.system_zone, because)
            }
        }
    }

    /// Holds a proof against the zone of a host, and follows it when it stays.
    pub(super) fn check(&mut self, name: &str, local: i64, proof: &Proof, minutes: i16) {
        let (given, system_zone) = (self.given, self.system_zone);
        let host = self.get(name);
        if minutes == host.clock.zone.offset_at(proof.utc) || given.is_some() {
            host.checked_hour = local.div_euclid(3600);
            host.contrary = (minutes, 0);
            return;
        }
        let (contrary, n_times) = host.contrary;
        host.contrary = (minutes, if contrary == minutes { n_times + 1 } else { 1 });
        if host.contrary.1 >= ENOUGH_CONTRARY {
            let because = format!("{} {}", proof.kind.as_str(), proof.id);
            let offset = Offset {
                minutes,
                utc: proof.utc,
                because,
                is_proven: true,
            };
            host.follow(zone_for(&offset, system_zone), &offset.because);
        }
    }

    /// Zone of each host that needed one, in the order in which they were met.
    pub(super) fn zones(&self) -> Vec<HostZone> {
        let used = self.hosts.iter().filter(|host| host.is_used);
        used.map(|host| HostZone {
            host: host.name.clone(),
            zone: host.clock.zone.to_string(),
            because: host.because.clone(),
        })
        .collect()
    }
}

impl Host {
    fn follow(&mut self, zone: Zone, because: &str) {
        self.because = format!("{because}; before it was {}", self.clock.zone);
        self.clock.set_zone(zone);
        self.contrary = (0, 0);
    }
}

/// This computer's zone if it has the offset at that moment: then daylight saving is known as well.
fn zone_for(offset: &Offset, system_zone: Zone) -> Zone {
    if system_zone.offset_at(offset.utc) == offset.minutes {
        system_zone
    } else {
        Zone::Fixed(offset.minutes)
    }
}

/// For each host the offset that most lines in the head of a source prove.
fn proven_offsets(head: &Head) -> BTreeMap<String, Offset> {
    let mut by_host: BTreeMap<&str, Vec<&HeadProof>> = BTreeMap::new();
    for proof in head.proofs.iter().filter(|p| p.proof.kind.tells_offset()) {
        by_host.entry(&proof.host).or_default().push(proof);
    }
    let mut proven = BTreeMap::new();
    for (host, proofs) in by_host {
        let count = |offset| proofs.iter().filter(|p| p.offset_minutes == offset).count();
        // On a tie the earlier one.
        let Some(best) = proofs.iter().rev().max_by_key(|p| count(p.offset_minutes)) else {
            continue;
        };
        let (kind, id) = (best.proof.kind.as_str(), &best.proof.id);
        let offset = Offset {
            minutes: best.offset_minutes,
            utc: best.proof.utc,
            because: format!("{kind} {id} on line {}", best.line),
            is_proven: true,
        };
        proven.insert(host.to_owned(), offset);
    }
    if let Some(neighbor) = head.neighbor.as_ref().filter(|n| !n.host.is_empty()) {
        proven
            .entry(neighbor.host.clone())
            .or_insert_with(|| Offset {
                minutes: neighbor.time.offset_minutes,
                utc: neighbor.time.seconds(),
                because: format!("line {} has an offset, {}", neighbor.line, neighbor.time),
                is_proven: false,
            });
    }
    proven
}
