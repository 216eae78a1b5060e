//! Is the log whole? Where lines are missing, whoever abused the server may have hidden there.

mod clock;
mod histories;
mod losses;
mod reading;
mod silence;

use anyhow::Result;

use super::{Context, Detector, SignalKind, Threshold};
use crate::finding::{Action, Counts, Evidence, Finding, Mitigation, Signal, SubjectKind};
use crate::mail::Timestamp;

const MIN_LINES: Threshold = Threshold {
    name: "min-lines",
    value: 200.0,
    meaning: "lines of a host from which on it has a rhythm that a silence can break",
};
const MIN_EXPECTED: Threshold = Threshold {
    name: "min-expected",
    value: 20.0,
    meaning: "lines that the same hours of other days, or the hours around, let one expect in a silence",
};
const FACTOR: Threshold = Threshold {
    name: "factor",
    value: 4.0,
    meaning: "times the host's other long silences, by day those by day alone (the longest; from three days on the second, \
        from eight the fourth), and ten minutes",
};
const SHORT_FACTOR: Threshold = Threshold {
    name: "short-log-factor",
    value: 6.0,
    meaning: "the same for the longest other silence where the log holds no other day to compare with",
};
const FEW_LINES: Threshold = Threshold {
    name: "few-lines",
    value: 100.0,
    meaning: "lines dropped by the logging system, below which they are few",
};
const MIN_IMPOSSIBLE: Threshold = Threshold {
    name: "min-impossible",
    value: 3.0,
    meaning: "impossible histories of a host; one or two are lines that any network loses",
};
const EXTRACT_SHARE: Threshold = Threshold {
    name: "extract-share",
    value: 0.5,
    meaning: "share of all messages from which on a kind of lines is not logged at all, or was filtered out",
};
const MIN_SELECTIVE: Threshold = Threshold {
    name: "min-selective",
    value: 10.0,
    meaning: "messages of one sender, whose other mail is whole, that alone lack their beginnings",
};
const UNKNOWN_SHARE: Threshold = Threshold {
    name: "unknown-share",
    value: 0.05,
    meaning: "share of mail programs' lines, and at least 50, that this program does not understand",
};

/// The detector and its manual.
pub(super) const DETECTOR: Detector = Detector {
    id: "log-integrity",
    question: "Is the log whole, and can its times be believed?",
    subject: "host or log",
    signals: &[
        SignalKind {
            name: "silence",
            group: "log",
            weight: 0.5,
            meaning: "no line for much longer than the host is ever silent, at hours at which it never is",
        },
        SignalKind {
            name: "mail-meanwhile",
            group: "log",
            weight: 0.55,
            meaning: "messages arrived during a silence, as their later lines tell: the server did work",
        },
        SignalKind {
            name: "lines-lost",
            group: "log",
            weight: 0.55,
            meaning: "the logging system itself says that it dropped lines",
        },
        SignalKind {
            name: "impossible-histories",
            group: "log",
            weight: 0.5,
            meaning: "messages without lines that Postfix always writes, though the log covers their time",
        },
        SignalKind {
            name: "selective",
            group: "log",
            weight: 0.75,
            meaning: "such lines are missing for one sender alone, while everybody else's are there: chance does not \
                choose, somebody took them out",
        },
        SignalKind {
            name: "lines-left-out",
            group: "log",
            weight: 0.3,
            meaning: "most messages lack the same kind of lines: the log is an extract, or a filter leaves them out",
        },
        SignalKind {
            name: "clock-back",
            group: "log",
            weight: 0.42,
            meaning: "within a file time goes back by more than daylight saving does",
        },
        SignalKind {
            name: "broken-off",
            group: "log",
            weight: 0.55,
            meaning: "a file could not be read to its end",
        },
        SignalKind {
            name: "not-understood",
            group: "log",
            weight: 0.3,
            meaning: "lines of mail programs that this program does not understand",
        },
        SignalKind {
            name: "let-go",
            group: "log",
            weight: 0.42,
            meaning: "too many messages were open at once; the oldest were let go as incomplete",
        },
        SignalKind {
            name: "year-doubtful",
            group: "log",
            weight: 0.3,
            meaning: "the evidence for the year of a log without years contradicts itself",
        },
    ],
    thresholds: &[
        MIN_LINES,
        MIN_EXPECTED,
        FACTOR,
        SHORT_FACTOR,
        FEW_LINES,
        MIN_IMPOSSIBLE,
        EXTRACT_SHARE,
        MIN_SELECTIVE,
        UNKNOWN_SHARE,
    ],
    false_positives: "Nights, weekends and holidays of a server that hardly anybody writes to; a server that was \
        switched off (its daemons say so when they stop and start); a network that was down; the hour that daylight \
        saving leaves out; the beginning of a file in the middle of things; extracts made with grep. A log that \
        begins or ends early is not a gap.",
    remedies: "Look for the missing time elsewhere: the journal (journalctl -u postfix), a remote log server, rotated \
        files, backups. Raise or switch off rate limits for mail (journald: RateLimitIntervalSec, RateLimitBurst; \
        rsyslog: imjournal Ratelimit, imuxsock SysSock.RateLimit). Send logs to another machine at once, where who \
        breaks in cannot change them.",
    detect,
};

/// Something that is wrong with the log.
struct Trouble {
    kind: SubjectKind,
    name: String,
    signals: Vec<Option<Signal>>,
    mitigations: Vec<Mitigation>,
    title: String,
    summary: String,
    first: Timestamp,
    last: Timestamp,
    n_messages: Option<u64>,
    queue_ids: Vec<String>,
    evidence: Vec<Evidence>,
    uncertain: Vec<String>,
}

fn detect(context: &Context<'_>) -> Result<Vec<Finding>> {
    let mut troubles = silence::troubles(context);
    troubles.extend(losses::troubles(context));
    troubles.extend(histories::troubles(context)?);
    troubles.extend(clock::troubles(context));
    troubles.extend(reading::troubles(context));
    let period = context.tables.period;
    troubles.retain(|trouble| period.touches(trouble.first.micros, trouble.last.micros));
    Ok(troubles.into_iter().filter_map(finding).collect())
}

fn finding(trouble: Trouble) -> Option<Finding> {
    let signals = trouble.signals.into_iter().flatten().collect();
    let judged = DETECTOR.judge_each(signals, trouble.mitigations)?;
    let mut evidence = trouble.evidence;
    evidence.sort_by_key(|line| line.at);
    evidence.dedup_by_key(|line| line.at);
    let counts = Counts {
        messages: trouble.n_messages,
        ..Counts::default()
    };
    Some(Finding {
        title: trouble.title,
        summary: trouble.summary,
        first_seen: trouble.first,
        last_seen: trouble.last,
        totals: counts.clone(),
        counts,
        queue_ids: trouble.queue_ids,
        evidence,
        actions: actions(trouble.first, trouble.last),
        uncertain: trouble.uncertain,
        ..judged.about(trouble.kind, &trouble.name)
    })
}

/// The journal keeps the same lines in another place.
fn actions(first: Timestamp, last: Timestamp) -> Vec<Action> {
    vec![Action {
        why: "See whether another place holds the lines of that time".to_owned(),
        command: format!(
            "journalctl --since '{}' --until '{}' -t postfix -u postfix -u dovecot",
            moment(first, 0),
            moment(last, 60_000_000)
        ),
    }]
}

/// As journalctl(1) reads it: the log's own wall clock.
fn moment(timestamp: Timestamp, later_micros: i64) -> String {
    let moment = Timestamp {
        micros: timestamp.micros + later_micros,
        digits: 0,
        ..timestamp
    };
    let text = moment.to_string().replace('T', " ");
    text.chars().take("2026-11-25 03:31:54".len()).collect()
}

/// The host's name; where lines have none, the log is meant.
fn subject(host: &str) -> (SubjectKind, String) {
    if host.is_empty() {
        (SubjectKind::Log, "without a host name".to_owned())
    } else {
        (SubjectKind::Host, host.to_owned())
    }
}
