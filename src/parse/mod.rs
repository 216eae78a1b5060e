//! The text of a log line -> an `Event`: which program speaks decides which file here reads it.
//!
//! Everything is read from left to right in the order in which the daemon writes it. A HELO name,
//! a header, an address or a remote reply may say anything; no line is searched for a key.

mod amavis;
mod bounce;
mod cleanup;
mod delivery;
pub mod dnsbl;
mod dovecot;
mod exim;
mod housekeeping;
mod imapd;
mod lost;
mod milter;
mod opensmtpd;
mod pickup;
mod policy;
mod postscreen;
mod postsuper;
mod qmgr;
mod reject;
mod saslauthd;
mod sendmail;
mod shape;
mod smtp;
mod smtpd;
mod take;
mod tls;
mod verbose;
mod warning;

use crate::event::{Delivery, Event};
use crate::mail::{Address, QueueId};

/// Reads one line. `program` is what the syslog header says before `[pid]`, `text` what follows `: `.
pub fn event<'a>(program: &'a str, text: &'a str) -> Event<'a> {
    Speaker::of(program).event(text)
}

/// Whose line it is: found out once for each program, not for each of its lines.
#[derive(Clone, Copy)]
pub struct Speaker<'a> {
    program: &'a str,
    /// `None` for a program that is not about mail, or none at all.
    family: Option<Family<'a>>,
}

impl<'a> Speaker<'a> {
    /// Tells by the program's name.
    pub fn of(program: &'a str) -> Self {
        Self {
            program,
            family: Family::of(program),
        }
    }

    /// Reads one line of the program.
    pub fn event(&self, text: &'a str) -> Event<'a> {
        let Some(family) = self.family else {
            return match self.program {
                // Exim's main log names neither host nor program.
                "" => exim::parse(text).unwrap_or(Event::Other),
                _ => lost::parse(self.program, text).unwrap_or(Event::Other),
            };
        };
        if let Some(event) = repeated(text) {
            return event;
        }
        let event = match family {
            Family::Postfix(parse) => postfix(parse, text),
            Family::Dovecot => dovecot::parse(text),
            Family::DovecotProcess(name) => dovecot::parse_process(name, text),
            Family::Beside(parse) => parse(text).or_else(|| warning::parse(text)),
        };
        event.unwrap_or(Event::Unknown)
    }
}

/// The queue ID in front of a line that no rule understands: a line cut off, or one of a newer Postfix.
pub fn leading_queue_id(text: &str) -> Option<QueueId<'_>> {
    take::queue_id_if_any(text).0
}

/// The connection that a line is about, where the process's number does not tell it.
pub fn session(program: &str, text: &str) -> Option<u32> {
    match program {
        "smtpd" | "opensmtpd" => opensmtpd::session(text),
        _ => None,
    }
}

/// The first part of a program's name. Sendmail's processes name themselves by what they do, and share one queue.
pub fn instance(program: &str) -> &str {
    match program.split('/').next() {
        Some(name) if name.starts_with("sm-") => "sendmail",
        Some(name) => name,
        None => program,
    }
}

/// True for the servers that log no line when a message leaves the queue.
pub fn ends_untold(program: &str) -> bool {
    let servers = ["sendmail", "sendmail-in", "smtpd", "opensmtpd"];
    !program.contains('/') && servers.contains(&instance(program))
}

/// The recipients that share a line with the first one.
pub fn also_to<'a>(delivery: &Delivery<'a>) -> impl Iterator<Item = Address<'a>> + use<'a> {
    sendmail::recipients(delivery.also_to)
}

/// True for the programs whose lines are read, or counted as unknown.
pub fn is_mail_program(program: &str) -> bool {
    Family::of(program).is_some()
}

/// Which parser a program's lines belong to.
#[derive(Clone, Copy)]
enum Family<'a> {
    /// By the last part of `postfix/submission/smtpd`.
    Postfix(Parse),
    Dovecot,
    /// `dovecot/imap-login`, or the process alone.
    DovecotProcess(&'a str),
    /// Milters, policy servers, password checkers: one function each.
    Beside(Parse),
}

type Parse = for<'t> fn(&'t str) -> Option<Event<'t>>;

impl<'a> Family<'a> {
    fn of(program: &'a str) -> Option<Self> {
        if let Some((instance, service)) = program.rsplit_once('/') {
            return match instance {
                "dovecot" => Some(Self::DovecotProcess(service)),
                "cyrus" => Some(Self::Beside(imapd::parse)),
                // A policy service that spawn(8) runs may log as one of the instance's own.
                _ if service.starts_with("polic") || instance.starts_with("postfwd") => {
                    let guest = beside(service).or_else(|| beside(instance));
                    guest.map_or(Some(Self::Postfix(postfix_service(service))), |parse| {
                        Some(Self::Beside(parse))
                    })
                }
                _ if instance.starts_with("postfix") || POSTFIX.contains(&service) => {
                    Some(Self::Postfix(postfix_service(service)))
                }
                _ => None,
            };
        }
        match program {
            "dovecot" => Some(Self::Dovecot),
            "imap-login" | "pop3-login" | "managesieve-login" | "submission-login"
            | "auth-worker" | "auth" | "dovecot-auth" | "auth(default)" | "lmtp" | "lda"
            | "deliver" | "dovecot-lda" | "dovecot-lmtp" | "indexer-worker" => {
                Some(Self::DovecotProcess(program))
            }
            "postfix" | "postsuper" | "postlog" | "postqueue" | "postdrop" | "postfix-script"
            | "postalias" | "postmap" | "postconf" | "postmulti" | "postcat" | "postkick"
            | "newaliases" => Some(Self::Postfix(postfix_service(program))),
            _ => beside(program).map(Self::Beside),
        }
    }
}

/// Programs that work with a mail server and log under their own names.
fn beside(program: &str) -> Option<Parse> {
    Some(match program {
        "amavis" | "amavisd" | "amavisd-new" => amavis::parse,
        "opendkim" => milter::opendkim,
        "opendmarc" => milter::opendmarc,
        "rspamd" | "rspamd_proxy" => milter::rspamd,
        "clamav-milter" => milter::clamav,
        "milter-manager" => milter::milter_manager,
        "spamd" => milter::spamd,
        "spamass-milter" => milter::spamass,
        "policyd-spf" | "policy-spf" | "postfix-policyd-spf-perl" | "policyd-spf-perl" => {
            policy::spf
        }
        "postgrey" => policy::postgrey,
        "postfwd" | "postfwd2" | "postfwd3" => policy::postfwd,
        "milter-greylist" | "policyd-weight" | "sqlgrey" | "gld" | "policyd" | "cbpolicyd"
        | "openarc" | "dkim-filter" | "dk-filter" | "sid-filter" | "smf-spf" | "smf-sav"
        | "mimedefang" | "mimedefang.pl" | "spampd" | "spamc" | "postsrsd" | "tumgreyspf" => {
            policy::other
        }
        "saslauthd" => saslauthd::parse,
        "exim" | "exim4" => exim::parse,
        "smtpd" | "opensmtpd" => opensmtpd::parse,
        "sendmail" | "sm-mta" | "sm-msp" | "sm-msp-queue" | "sm-que" | "sendmail-in" => {
            sendmail::parse
        }
        // Each daemon of a Sendmail host is named by its task: `sm-acceptingconnections`.
        _ if program.starts_with("sm-") => sendmail::parse,
        "imapd" | "imap" | "pop3" | "sieve" | "imapd-ssl" | "ipop3d" | "pop3d" | "pop3d-ssl"
        | "imaplogin" | "pop3login" | "timsieved" | "vpopmail" | "cyrus" => imapd::parse,
        _ => return None,
    })
}

/// Postfix's own programs, under whatever instance name.
const POSTFIX: [&str; 43] = [
    "anvil",
    "bounce",
    "cleanup",
    "defer",
    "discard",
    "dnsblog",
    "error",
    "flush",
    "lmtp",
    "local",
    "master",
    "nqmgr",
    "oqmgr",
    "pickup",
    "pipe",
    "post-install",
    "postalias",
    "postconf",
    "postdrop",
    "postfix-script",
    "postlog",
    "postlogd",
    "postmap",
    "postmulti",
    "postqueue",
    "postscreen",
    "postsuper",
    "proxymap",
    "proxywrite",
    "qmgr",
    "qmqpd",
    "retry",
    "scache",
    "showq",
    "smtp",
    "smtpd",
    "spawn",
    "tlsmgr",
    "tlsproxy",
    "trace",
    "trivial-rewrite",
    "verify",
    "virtual",
];

/// The parser of a service's own lines.
fn postfix_service(service: &str) -> Parse {
    match service {
        "smtpd" => smtpd::parse,
        "qmgr" | "nqmgr" | "oqmgr" => qmgr::parse,
        "cleanup" => cleanup::parse,
        "smtp" | "lmtp" | "local" | "virtual" | "pipe" | "error" | "discard" | "retry"
        | "relay" => smtp::parse,
        "pickup" => pickup::parse,
        "bounce" | "defer" | "trace" => bounce::parse,
        "postsuper" => postsuper::parse,
        "postscreen" | "dnsblog" | "tlsproxy" => postscreen::parse,
        "postlog" | "postfix-script" | "post-install" | "postmulti-script"
        | "postfix-tls-script" => script,
        _ => housekeeping::parse,
    }
}

/// Scripts tell the log what they like; nothing of it concerns a message.
fn script(text: &str) -> Option<Event<'_>> {
    warning::parse(text).or(Some(Event::Service { text }))
}

fn postfix(parse: Parse, text: &str) -> Option<Event<'_>> {
    parse(text)
        .or_else(|| warning::parse(text))
        // Every daemon is able to say what another one does: after a reload, with `-v`, by its tables.
        .or_else(|| housekeeping::parse(text))
        .or_else(|| shape::parse(text))
}

/// `last message repeated 3 times`, of the old syslogd.
fn repeated(text: &str) -> Option<Event<'_>> {
    let rest = text.strip_prefix("last message repeated ")?;
    let (n_times, rest) = take::number(rest)?;
    matches!(rest, " times" | " time").then_some(Event::Repeated { n_times })
}

#[cfg(test)]
mod tests;
