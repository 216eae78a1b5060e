//! One login and all that it did, by the places from which it was used.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};

use super::guesses::Guess;
use super::machines;
use super::misuse;
use super::neighbourhood::{LoginOf, Neighbourhood, PlaceKey};
use super::traffic::{peak_per_hour, share, undelivered};
use super::{
    BULK_FACTOR, BULK_PER_HOUR, FORGED_SHARE, MIN_RECIPIENTS, UNDELIVERED_FACTOR, UNDELIVERED_SHARE,
};
use crate::correlate::{Strings, Symbol};
use crate::detect::Context;
use crate::detect::submissions::{Submission, ip_of};
use crate::knowledge::geoip::Country;
use crate::knowledge::places::Network;
use crate::mail::Address;

/// Where nearly everybody's mail is stuck, nearly all of an account's has to be.
const MAX_UNDELIVERED_NEEDED: f64 = 0.9;

/// One network from which a login is used.
pub(super) struct Place<'a> {
    pub(super) key: PlaceKey,
    pub(super) country: Option<Country>,
    pub(super) submissions: Vec<&'a Submission>,
    pub(super) logins: Vec<LoginOf>,
    /// What failed in its networks before the login's first success there.
    pub(super) guesses: Vec<Guess>,
}

/// One login and all that it did.
pub(super) struct Account<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) neighbourhood: &'a Neighbourhood,
    pub(super) login: Symbol,
    pub(super) name: &'a str,
    pub(super) submissions: &'a [Submission],
    /// By first use; two can have the same key, where one machine of a network stands out.
    pub(super) places: Vec<Place<'a>>,
}

impl Place<'_> {
    /// When it was used, by mail and by mailbox; in no order.
    pub(super) fn moments(&self) -> impl Iterator<Item = i64> + '_ {
        let sent = self.submissions.iter().map(|s| s.seen.micros);
        sent.chain(self.logins.iter().map(|login| login.seen.micros))
    }

    pub(super) fn first_use(&self) -> Option<i64> {
        self.moments().min()
    }

    /// True when the mailbox is opened from there as well.
    pub(super) fn is_read_from(&self) -> bool {
        self.n_opened() > 0
    }

    /// How often the mailbox was opened from there.
    pub(super) fn n_opened(&self) -> usize {
        self.logins
            .iter()
            .filter(|login| login.opens_mailbox)
            .count()
    }

    /// The addresses from which it was used.
    pub(super) fn client_ips(&self) -> impl Iterator<Item = Symbol> + '_ {
        let sent = self.submissions.iter().filter_map(|s| s.client_ip);
        sent.chain(self.logins.iter().filter_map(|login| login.client_ip))
    }
}

impl<'a> Account<'a> {
    pub(super) fn new(
        context: &'a Context<'a>,
        neighbourhood: &'a Neighbourhood,
        login: Symbol,
        submissions: &'a [Submission],
    ) -> Self {
        let mut account = Self {
            context,
            neighbourhood,
            login,
            name: context.tables.strings.get(login),
            submissions,
            places: Vec::new(),
        };
        let opened = neighbourhood.logins.get(&login);
        let mut numbers = HashMap::new();
        for submission in submissions {
            let place = account.place_mut(&mut numbers, submission.client_ip);
            place.submissions.push(submission);
        }
        for opened in opened.into_iter().flatten() {
            let place = account.place_mut(&mut numbers, opened.client_ip);
            place.logins.push(*opened);
        }
        add_guesses(&mut account);
        machines::set_apart(&mut account);
        account
    }

    pub(super) fn strings(&self) -> &'a Strings {
        &self.context.tables.strings
    }

    pub(super) fn ip(&self, client_ip: Option<Symbol>) -> Option<IpAddr> {
        ip_of(self.strings(), client_ip)
    }

    fn place_mut(
        &mut self,
        numbers: &mut HashMap<PlaceKey, usize>,
        client_ip: Option<Symbol>,
    ) -> &mut Place<'a> {
        let spot = self.neighbourhood.known_spot(client_ip);
        let next = self.places.len();
        let index = *numbers.entry(spot.key).or_insert(next);
        if index == next {
            self.places.push(Place {
                key: spot.key,
                country: spot.country,
                submissions: Vec::new(),
                logins: Vec::new(),
                guesses: Vec::new(),
            });
        }
        &mut self.places[index]
    }

    /// True when the envelope sender is in a domain that is neither the login's nor this server's.
    pub(super) fn is_forged(&self, submission: &Submission) -> bool {
        self.foreign_domain(submission).is_some()
    }

    /// The sender's domain, when it is foreign.
    pub(super) fn foreign_domain(&self, submission: &Submission) -> Option<String> {
        let from = submission
            .from
            .filter(|from| !self.neighbourhood.is_own_sender(*from))?;
        let from = Address(self.strings().get(from));
        let domain = from.domain()?.to_ascii_lowercase();
        let logins_own = Address(self.name).domain().map(str::to_ascii_lowercase);
        let own = logins_own.as_deref() == Some(&domain)
            || from.0.eq_ignore_ascii_case(self.name)
            || self.context.site.is_own_host(&domain)
            || self.neighbourhood.is_sister(&domain)
            || self
                .context
                .site
                .may_send_as(self.context.config, self.name, from);
        (!own).then_some(domain)
    }

    /// Mail that is forged, undelivered or bulk.
    pub(super) fn is_strange(&self, mail: &[&Submission]) -> bool {
        let forged = mail.iter().filter(|s| self.is_forged(s)).count();
        let forges =
            mail.len() >= 3 && share(forged, mail.len()) >= self.context.threshold(&FORGED_SHARE);
        forges || self.is_undelivered(mail) || self.is_bulk(mail)
    }

    /// True when much more of it fails than of other people's mail in the same logs.
    pub(super) fn is_undelivered(&self, mail: &[&Submission]) -> bool {
        let (failed, all) = undelivered(mail.iter().copied());
        let usual =
            self.context.threshold(&UNDELIVERED_FACTOR) * self.neighbourhood.usual_undelivered;
        let needed = self
            .context
            .threshold(&UNDELIVERED_SHARE)
            .max(usual.min(MAX_UNDELIVERED_NEEDED));
        all as f64 >= self.context.threshold(&MIN_RECIPIENTS) && share(failed, all) >= needed
    }

    fn is_bulk(&self, mail: &[&Submission]) -> bool {
        let peak = peak_per_hour(mail.iter().copied());
        // The peak of what is elsewhere needs no look where this is not bulk at all.
        if (peak as f64) < self.context.threshold(&BULK_PER_HOUR) {
            return false;
        }
        // Several places of a thief must not make each other ordinary: home is the measure.
        let here: HashSet<u32> = mail.iter().map(|s| s.number).collect();
        let home = misuse::home(self, &[]).map(|home| &self.places[home].submissions);
        let at_home = home.into_iter().flatten();
        let elsewhere = at_home.filter(|s| !here.contains(&s.number)).copied();
        let all = peak_per_hour(self.submissions.iter());
        let usual = peak_per_hour(elsewhere).max(self.neighbourhood.usual_peak(all));
        peak as f64 >= self.context.threshold(&BULK_FACTOR) * usual.max(1) as f64
    }
}

/// Looks up what failed in the networks of each place before the login's first success there.
fn add_guesses(account: &mut Account<'_>) {
    let (strings, guesses) = (account.strings(), &account.neighbourhood.guesses);
    for place in &mut account.places {
        let ips: HashSet<Symbol> = place.client_ips().collect();
        let networks = ips.iter().filter_map(|ip| ip_of(strings, Some(*ip)));
        let networks: BTreeSet<Network> = networks.map(Network::of).collect();
        let before = |network| guesses.before(network, account.login);
        place.guesses = networks.into_iter().filter_map(before).collect();
    }
}
