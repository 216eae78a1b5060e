//! One login: its places, which of them is home, and which part of its mail is not the owner's.

use hashbrown::HashSet;

use super::names;
use super::neighbourhood::{LoginOf, Neighbourhood, PlaceKey};
use super::traffic::{DAY_MICROS, peak_per_hour, share, undelivered};
use super::{
    BULK_FACTOR, BULK_PER_HOUR, FORGED_SHARE, MANY_PLACES, MIN_RECIPIENTS, UNDELIVERED_SHARE,
};
use crate::correlate::{Strings, Symbol};
use crate::detect::Context;
use crate::detect::submissions::Submission;
use crate::knowledge::geoip::Country;
use crate::mail::Address;

/// One network from which a login is used.
pub(super) struct Place<'a> {
    pub(super) key: PlaceKey,
    pub(super) country: Option<Country>,
    pub(super) submissions: Vec<&'a Submission>,
    pub(super) mailbox_logins: Vec<LoginOf>,
}

/// One login and all that it did.
pub(super) struct Account<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) neighbourhood: &'a Neighbourhood,
    pub(super) login: Symbol,
    pub(super) name: &'a str,
    pub(super) submissions: &'a [Submission],
    /// By first use.
    pub(super) places: Vec<Place<'a>>,
}

/// The part of an account's mail that is held to be somebody else's.
pub(super) struct Misuse<'a> {
    pub(super) submissions: Vec<&'a Submission>,
    /// The rest: the owner's, as far as the log tells.
    pub(super) owners: Vec<&'a Submission>,
    /// Indexes of the places, in the order of the account's.
    pub(super) places: Vec<usize>,
    pub(super) home: Option<usize>,
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
        for submission in submissions {
            account
                .place_mut(submission.client_ip)
                .submissions
                .push(submission);
        }
        let opened = neighbourhood.mailbox_logins.get(&login);
        for opened in opened.into_iter().flatten() {
            account
                .place_mut(opened.client_ip)
                .mailbox_logins
                .push(*opened);
        }
        account
    }

    pub(super) fn strings(&self) -> &'a Strings {
        &self.context.tables.strings
    }

    fn place_mut(&mut self, client_ip: Option<Symbol>) -> &mut Place<'a> {
        let spot = self.neighbourhood.known_spot(client_ip);
        let known = self.places.iter().position(|place| place.key == spot.key);
        let index = known.unwrap_or_else(|| {
            self.places.push(Place {
                key: spot.key,
                country: spot.country,
                submissions: Vec::new(),
                mailbox_logins: Vec::new(),
            });
            self.places.len() - 1
        });
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
            || self.context.site.is_own_host(&domain);
        (!own).then_some(domain)
    }

    /// Finds what is not the owner's; `None` where nothing looks like it.
    pub(super) fn misuse(&self) -> Option<Misuse<'a>> {
        let sends = |place: &Place<'_>| !place.submissions.is_empty();
        let outside = |place: &Place<'_>| place.key != PlaceKey::Private;
        let indexes = || (0..self.places.len()).filter(|index| sends(&self.places[*index]));
        let strange: Vec<usize> = indexes()
            .filter(|index| self.is_strange(&self.places[*index]))
            .collect();
        let everywhere =
            self.n_places_within_a_day() as f64 >= self.context.threshold(&MANY_PLACES);
        let home = self.home(&strange);
        let not_home = |index: &usize| Some(*index) != home && outside(&self.places[*index]);
        let places: Vec<usize> = if names::is_system(self.name) {
            indexes()
                .filter(|index| outside(&self.places[*index]))
                .collect()
        } else if everywhere {
            indexes().filter(not_home).collect()
        } else {
            let foreign = |index: &usize| not_home(index) && self.is_foreign_to(home, *index);
            let accomplices = indexes().filter(|index| !strange.is_empty() && foreign(index));
            let mut places: Vec<usize> = strange.iter().copied().chain(accomplices).collect();
            places.sort_unstable();
            places.dedup();
            places
        };
        if places.is_empty() {
            return None;
        }
        let numbers: HashSet<u32> = places
            .iter()
            .flat_map(|index| &self.places[*index].submissions)
            .map(|submission| submission.number)
            .collect();
        let (misused, owners) = self
            .submissions
            .iter()
            .partition(|submission| numbers.contains(&submission.number));
        Some(Misuse {
            submissions: misused,
            owners,
            places,
            home,
        })
    }

    /// The place that is most likely the owner's: used on most days, for reading mail as well.
    fn home(&self, strange: &[usize]) -> Option<usize> {
        let candidates = (0..self.places.len()).filter(|index| !strange.contains(index));
        candidates.max_by_key(|index| {
            let place = &self.places[*index];
            let opened = place.mailbox_logins.iter().map(|login| login.micros);
            let sent = place.submissions.iter().map(|s| s.seen.micros);
            let days: HashSet<i64> = opened
                .chain(sent)
                .map(|t| t.div_euclid(DAY_MICROS))
                .collect();
            let uses = place.mailbox_logins.len() + place.submissions.len();
            (days.len(), uses, std::cmp::Reverse(*index))
        })
    }

    fn is_foreign_to(&self, home: Option<usize>, index: usize) -> bool {
        let home_country = home.and_then(|home| self.places[home].country);
        let country = self.places[index].country;
        home_country.is_some() && country.is_some() && country != home_country
    }

    /// A place whose mail is forged, undelivered or bulk.
    fn is_strange(&self, place: &Place<'_>) -> bool {
        let mail = &place.submissions;
        let forged = mail.iter().filter(|s| self.is_forged(s)).count();
        let forges =
            mail.len() >= 3 && share(forged, mail.len()) >= self.context.threshold(&FORGED_SHARE);
        let (undelivered, all) = undelivered(mail.iter().copied());
        let fails = all as f64 >= self.context.threshold(&MIN_RECIPIENTS)
            && share(undelivered, all) >= self.context.threshold(&UNDELIVERED_SHARE);
        forges || fails || self.is_bulk(place)
    }

    fn is_bulk(&self, place: &Place<'_>) -> bool {
        let peak = peak_per_hour(place.submissions.iter().copied());
        let here: HashSet<u32> = place.submissions.iter().map(|s| s.number).collect();
        let elsewhere = self
            .submissions
            .iter()
            .filter(|s| !here.contains(&s.number));
        let others = self
            .neighbourhood
            .usual_peak(peak_per_hour(self.submissions.iter()));
        let usual = peak_per_hour(elsewhere).max(others);
        peak as f64 >= self.context.threshold(&BULK_PER_HOUR)
            && peak as f64 >= self.context.threshold(&BULK_FACTOR) * usual.max(1) as f64
    }

    /// The most places within 24 hours, private ones left out.
    pub(super) fn n_places_within_a_day(&self) -> usize {
        let mut uses: Vec<(i64, usize)> = Vec::new();
        for (index, place) in self.places.iter().enumerate() {
            if place.key != PlaceKey::Private && place.key != PlaceKey::Unknown {
                uses.extend(place.submissions.iter().map(|s| (s.seen.micros, index)));
                uses.extend(place.mailbox_logins.iter().map(|l| (l.micros, index)));
            }
        }
        uses.sort_unstable();
        let mut counts = vec![0usize; self.places.len()];
        let (mut start, mut here, mut most) = (0, 0, 0);
        for (micros, index) in &uses {
            here += usize::from(counts[*index] == 0);
            counts[*index] += 1;
            while uses[start].0 < micros - DAY_MICROS {
                let left = uses[start].1;
                counts[left] -= 1;
                here -= usize::from(counts[left] == 0);
                start += 1;
            }
            most = most.max(here);
        }
        most
    }
}
