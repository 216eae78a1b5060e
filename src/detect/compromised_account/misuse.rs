//! Which part of what a login did is not its owner's, and into how many incidents it falls.

use hashbrown::HashSet;

use super::account::Account;
use super::guesses::Guess;
use super::neighbourhood::{LoginOf, PlaceKey};
use super::traffic::DAY_MICROS;
use super::travel::{self, Use};
use super::{MANY_PLACES, QUIET_DAYS, names};
use crate::correlate::Symbol;
use crate::detect::submissions::Submission;
use crate::mail::Timestamp;

/// After so much silence it is another incident, whether the owner was seen in between or not.
const FORGOTTEN_MICROS: i64 = 30 * DAY_MICROS;

/// One incident: the part of an account's life that is held to be somebody else's.
pub(super) struct Misuse<'a> {
    pub(super) submissions: Vec<&'a Submission>,
    /// The rest of the account's mail: the owner's, as far as the log tells.
    pub(super) owners: Vec<&'a Submission>,
    /// Logins without a message from the same places in the same time.
    pub(super) logins: Vec<LoginOf>,
    /// Indexes of the places, in the order of the account's.
    pub(super) places: Vec<usize>,
    pub(super) home: Option<usize>,
    /// Guesses that succeeded in these places before the end.
    pub(super) guesses: Vec<Guess>,
}

impl Misuse<'_> {
    /// The first use and the last, by mail or mailbox.
    pub(super) fn span(&self) -> (Timestamp, Timestamp) {
        let sent = self.submissions.iter().map(|s| s.seen);
        let opened = self.logins.iter().map(|login| login.seen);
        let uses = || sent.clone().chain(opened.clone());
        let first = uses().min_by_key(|seen| seen.micros).unwrap_or_default();
        let last = uses().max_by_key(|seen| seen.micros).unwrap_or_default();
        (first, last)
    }

    /// The first message and the last; the first use and the last where there is no mail.
    pub(super) fn mail_span(&self) -> (Timestamp, Timestamp) {
        let sent = || self.submissions.iter().map(|s| s.seen);
        let first = sent().min_by_key(|seen| seen.micros);
        let last = sent().max_by_key(|seen| seen.micros);
        first.zip(last).unwrap_or_else(|| self.span())
    }

    /// The addresses from which it was used.
    pub(super) fn clients(&self) -> HashSet<Symbol> {
        let sent = self.submissions.iter().filter_map(|s| s.client_ip);
        let logins = self.logins.iter().filter_map(|login| login.client_ip);
        sent.chain(logins).collect()
    }

    /// Mailboxes opened.
    pub(super) fn opened(&self) -> impl Iterator<Item = &LoginOf> {
        self.logins.iter().filter(|login| login.opens_mailbox)
    }

    pub(super) fn opens_mailbox(&self) -> bool {
        self.opened().next().is_some()
    }
}

/// What is not the owner's by its places, before it is cut into incidents.
struct Suspects {
    places: Vec<usize>,
    home: Option<usize>,
}

/// The incidents of an account, the oldest first; none where nothing looks like one.
pub(super) fn incidents<'a>(account: &Account<'a>) -> Vec<Misuse<'a>> {
    let suspects = suspects(account);
    if suspects.places.is_empty() {
        return Vec::new();
    }
    let (theirs, owners): (Vec<Use>, Vec<Use>) = travel::uses(account)
        .into_iter()
        .partition(|one| suspects.places.contains(&one.place));
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for one in &theirs {
        match spans.last_mut() {
            Some((_, last)) if !is_over(account, (*last, one.micros), &owners) => {
                *last = one.micros
            }
            _ => spans.push((one.micros, one.micros)),
        }
    }
    let incident = |span| incident(account, &suspects, span);
    spans.into_iter().map(incident).collect()
}

/// For the list of accounts: all that did not come from home, though nothing says that it is somebody else's.
pub(super) fn elsewhere<'a>(account: &Account<'a>) -> Misuse<'a> {
    let home = home(account, &[]);
    let away = (0..account.places.len()).filter(|index| Some(*index) != home);
    let places: Vec<usize> = away.collect();
    if places.is_empty() {
        return everything(account);
    }
    incident(account, &Suspects { places, home }, (i64::MIN, i64::MAX))
}

/// For the list of accounts: all that was done with the login, whoever did it.
pub(super) fn everything<'a>(account: &Account<'a>) -> Misuse<'a> {
    let suspects = Suspects {
        places: (0..account.places.len()).collect(),
        home: None,
    };
    incident(account, &suspects, (i64::MIN, i64::MAX))
}

/// True when the silence between two uses parts two incidents.
fn is_over(account: &Account<'_>, (last, next): (i64, i64), owners: &[Use]) -> bool {
    let silence = next - last;
    let quiet = silence as f64 >= account.context.threshold(&QUIET_DAYS) * DAY_MICROS as f64;
    let after = owners.partition_point(|one| one.micros <= last);
    let owner_between = owners.get(after).is_some_and(|one| one.micros < next);
    silence >= FORGOTTEN_MICROS || (quiet && owner_between)
}

fn incident<'a>(
    account: &Account<'a>,
    suspects: &Suspects,
    (start, end): (i64, i64),
) -> Misuse<'a> {
    let within = |micros: i64| (start..=end).contains(&micros);
    let mut numbers = HashSet::new();
    let mut found = Misuse {
        submissions: Vec::new(),
        owners: Vec::new(),
        logins: Vec::new(),
        places: Vec::new(),
        home: suspects.home,
        guesses: Vec::new(),
    };
    for index in &suspects.places {
        let place = &account.places[*index];
        numbers.extend(place.submissions.iter().map(|s| s.number));
        let opened = place
            .logins
            .iter()
            .filter(|login| within(login.seen.micros));
        let n_opened = found.logins.len();
        found.logins.extend(opened);
        let sent = place.submissions.iter().any(|s| within(s.seen.micros));
        if sent || found.logins.len() > n_opened {
            found.places.push(*index);
            let guesses = place.guesses.iter();
            found
                .guesses
                .extend(guesses.filter(|guess| guess.success.seen.micros <= end));
        }
    }
    found.logins.sort_by_key(|login| login.at);
    for submission in account.submissions {
        if !numbers.contains(&submission.number) {
            found.owners.push(submission);
        } else if within(submission.seen.micros) {
            found.submissions.push(submission);
        }
    }
    found
}

fn suspects(account: &Account<'_>) -> Suspects {
    let all = || 0..account.places.len();
    let is_outside = |index: &usize| account.places[*index].key != PlaceKey::Private;
    if names::is_system(account.name) {
        let sends = |index: &usize| !account.places[*index].submissions.is_empty();
        let places = all().filter(is_outside).filter(sends).collect();
        return Suspects {
            places,
            home: home(account, &[]),
        };
    }
    let taken: Vec<usize> = all().filter(|index| is_taken(account, *index)).collect();
    let home = home(account, &taken);
    let not_home = |index: &usize| Some(*index) != home && is_outside(index);
    let places: Vec<usize> = if travel::n_places_within_a_day(account, None) as f64
        >= account.context.threshold(&MANY_PLACES)
    {
        let owners = |index: &usize| is_owners_beside_bots(account, home, *index);
        with(
            &taken,
            all().filter(|index| not_home(index) && !owners(index)),
        )
    } else {
        let intruders = travel::intruders(account, home);
        let follows = |index: &usize| {
            let is_accomplice = is_accomplice(account, home, &taken, *index);
            not_home(index) && (is_accomplice || is_after_a_guess(account, &taken, *index))
        };
        with(&taken, intruders.into_iter().chain(all().filter(follows)))
    };
    Suspects { places, home }
}

/// In a network of bots, the owner's telephone: not far from home, and used before the first of them far away.
fn is_owners_beside_bots(account: &Account<'_>, home: Option<usize>, index: usize) -> bool {
    let is_placed = |index: usize| account.places[index].country.is_some();
    let is_near =
        home.is_some_and(is_placed) && is_placed(index) && !travel::is_far(account, home, index);
    let far = (0..account.places.len()).filter(|other| travel::is_far(account, home, *other));
    let since = far
        .filter_map(|other| account.places[other].first_use())
        .min();
    is_near && since.is_some_and(|since| account.places[index].first_use() < Some(since))
}

/// A place whose mail is strange, or whose password was guessed.
fn is_taken(account: &Account<'_>, index: usize) -> bool {
    let place = &account.places[index];
    account.is_strange(&place.submissions) || place.guesses.iter().any(Guess::is_attack)
}

/// Who has guessed a password hands it on: to machines that were not seen with it before.
fn is_after_a_guess(account: &Account<'_>, taken: &[usize], index: usize) -> bool {
    let guesses = taken
        .iter()
        .flat_map(|taken| &account.places[*taken].guesses);
    let guessed = guesses.filter(|guess| guess.is_attack());
    let since = guessed.map(|guess| guess.success.seen.micros).min();
    let place = &account.places[index];
    let new = place
        .first_use()
        .is_some_and(|first| since.is_some_and(|since| first > since));
    // A phone gets to new networks as well; mail of many is not a phone's.
    new && place.submissions.len() >= 2 && !place.is_read_from()
}

fn with(taken: &[usize], more: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut places: Vec<usize> = taken.iter().copied().chain(more).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// The place that is most likely the owner's: used on most days, for reading mail as well, and first. The number
/// of messages says nothing: a thief sends more.
pub(super) fn home(account: &Account<'_>, taken: &[usize]) -> Option<usize> {
    let candidates = (0..account.places.len()).filter(|index| !taken.contains(index));
    candidates.max_by_key(|index| {
        let place = &account.places[*index];
        let days: HashSet<i64> = place.moments().map(|t| t.div_euclid(DAY_MICROS)).collect();
        let first = std::cmp::Reverse(place.first_use());
        (days.len(), place.is_read_from(), first)
    })
}

/// A place in a country far from home that was not used before the thief was there. The owner's telephone
/// crosses a border too, and did so before.
fn is_accomplice(
    account: &Account<'_>,
    home: Option<usize>,
    taken: &[usize],
    index: usize,
) -> bool {
    let is_far = travel::is_far(account, home, index);
    let first = |index: usize| account.places[index].first_use();
    let since = taken.iter().filter_map(|taken| first(*taken)).min();
    // A stolen password is often tried from somewhere on the day before it is used.
    let is_new =
        since.is_some_and(|since| first(index).is_some_and(|first| first >= since - DAY_MICROS));
    is_far && is_new && !is_unlike(account, taken, index)
}

/// Who forges every sender does not write under the owner's name from somewhere else.
fn is_unlike(account: &Account<'_>, taken: &[usize], index: usize) -> bool {
    let mail = |index: usize| account.places[index].submissions.iter();
    let forges = |index: usize| mail(index).any(|submission| account.is_forged(submission));
    let thief_forges = !taken.is_empty() && taken.iter().all(|taken| forges(*taken));
    thief_forges && mail(index).next().is_some() && !forges(index)
}
