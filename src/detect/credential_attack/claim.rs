//! The finding in words: who guesses, what got in, the lines that prove it, what to do first.

use hashbrown::{HashMap, HashSet};

use super::incidents::{Incident, Kind};
use super::signals::{facts, login, manner, n_networks, signals, top_names};
use super::tries::{Name, Source, Tries, Try, peak, total};
use super::{BURST, BURST_MICROS, BUSY_BACKGROUND, DAY_MICROS, DETECTOR};
use crate::correlate::Symbol;
use crate::detect::submissions::Submission;
use crate::detect::{Context, Judged, counting};
use crate::finding::{
    Action, ClientSeen, Counts, Evidence, Finding, LOGS, Level, SubjectKind, shell_word,
};
use crate::mail::Timestamp;

/// Clients listed; a network of bots has thousands.
const MAX_CLIENTS: usize = 100;
/// Without a success nothing is lost yet: no reason to be woken up.
const MOST_WITHOUT_SUCCESS: f64 = 0.69;
/// Many networks, as a subject.
const EVERYWHERE: &str = "0.0.0.0/0";

pub(super) fn finding(
    context: &Context<'_>,
    tries: &Tries,
    incident: &Incident<'_>,
) -> Option<Finding> {
    let judged = judge(context, tries, incident)?;
    let moments = || incident.all().map(|tried| tried.seen);
    let mail = mail_of_hits(context, tries, incident);
    let sent = mail.iter().map(|submission| submission.seen);
    let first_seen = moments().min()?;
    let last_seen = moments().chain(sent).max()?;
    let (kind, name) = subject(context, tries, incident);
    let told = Told {
        context,
        tries,
        incident,
        name: &name,
        mail: &mail,
    };
    Some(Finding {
        title: told.title(),
        summary: told.summary(first_seen, last_seen),
        first_seen,
        last_seen,
        counts: told.counts(),
        totals: told.totals(),
        clients: told.clients(),
        queue_ids: mail.iter().map(|s| s.queue_id.clone()).collect(),
        still_queued: mail.iter().flat_map(|s| s.still_queued.clone()).collect(),
        evidence: told.evidence(),
        actions: told.actions(),
        uncertain: told.uncertain(),
        ..judged.about(kind, &name)
    })
}

/// Where no guess succeeded nothing is urgent; the background is not even worth a look.
fn judge(context: &Context<'_>, tries: &Tries, incident: &Incident<'_>) -> Option<Judged> {
    let mut signals = signals(context, tries, incident);
    if let Some(first) = signals.first_mut() {
        first.facts.extend(facts(tries, incident));
    }
    if incident.kind == Kind::Background {
        let guesses = || incident.guesses.iter().copied();
        let is_busy = peak(guesses(), DAY_MICROS) as f64 >= context.threshold(&BUSY_BACKGROUND)
            || peak(guesses(), BURST_MICROS) as f64 >= context.threshold(&BURST);
        let (level, score) = if is_busy {
            (Level::Low, 0.4)
        } else {
            (Level::Info, 0.1)
        };
        return Some(Judged {
            detector: DETECTOR.id,
            level,
            score,
            signals,
            mitigations: Vec::new(),
        });
    }
    let mut judged = DETECTOR.judge(signals, Vec::new(), false)?;
    if incident.hits.is_empty() && judged.level > Level::Medium {
        judged.level = Level::Medium;
        judged.score = judged.score.min(MOST_WITHOUT_SUCCESS);
    }
    Some(judged)
}

/// A single login that was hit or is aimed at, else the address or the network that guesses.
fn subject(context: &Context<'_>, tries: &Tries, incident: &Incident<'_>) -> (SubjectKind, String) {
    let hit: HashSet<Option<Name>> = incident.hits.iter().map(|hit| hit.success.name).collect();
    if let (1, Some(first)) = (hit.len(), incident.hits.first())
        && first.success.name.is_some()
    {
        return (SubjectKind::Account, login(context, first.success.login));
    }
    let name = match incident.kind {
        Kind::OneAccount(name) => return (SubjectKind::Account, tries.names[name].clone()),
        Kind::Hit | Kind::Sources => place(context, tries, incident),
        Kind::Background if n_networks(tries, incident) == 1 => place(context, tries, incident),
        Kind::Together | Kind::Background => None,
    };
    let name = name.unwrap_or_else(|| EVERYWHERE.to_owned());
    (SubjectKind::Client, name)
}

/// The address that all comes from, else the network that most comes from.
fn place(context: &Context<'_>, tries: &Tries, incident: &Incident<'_>) -> Option<String> {
    let mut by_source: HashMap<Source, (u64, HashSet<Symbol>)> = HashMap::new();
    for tried in incident.all() {
        let client = tries.client(tried);
        let (n_times, clients) = by_source.entry(client.source).or_default();
        *n_times += tried.n_times;
        clients.insert(client.ip);
    }
    let most = by_source
        .iter()
        .max_by_key(|(source, (n, _))| (*n, std::cmp::Reverse(**source)));
    let (source, (_, clients)) = most?;
    match (source, clients.len(), clients.iter().next()) {
        (_, 1, Some(ip)) | (Source::Masked(ip), ..) => {
            Some(context.tables.strings.get(*ip).to_owned())
        }
        (Source::Net(network), ..) => Some(network.0.to_string()),
    }
}

/// What the guessed logins handed in from the guesser's networks, from the first success on.
fn mail_of_hits<'c>(
    context: &'c Context<'_>,
    tries: &Tries,
    incident: &Incident<'_>,
) -> Vec<&'c Submission> {
    let mut since: HashMap<(Symbol, Source), i64> = HashMap::new();
    for hit in &incident.hits {
        if let Some(login) = hit.success.login {
            let key = (login, tries.source(&hit.success));
            since.entry(key).or_insert(hit.success.seen.micros);
        }
    }
    let mut mail = Vec::new();
    for (login, submissions) in &context.by_account {
        let is_theirs = |submission: &&Submission| {
            let source = submission.client_ip.and_then(|ip| tries.source_of(ip));
            let first = source.and_then(|source| since.get(&(*login, source)));
            first.is_some_and(|first| submission.seen.micros >= *first)
        };
        if since.keys().any(|(hit, _)| hit == login) {
            mail.extend(submissions.iter().filter(is_theirs));
        }
    }
    mail
}

/// An incident that is told.
struct Told<'a> {
    context: &'a Context<'a>,
    tries: &'a Tries,
    incident: &'a Incident<'a>,
    name: &'a str,
    mail: &'a [&'a Submission],
}

impl Told<'_> {
    fn title(&self) -> String {
        let n_logins = self.hit_logins().len();
        let how = manner(self.tries, self.incident);
        match self.incident.kind {
            Kind::Hit if n_logins == 1 => {
                format!("The password of {} was guessed", self.hit_words())
            }
            Kind::Hit => format!("{n_logins} passwords were guessed from {}", self.name),
            Kind::Sources => match n_networks(self.tries, self.incident) {
                1 => format!("Password guessing ({how}) from {}", self.name),
                n => format!(
                    "Password guessing ({how}) from {n} networks, such as {}",
                    self.name
                ),
            },
            Kind::OneAccount(_) => {
                let n_networks = n_networks(self.tries, self.incident);
                format!("{n_networks} networks try the password of {}", self.name)
            }
            Kind::Together => "Password guessing from many networks together".to_owned(),
            Kind::Background if n_networks(self.tries, self.incident) == 1 => {
                format!(
                    "Password guessing ({how}) from {}; none succeeded",
                    self.name
                )
            }
            Kind::Background => {
                "Password guessing as every server sees it; none succeeded".to_owned()
            }
        }
    }

    fn summary(&self, first: Timestamp, last: Timestamp) -> String {
        let incident = self.incident;
        let n_guesses = total(incident.guesses.iter().copied());
        let mut text = format!(
            "{n_guesses} wrong passwords from {} in {} between {} and {}",
            plural(
                self.client_ips(incident.all()).len(),
                "address",
                "addresses"
            ),
            plural(n_networks(self.tries, incident), "network", "networks"),
            first.for_people(),
            last.for_people()
        );
        let names = top_names(self.tries, incident);
        if !names.is_empty() {
            let shown = names.iter().take(3);
            let shown: Vec<String> = shown
                .map(|(name, n)| format!("{} ({n})", self.tries.names[*name]))
                .collect();
            let count = plural(names.len(), "name", "names");
            text.push_str(&format!(", at {count}, most of all {}", shown.join(", ")));
        }
        let n_probes = total(incident.probes.iter().copied());
        if n_probes > 0 {
            text.push_str(&format!(
                "; AUTH was refused {n_probes} more times before any password was judged"
            ));
        }
        match incident.hits.first() {
            Some(hit) => text.push_str(&format!(
                ". {} got in from {} at {}, and handed in {} from there.",
                self.hit_words(),
                self.context
                    .tables
                    .strings
                    .get(self.tries.client(&hit.success).ip),
                hit.success.seen.for_people(),
                plural(self.mail.len(), "message", "messages"),
            )),
            None => text.push_str(". None of them succeeded."),
        }
        text
    }

    fn hit_logins(&self) -> HashSet<Option<Name>> {
        let hits = self.incident.hits.iter();
        hits.map(|hit| hit.success.name).collect()
    }

    fn hit_words(&self) -> String {
        let mut told = HashSet::new();
        let hits = self.incident.hits.iter().map(|hit| &hit.success);
        let distinct = hits.filter(|success| told.insert(success.name));
        let words: Vec<String> = distinct.map(|s| login(self.context, s.login)).collect();
        words.join(", ")
    }

    fn client_ips<'t>(&self, tries: impl Iterator<Item = &'t Try>) -> HashSet<Symbol> {
        tries.map(|tried| self.tries.client(tried).ip).collect()
    }

    /// Logins with a guessed password from the networks that guessed, from the first success on.
    fn logins_of_hits(&self) -> u64 {
        let hits = &self.incident.hits;
        let theirs = self.tries.successes.iter().filter(|success| {
            hits.iter().any(|hit| {
                hit.success.name == success.name
                    && self.tries.source(&hit.success) == self.tries.source(success)
                    && success.at >= hit.success.at
            })
        });
        total(theirs)
    }

    fn counts(&self) -> Counts {
        let mail = if self.incident.hits.is_empty() {
            Counts::default()
        } else {
            counting::counts(self.context, self.mail.iter().copied())
        };
        Counts {
            auth_failures: Some(total(self.incident.guesses.iter().copied())),
            logins: Some(self.logins_of_hits()),
            ..self.places(self.incident.all(), mail)
        }
    }

    /// Of the account, or of the address or networks, with the mistakes of those who belong here.
    fn totals(&self) -> Counts {
        let incident = self.incident;
        let names: HashSet<Name> = match incident.kind {
            Kind::Hit if self.hit_logins().len() == 1 => {
                self.hit_logins().into_iter().flatten().collect()
            }
            Kind::OneAccount(name) => HashSet::from([name]),
            Kind::Hit | Kind::Sources | Kind::Together | Kind::Background => HashSet::new(),
        };
        let sources: HashSet<Source> = incident.all().map(|t| self.tries.source(t)).collect();
        let belongs = |tried: &&Try| match names.is_empty() {
            true => sources.contains(&self.tries.source(tried)),
            false => tried.name.is_some_and(|name| names.contains(&name)),
        };
        let failures = || self.tries.failures.iter().filter(belongs);
        let successes = || self.tries.successes.iter().filter(belongs);
        Counts {
            auth_failures: Some(total(failures())),
            logins: Some(total(successes())),
            ..self.places(failures().chain(successes()), Counts::default())
        }
    }

    fn places<'t>(&self, tries: impl Iterator<Item = &'t Try>, counts: Counts) -> Counts {
        let (mut ips, mut networks) = (HashSet::new(), HashSet::new());
        let (mut countries, mut asns) = (HashSet::new(), HashSet::new());
        for tried in tries {
            let client = self.tries.client(tried);
            ips.insert(client.ip);
            networks.insert(client.source);
            countries.extend(client.country);
            asns.extend(client.asn);
        }
        Counts {
            client_ips: Some(ips.len() as u64),
            networks: Some(networks.len() as u64),
            countries: Some(countries.len() as u64),
            asns: Some(asns.len() as u64),
            ..counts
        }
    }

    /// Where a guess succeeded first, then those that tried most.
    fn clients(&self) -> Vec<ClientSeen> {
        let hits = self.incident.hits.iter().map(|hit| &hit.success);
        let hits = self.client_ips(hits);
        let mut n_tries: HashMap<&str, u64> = HashMap::new();
        for tried in self.incident.all() {
            let client = self.tries.client(tried);
            let ip = self.context.tables.strings.get(client.ip);
            let won = if hits.contains(&client.ip) {
                1 << 40
            } else {
                0
            };
            *n_tries.entry(ip).or_insert(won) += tried.n_times;
        }
        let tried = self.incident.all();
        let tried = tried.map(|tried| (self.tries.client(tried).ip, tried.seen, 0));
        let mail = self.mail.iter();
        let mail = mail.filter_map(|s| Some((s.client_ip?, s.seen, 1)));
        let mut clients = counting::clients(self.context, tried.chain(mail));
        let rank = |client: &ClientSeen| n_tries.get(client.ip.as_str()).copied().unwrap_or(0);
        clients.sort_by(|a, b| (rank(b), &a.ip).cmp(&(rank(a), &b.ip)));
        clients.truncate(MAX_CLIENTS);
        clients
    }

    /// The first and the last guess, the first at each of some names, and what got in.
    fn evidence(&self) -> Vec<Evidence> {
        let guesses = &self.incident.guesses;
        let mut names = HashSet::new();
        let distinct = guesses.iter().copied();
        let distinct = distinct.filter(|g| g.name.is_some_and(|name| names.insert(name)));
        let mut lines: Vec<&Try> = distinct.take(3).collect();
        lines.extend(guesses.first().copied());
        lines.extend(guesses.last().copied());
        lines.extend(self.incident.probes.first().copied());
        lines.extend(self.incident.hits.iter().take(3).map(|hit| &hit.success));
        let mut lines: Vec<Evidence> = lines
            .into_iter()
            .map(|tried| Evidence::at(tried.at, tried.seen))
            .collect();
        lines.sort_by_key(|line| line.at);
        lines.dedup_by_key(|line| line.at);
        lines
    }

    fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for login in self.hit_names() {
            actions.push(Action {
                why: format!("Lock {login} out now: change its password, then end its sessions"),
                command: format!("doveadm kick {}", shell_word(&login)),
            });
            actions.push(Action {
                why: "Follow all that the login did, line by line".to_owned(),
                command: format!("mailsleuth trace --account {} {LOGS}", shell_word(&login)),
            });
        }
        let place = match self.incident.kind {
            Kind::Hit | Kind::Sources => place(self.context, self.tries, self.incident),
            Kind::Background if n_networks(self.tries, self.incident) == 1 => {
                place(self.context, self.tries, self.incident)
            }
            Kind::OneAccount(_) | Kind::Together | Kind::Background => None,
        };
        if let Some(place) = place {
            actions.push(Action {
                why: "Shut the guesser out".to_owned(),
                command: format!("ip route add blackhole {}", shell_word(&place)),
            });
            actions.push(Action {
                why: "See all that came from there".to_owned(),
                command: format!("mailsleuth trace --client {} {LOGS}", shell_word(&place)),
            });
        }
        match self.incident.kind {
            Kind::OneAccount(name) => {
                let login = shell_word(&self.tries.names[name]);
                actions.push(Action {
                    why: "Addresses to ban change all the time: see that the password is long, and who came in".to_owned(),
                    command: format!("mailsleuth trace --account {login} {LOGS}"),
                });
            }
            Kind::Together => actions.push(Action {
                why: "See who is banned already; too many addresses for a ban by hand".to_owned(),
                command: "fail2ban-client status".to_owned(),
            }),
            Kind::Hit | Kind::Sources | Kind::Background => {}
        }
        actions
    }

    /// The logins that were guessed, as logged.
    fn hit_names(&self) -> Vec<String> {
        let mut told = HashSet::new();
        let hits = self.incident.hits.iter().map(|hit| &hit.success);
        let distinct = hits.filter(|success| told.insert(success.name));
        let logins = distinct.filter_map(|success| success.login);
        logins
            .map(|login| self.context.tables.strings.get(login).to_owned())
            .collect()
    }

    fn uncertain(&self) -> Vec<String> {
        let unnamed = self.incident.guesses.iter().copied();
        let unnamed = total(unnamed.filter(|guess| guess.name.is_none()));
        let mut doubts = Vec::new();
        if unnamed > 0 {
            doubts.push(format!(
                "The log does not tell which login {unnamed} of the wrong passwords were for (Postfix before 3.9)."
            ));
        }
        match self.incident.kind {
            Kind::Hit => doubts.push(
                "A person who mistypes several names from one network looks the same; ask the owner.".to_owned(),
            ),
            Kind::OneAccount(_) => doubts.push(
                "A forgotten device of the owner that roams through many networks looks the same.".to_owned(),
            ),
            Kind::Sources | Kind::Together | Kind::Background => doubts.push(
                "A guess that succeeds later, or from another network, is only seen in later logs.".to_owned(),
            ),
        }
        doubts
    }
}

fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
