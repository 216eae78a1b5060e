//! Other projects' logs with what their own tests state, read where they are: beside a checkout, in CI.
//!
//! `MAILSLEUTH_CORPUS` names the folder, else `../shared/corpus`; without it these tests say that they skip.

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use common::run;
use serde_json::Value;

/// Sources and files about programs that are not in scope: no claim is made about them.
const OUT_OF_SCOPE: &[(&str, &[&str])] = &[
    ("crowdsec", &["mailscanner", "nginx", "zimbra"]),
    (
        "fail2ban",
        &[
            "assp",
            "courier",
            "domino",
            "horde",
            "kerio",
            "openwebmail",
            "oracleims",
            "perdition",
            "qmail",
            "roundcube",
            "sieve",
            "sogo",
            "solid",
            "squirrelmail",
            "uwimap",
            "cyrus-imap",
        ],
    ),
];

/// A stated value that is not ours, and why. `docs/lines.md` has the same list in words.
struct Exception {
    file: &'static str,
    /// 0: every line.
    line: u64,
    /// Empty: every field.
    field: &'static str,
    reason: &'static str,
}

const fn exception(
    file: &'static str,
    line: u64,
    field: &'static str,
    reason: &'static str,
) -> Exception {
    Exception {
        file,
        line,
        field,
        reason,
    }
}

const NOT_A_FIELD: &str = "a name of that project, not a field of the contract";
const NO_QUEUE_ID: &str = "the test has cut the queue ID off the line";
const TWO_HEADERS: &str = "the second header is quoted text of another daemon's line";

const EXCEPTIONS: &[Exception] = &[
    exception(
        "controlcenter-parser/input.log",
        3,
        "service",
        "stated as absent; the contract's last part is the name",
    ),
    exception(
        "controlcenter-parser/input.log",
        19,
        "reason",
        "the contract's reason is the reply, not the whole line",
    ),
    exception(
        "controlcenter-parser/input.log",
        23,
        "",
        "that project's own program",
    ),
    exception(
        "crowdsec/exim-syslog-logs.log",
        0,
        "user",
        "there the user is the address of the envelope, not a login",
    ),
    exception("postfix-parser/input.log", 0, "conn_use", NOT_A_FIELD),
    exception("postfix-parser/input.log", 0, "action", NOT_A_FIELD),
    exception(
        "postfix-parser/input.log",
        0,
        "host",
        "there the host is the remote server in the reply",
    ),
    exception("postfix-parser/input.log", 0, "forwardedAs", NOT_A_FIELD),
    exception("postfix-parser/input.log", 0, "dsnQid", NOT_A_FIELD),
    exception("postfix-parser/input.log", 0, "postscreen", NOT_A_FIELD),
    exception(
        "postfix-parser/input.log",
        0,
        "resent_message_id",
        NOT_A_FIELD,
    ),
    exception("postfix-parser/input.log", 16, "", NO_QUEUE_ID),
    exception("postfix-parser/input.log", 18, "", NO_QUEUE_ID),
    exception("postfix-parser/input.log", 21, "", NO_QUEUE_ID),
    exception(
        "postfix-parser/input.log",
        23,
        "queue_id",
        "a fatal line names the ID in the middle of a sentence",
    ),
    exception(
        "postfix-parser/input.log",
        25,
        "status",
        "the word after status= is `expired`",
    ),
    exception("postfix-parser/input.log", 28, "", TWO_HEADERS),
    exception("postfix-parser/input.log", 30, "", TWO_HEADERS),
    exception("postfix-parser/input.log", 31, "", TWO_HEADERS),
];

const HEAD: &str = "\
# Where other projects' statements are not ours

Made from the tables in `tests/corpus.rs` (`UPDATE_EXPECTED=1 cargo test --test corpus`). At least 99 % of all other
stated fields are equal to the records of `events`, and the two that are not have their reasons at the end.

## Excepted fields

| file | line | field | why |
| --- | --- | --- | --- |
";

const FOOT: &str = "
## Stated, and not equal

- A PAM line whose user name is `rhost=1.2.3.4`: two addresses stand where one should, and the line does not say which is
  the attacker's own text. Neither is taken.
- Exim's SpamAssassin note quotes the client in the middle of the sender's own words (`host=… [ip]` behind a Message-ID
  and a sender); it is a note without a client.

## Postfix's own collate script

On the whole logs the messages, and the attempts of each queue ID, are those of `auxiliary/collate/collate.pl`, with two
differences:

- `maillog-dump`: two messages more here. Their beginning is older than the log; collate drops the lines of a queue ID
  that it has not seen begin. They are real: `messages` shows them with `incomplete: no_beginning`.
- `maillogsentinel`: its anonymiser has replaced the words of the daemons (`message-anon_hostname_7=<…>`), so that no line
  of it can be read; collate goes by the queue IDs alone. Its lines are counted as unknown.

Where a filter or an alias makes several queue IDs of one message, collate prints each by itself or joins lines by
process; here they are messages of one submission, linked by what the daemons say.
";

fn cell(field: &str, any: &str) -> String {
    match field {
        "" | "0" => any.to_owned(),
        field => format!("`{field}`"),
    }
}

#[test]
fn the_exceptions_are_written_down() {
    let rows = EXCEPTIONS.iter().map(|exception| {
        let line = cell(&exception.line.to_string(), "all");
        let field = cell(exception.field, "all");
        let (file, reason) = (exception.file, exception.reason);
        format!("| `{file}` | {line} | {field} | {reason} |\n")
    });
    let sources = OUT_OF_SCOPE.iter().map(|(source, files)| {
        let files: Vec<String> = files.iter().map(|file| format!("`{file}`")).collect();
        format!("- `{source}`: {}\n", files.join(", "))
    });
    let text = format!(
        "{HEAD}{}\n## Programs of which no claim is made\n\n{}{FOOT}",
        rows.collect::<String>(),
        sources.collect::<String>()
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/corpus-exceptions.md");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &text).expect("the document can be written");
    }
    let written = std::fs::read_to_string(&path).expect("the document is there");
    assert_eq!(written, text);
}

fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("MAILSLEUTH_CORPUS").map(PathBuf::from);
    let folder =
        named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"));
    if folder.is_dir() {
        return Some(folder);
    }
    say(&format!(
        "skipped: there is no corpus at {}",
        folder.display()
    ));
    None
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The records of a log by line; empty where nothing of it was understood.
fn records(path: &Path) -> BTreeMap<u64, Value> {
    let output = run(&["events", "--format", "jsonl", &path.to_string_lossy()]);
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let records = text.lines().map(|line| {
        let record: Value = serde_json::from_str(line).expect("JSON");
        (record["line"].as_u64().expect("a line number"), record)
    });
    records.collect()
}

fn statements(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// What the record says in the words of the statement: `relay` and `client` are the unsplit texts there.
fn told(record: &Value, field: &str) -> Option<String> {
    let text = |name: &str| match &record[name] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let unsplit = |kind: &str, nobody: &str| {
        let name = text(&format!("{kind}_name")).unwrap_or_else(|| nobody.to_owned());
        let ip = text(&format!("{kind}_ip"));
        let ip = ip.or_else(|| (kind == "client").then(|| "unknown".to_owned()));
        let port = text(&format!("{kind}_port")).map_or(String::new(), |port| format!(":{port}"));
        ip.map_or(name.clone(), |ip| format!("{name}[{ip}]{port}"))
    };
    match field {
        "relay" => Some(unsplit("relay", "none")),
        "client" => Some(unsplit("client", "unknown")),
        "user" => text("sasl_username"),
        "delays" => record["delays"].as_array().map(|delays| {
            let delays: Vec<String> = delays.iter().map(ToString::to_string).collect();
            delays.join("/")
        }),
        field => text(field),
    }
}

/// Equal as texts, as numbers, part by part, or both absent.
fn is_equal(field: &str, told: Option<&str>, stated: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let absent = matches!(stated, "" | "unknown" | "none" | "0" | "null");
    // Some state the reason with its parentheses; the contract's is the text inside.
    let inner = stated
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'));
    let stated = inner.filter(|_| field == "reason").unwrap_or(stated);
    match told {
        None => absent,
        Some(told) if told == stated => true,
        Some(told) if field == "delays" => told
            .split('/')
            .map(number)
            .eq(stated.split('/').map(number)),
        Some(told) => number(told).is_some() && number(told) == number(stated),
    }
}

#[test]
fn stated_fields_are_ours() {
    let Some(corpus) = corpus() else { return };
    let (mut n_equal, mut n_excepted, mut wrong) = (0u32, 0u32, Vec::new());
    for source in common::subfolders(&corpus) {
        let source_name = source
            .file_name()
            .expect("a folder")
            .to_string_lossy()
            .into_owned();
        let mut by_file: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for statement in statements(&source.join("expected.jsonl")) {
            let file = statement["file"].as_str().expect("a file").to_owned();
            by_file.entry(file).or_default().push(statement);
        }
        for (file, statements) in by_file {
            let out = OUT_OF_SCOPE
                .iter()
                .find(|(source, _)| *source == source_name);
            if out.is_some_and(|(_, files)| files.iter().any(|prefix| file.starts_with(prefix))) {
                continue;
            }
            let records = records(&source.join(&file));
            let place = format!("{source_name}/{file}");
            for statement in &statements {
                let line = statement["line"].as_u64().unwrap_or(0);
                let Some(expect) = statement["expect"].as_object().filter(|_| line > 0) else {
                    continue;
                };
                for (field, stated) in expect {
                    // Times are held against the header's own tests: these have no year, or an assumed one.
                    if field.starts_with("x_") || field == "timestamp" {
                        continue;
                    }
                    let stated = stated
                        .as_str()
                        .map_or_else(|| stated.to_string(), str::to_owned);
                    let told = records.get(&line).and_then(|record| told(record, field));
                    let is_excepted = EXCEPTIONS.iter().any(|exception| {
                        exception.file == place
                            && (exception.line == 0 || exception.line == line)
                            && (exception.field.is_empty() || exception.field == field)
                    });
                    if is_equal(field, told.as_deref(), &stated) {
                        n_equal += 1;
                    } else if is_excepted {
                        n_excepted += 1;
                    } else {
                        wrong.push(format!(
                            "{place}:{line}: {field}: stated {stated:?}, told {told:?}"
                        ));
                    }
                }
            }
        }
    }
    let n_wrong = u32::try_from(wrong.len()).expect("few");
    say(&format!(
        "{n_equal} fields equal, {n_wrong} wrong, {n_excepted} excepted"
    ));
    for line in &wrong {
        say(line);
    }
    assert!(n_equal > 400, "only {n_equal} fields were compared");
    let share = f64::from(n_equal) / f64::from(n_equal + n_wrong);
    assert!(share >= 0.99, "{:.2} % of the stated fields", share * 100.0);
    assert!(
        EXCEPTIONS
            .iter()
            .all(|exception| !exception.reason.is_empty())
    );
}

#[test]
fn whole_logs_give_the_counts_of_plain_matching() {
    let Some(corpus) = corpus() else { return };
    let mut n_logs = 0;
    // The words of maillogsentinel's log were replaced; the shape holds and nothing else.
    for source in [
        "postfix-logsums",
        "controlcenter",
        "modoboa",
        "maillog-dump",
    ] {
        for statement in statements(&corpus.join(source).join("reconstruct.jsonl")) {
            let file = statement["file"].as_str().expect("a file");
            let records = records(&corpus.join(source).join(file));
            let counts = &statement["expect"];
            // An empty last line is a line here and was not counted there.
            let all = records.len() as u64;
            let stated = counts["lines"].as_u64().expect("a count");
            assert!(
                (stated..=stated + 1).contains(&all),
                "{source}/{file}: {all}"
            );
            let by_id = tally(&records, |record| record["queue_id"].as_str());
            let expected = expected_counts(&counts["lines_per_queue_id"]);
            let missing: Vec<_> = expected
                .keys()
                .filter(|id| !by_id.contains_key(*id))
                .collect();
            assert!(missing.is_empty(), "{source}/{file}: queue IDs {missing:?}");
            let by_status = tally(&records, |record| {
                record["status"]
                    .as_str()
                    .filter(|_| record["event"] == "delivery")
            });
            assert_eq!(
                by_status,
                expected_counts(&counts["delivery_status"]),
                "{source}/{file}"
            );
            n_logs += 1;
        }
    }
    say(&format!("{n_logs} logs"));
    assert!(n_logs >= 20);
}

fn tally<'a>(
    records: &'a BTreeMap<u64, Value>,
    key: impl Fn(&'a Value) -> Option<&'a str>,
) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for record in records.values() {
        if let Some(key) = key(record) {
            // `message repeated N times` stands for N lines.
            *counts.entry(key.to_owned()).or_insert(0) += record["repeated"].as_u64().unwrap_or(1);
        }
    }
    counts
}

fn expected_counts(counts: &Value) -> BTreeMap<String, u64> {
    let counts = counts.as_object().into_iter().flatten();
    counts
        .map(|(key, count)| (key.clone(), count.as_u64().unwrap_or(0)))
        .collect()
}

#[test]
fn nearly_every_line_of_mail_programs_is_understood() {
    let Some(corpus) = corpus() else { return };
    let (mut n_lines, mut n_unknown) = (0, 0);
    let logs = [
        "postfix-logsums/mail-2023-03-14.log.gz",
        "controlcenter/mail.log.1.gz",
        "modoboa/mail.log",
        "maillog-dump/maillog-part1.log.gz",
        "logwatch/postfix.log",
        "logwatch/amavis.log",
        "postfix-exporter/input.log",
        "postfix-log-parser/test.log",
        "mailreceipt/mail.log",
        "fail2ban/postfix.log",
        "fail2ban/dovecot.log",
        "crowdsec/dovecot-logs.log",
    ];
    for log in logs {
        let path = corpus.join(log);
        let output = run(&[
            "events",
            "--unknown",
            "--format",
            "json",
            &path.to_string_lossy(),
        ]);
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let coverage = &answer["coverage"];
        let count = |name: &str| coverage[name].as_u64().expect("a count");
        assert_eq!(
            count("understood") + count("unknown") + count("other"),
            count("lines"),
            "{log}"
        );
        let shapes = answer["unknown"].as_array().expect("shapes");
        let listed: u64 = shapes
            .iter()
            .filter_map(|shape| shape["lines"].as_u64())
            .sum();
        assert_eq!(listed, count("unknown"), "{log}");
        n_lines += count("understood") + count("unknown");
        n_unknown += count("unknown");
        for shape in shapes {
            say(&format!(
                "{log}: not understood: {} {}",
                shape["program"], shape["example"]
            ));
        }
    }
    let share = 1.0 - n_unknown as f64 / n_lines as f64;
    say(&format!(
        "{n_unknown} of {n_lines} lines not understood: {:.3} % understood",
        share * 100.0
    ));
    assert!(n_lines > 30_000 && share >= 0.995);
}
