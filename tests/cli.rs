//! Command line -> output, exit status and words on standard error.

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use common::{command, run};

const ROOT: &str = "sample-logs/root-compromise/mail.log.gz";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Exit status, standard output, standard error.
fn parts(output: &Output) -> (Option<i32>, String, String) {
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn write(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a temporary file");
    path
}

fn report(path: &Path) -> (Option<i32>, String, String) {
    parts(&run(&["report", &path.to_string_lossy()]))
}

fn unpack(path: &str) -> Vec<u8> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).expect("a sample");
    let mut reader = flate2::read::MultiGzDecoder::new(file);
    reader.read_to_end(&mut bytes).expect("whole gzip");
    bytes
}

fn run_with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("the program ends");
    // The program may have left before it read everything.
    let _ = writer.join();
    output
}

#[test]
fn exit_status_tells_of_findings_only_where_asked() {
    let status = |arguments: &[&str]| run(arguments).status.code();
    assert_eq!(status(&["detect", ROOT]), Some(1));
    assert_eq!(status(&["detect", "--fail-on", "critical", ROOT]), Some(0));
    assert_eq!(status(&["report", ROOT]), Some(0));
    assert_eq!(status(&["report", "--fail-on", "high", ROOT]), Some(1));
    assert_eq!(status(&["detect", "sample-logs/clean-day"]), Some(0));
    assert_eq!(status(&["detect", "--no-such-option"]), Some(2));
    // What is hidden (the stolen account, and the mail that is stuck for it) still decides the exit status.
    let (status, out, _) = parts(&run(&["detect", "--min-level", "critical", ROOT]));
    assert_eq!(status, Some(1));
    assert!(
        out.starts_with("Nothing of the level asked for; findings below it: 2."),
        "{out}"
    );
}

#[test]
fn standard_input_gives_the_same_report_as_the_file() {
    let (status, from_file, _) = report(Path::new(ROOT));
    assert_eq!(status, Some(0));
    let packed = std::fs::read(ROOT).expect("a sample");
    for input in [unpack(ROOT), packed] {
        let output = run_with_input(&["report", "-"], &input);
        // The source has another name, so lines are broken elsewhere; the words are the same.
        let words = |text: &str| -> Vec<String> {
            text.split_whitespace()
                .map(|word| word.replace(ROOT, "-"))
                .collect()
        };
        let (from_pipe, from_file) = (words(&text(&output.stdout)), words(&from_file));
        let differ = from_pipe.iter().zip(&from_file).find(|(a, b)| a != b);
        assert_eq!((differ, from_pipe.len()), (None, from_file.len()));
    }
}

#[test]
fn every_run_gives_the_same_bytes() {
    for arguments in [["report", ROOT], ["messages", ROOT]] {
        let once = |more: &[&str]| run(&[&arguments[..], more].concat()).stdout;
        let first = once(&[]);
        assert!(!first.is_empty());
        for more in [&[][..], &["--threads", "1"], &["--threads", "8"]] {
            assert!(once(more) == first, "{arguments:?} {more:?}");
        }
    }
}

#[test]
fn what_is_no_log_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut noise = Vec::new();
    let mut state = 1u64;
    for _ in 0..50_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        noise.push((state >> 56) as u8);
    }
    for (name, bytes) in [
        ("noise", noise),
        ("prose", b"Dear diary,\nno mail today.\n".to_vec()),
    ] {
        let (status, out, err) = report(&write(&folder, name, &bytes));
        assert_eq!((status, out.as_str()), (Some(2), ""), "{name}");
        assert!(err.contains("is this a mail log?"), "{err}");
    }
    let (status, out, err) = report(folder.path());
    assert_eq!((status, out.as_str()), (Some(2), ""));
    assert!(err.contains("no mail.log*"), "{err}");
    let (status, _, err) = report(Path::new("no/such/file"));
    assert_eq!(status, Some(2));
    assert!(err.contains("no/such/file: no such file"), "{err}");
}

#[test]
fn a_truncated_gzip_counts_as_far_as_it_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = std::fs::read(ROOT).expect("a sample");
    let path = write(&folder, "mail.log.gz", &whole[..whole.len() / 2]);
    let (status, out, err) = report(&path);
    assert_eq!(status, Some(2));
    assert!(err.contains("the gzip file is truncated"), "{err}");
    assert!(out.contains("Not read to its end"), "{out}");
    assert!(
        out.contains("SASL login root is used by somebody else"),
        "{out}"
    );
}

#[test]
fn an_unreadable_file_is_named_and_the_others_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = write(&folder, "secret.log", b"x\n");
    let mut permissions = std::fs::metadata(&secret).expect("a file").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0);
    std::fs::set_permissions(&secret, permissions).expect("permissions");
    if std::fs::read(&secret).is_ok() {
        let _ = writeln!(std::io::stdout(), "skipped: this user may read every file");
        return;
    }
    let output = run(&["report", &secret.to_string_lossy(), "sample-logs/clean-day"]);
    let (status, out, err) = parts(&output);
    assert_eq!(status, Some(2));
    assert!(err.contains("permission denied"), "{err}");
    assert!(out.contains("1424 lines"), "{out}");
}

#[test]
fn an_empty_log_is_no_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let (status, out, err) = report(&write(&folder, "mail.log", b""));
    assert_eq!((status, err.as_str()), (Some(0), ""));
    assert!(out.starts_with("The logs hold no lines."), "{out}");
}

#[test]
fn a_reader_that_leaves_is_a_quiet_end() {
    for arguments in [["report", ROOT], ["events", ROOT]] {
        let mut child = command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let (status, _, err) = parts(&child.wait_with_output().expect("the program ends"));
        assert_eq!((status, err.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn log_text_reaches_the_terminal_as_text() {
    let line = "2024-03-04T08:00:00+01:00 mail postfix/smtpd[9]: A10F00DAA: client=unknown[192.0.2.6], \
        sasl_method=PLAIN, sasl_username==cmd|' /C calc'!A0,<b>\u{1b}]0;x\u{7}\u{202e}\u{9b}2J\n\
        2024-03-04T08:00:00+01:00 mail postfix/qmgr[2]: A10F00DAA: from=<,=1+1@example.com>, size=9, nrcpt=1 (queue active)\n";
    for command in ["report", "events", "messages", "detect", "accounts"] {
        for format in ["text", "json", "jsonl"] {
            let output = run_with_input(
                &[command, "--format", format, "--color", "never", "-"],
                line.as_bytes(),
            );
            let (status, out, err) = parts(&output);
            assert_eq!((status, err.as_str()), (Some(0), ""), "{command} {format}");
            let dangerous = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!out.contains(dangerous), "{command} {format}: {out:?}");
        }
    }
    let output = run_with_input(&["messages", "--format", "jsonl", "-"], line.as_bytes());
    let message: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let login = message["origin"]["sasl_username"]
        .as_str()
        .expect("a login");
    assert_eq!(
        login,
        "=cmd|' /C calc'!A0,<b>\u{1b}]0;x\u{7}\u{202e}\u{9b}2J"
    );
}

#[test]
fn an_output_file_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.txt");
    let name = path.to_string_lossy();
    let output = run(&["report", "-o", &name, ROOT]);
    assert_eq!(parts(&output), (Some(0), String::new(), String::new()));
    let written = std::fs::read(&path).expect("the report");
    assert!(written == run(&["report", ROOT]).stdout);
    // An error leaves what was there.
    let output = run(&["report", "-o", &name, "no/such/file"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(std::fs::read(&path).expect("the report") == written);
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("the folder")
            .count(),
        1
    );
}

#[test]
fn the_period_chooses_messages_and_events() {
    let count = |more: &[&str]| {
        let output = run(&[&["messages", "--format", "jsonl", ROOT][..], more].concat());
        text(&output.stdout).lines().count()
    };
    assert_eq!(count(&[]), 101);
    // Before the first message of the incident; the zone is the log's.
    assert_eq!(count(&["--until", "2024-11-19T22:00:00+01:00"]), 16);
    assert_eq!(count(&["--since", "2031-01-01"]), 0);
    let output = run(&["messages", "--since", "tomorrowish", ROOT]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("--since tomorrowish"),
        "{output:?}"
    );
}

#[test]
fn rotated_siblings_are_read_in_time_order_however_they_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = unpack(ROOT);
    let cut = log.len() / 2
        + log[log.len() / 2..]
            .iter()
            .position(|b| *b == b'\n')
            .unwrap()
        + 1;
    let newer = write(&folder, "mail.log", &log[cut..]);
    let older = write(&folder, "mail.log.1", &log[..cut]);
    let findings = |paths: &[&str]| {
        let output = run(&[&["detect", "--format", "json"][..], paths].concat());
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let finding = &answer["findings"][0];
        (
            finding["id"].clone(),
            finding["counts"].clone(),
            finding["still_queued"].clone(),
        )
    };
    let (newer, older) = (newer.to_string_lossy(), older.to_string_lossy());
    let whole = findings(&[ROOT]);
    assert_eq!(findings(&[&newer, &older]), whole);
    assert_eq!(findings(&[&older, &newer]), whole);
    assert_eq!(findings(&[&folder.path().to_string_lossy()]), whole);
}

#[test]
fn trace_tells_a_message_with_its_relatives() {
    let output = run(&["trace", "3ACC9A283A3", ROOT]);
    let (status, out, _) = parts(&output);
    assert_eq!(status, Some(0));
    for expected in [
        "3ACC9A283A3 on srv1: deferred",
        "with the login root",
        "bounce of 3ACC9A283A3: 5BDDEA283A9",
    ] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    let by_login = text(&run(&["trace", "--account", "root", "--format", "jsonl", ROOT]).stdout);
    // 70 messages, and the one notification that came of them.
    assert_eq!(by_login.lines().count(), 71);
    assert_eq!(run(&["trace", ROOT]).status.code(), Some(2));
}

#[test]
fn explain_knows_every_detector() {
    for detector in mailsleuth::detect::DETECTORS {
        let out = text(&run(&["explain", detector.id]).stdout);
        assert!(out.contains(detector.question), "{out}");
        for signal in detector.signals {
            assert!(out.contains(signal.name), "{out}");
        }
    }
    assert_eq!(run(&["explain", "no-such-detector"]).status.code(), Some(2));
}

#[test]
fn the_arguments_are_consistent() {
    use clap::CommandFactory;
    mailsleuth::command::Cli::command().debug_assert();
}

/// Case 1: the log begins after the message arrived; its queue file has the login.
#[test]
fn a_queue_file_gives_the_login_that_the_log_has_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = "2021-08-14T08:37:38+02:00 mail postfix/error[9631]: BC96418C10: to=<someone@comcast.net>, relay=none, \
        delay=161913, delays=161238/676/0/0.04, dsn=4.4.2, status=deferred (delivery temporarily suspended: conversation \
        with mx1.comcast.net[96.114.157.80] timed out while receiving the initial server greeting)\n";
    let file = "*** ENVELOPE RECORDS deferred/B/BC96418C10 ***\n\
        message_arrival_time: Thu Aug 12 11:39:05 2021\n\
        named_attribute: sasl_method=LOGIN\n\
        named_attribute: sasl_username=root\n\
        sender: info@example.com\n\
        named_attribute: log_client_address=192.0.2.5\n\
        named_attribute: log_helo_name=203.0.113.90\n\
        recipient: someone@comcast.net\n\
        *** MESSAGE CONTENTS deferred/B/BC96418C10 ***\n\
        named_attribute: sasl_username=innocent\n";
    let log = write(&folder, "mail.log", log.as_bytes());
    let file = write(&folder, "queue-file", file.as_bytes());
    let (log, file) = (log.to_string_lossy(), file.to_string_lossy());
    let out = text(&run(&["trace", "--postcat", &file, &log]).stdout);
    assert!(out.contains("queue file: SASL login root"), "{out}");
    // 161913 seconds before the line.
    let words = out.split_whitespace().collect::<Vec<&str>>().join(" ");
    assert!(words.contains("puts that at 2021-08-12 11:39:05."), "{out}");
    let output = run(&["trace", "--postcat", &file, "--format", "json", &log]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let message = &answer["messages"][0];
    assert_eq!(message["queue_file"]["sasl_username"], "root");
    assert_eq!(message["arrival"], "2021-08-12T11:39:05+02:00");
}

#[test]
fn the_queue_is_listed_for_postsuper() {
    let lines = |more: &[&str]| -> Vec<String> {
        let output = run(&[&["queue", ROOT][..], more].concat());
        let (status, out, err) = parts(&output);
        assert_eq!((status, err.as_str()), (Some(0), ""), "{more:?}");
        out.lines().map(str::to_owned).collect()
    };
    let of_root = lines(&["--account", "root"]);
    assert_eq!(of_root.len(), 44);
    assert_eq!(lines(&["--finding", "all"]), of_root);
    assert_eq!(lines(&["--account", "nobody"]), Vec::<String>::new());
    let by_client = |ip| lines(&["--account", "root", "--client", ip]).len();
    assert_eq!(by_client("176.123.8.19") + by_client("176.123.8.27"), 44);
    let of_sender = lines(&["--from", "@parcel.test"]);
    assert!(!of_sender.is_empty() && of_sender.iter().all(|id| of_root.contains(id)));
    assert_eq!(
        run(&["queue", "--finding", "none", ROOT]).status.code(),
        Some(2)
    );
}

/// What postqueue(1) lists is what waits now; the log tells whose it is.
#[test]
fn a_list_of_the_queue_is_joined_to_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = "{\"queue_name\":\"deferred\",\"queue_id\":\"D62BEA28380\",\"arrival_time\":1732051153,\"message_size\":1121,\
        \"sender\":\"no_reply@parcel.test\",\"recipients\":[{\"address\":\"emma.teemm@cox.net\",\"delay_reason\":\"timed out\"}]}\n\
        {\"queue_name\":\"hold\",\"queue_id\":\"4912AA28385\",\"arrival_time\":1740000000,\"message_size\":9,\
        \"sender\":\"root@kranbau.example\",\"recipients\":[]}\n";
    let list = write(&folder, "queue.json", list.as_bytes());
    let list = list.to_string_lossy();
    let output = run(&["queue", "--postqueue", &list, "--format", "jsonl", ROOT]);
    let records: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(records[0]["sasl_username"], "root");
    assert_eq!(records[0]["recipients"][0]["reason"], "timed out");
    assert_eq!(records[0]["recipients"][0]["provider"], "cox.net");
    // Months later the same short queue ID is another message.
    assert_eq!(records[1]["in_log"], false);
    assert_eq!(records[1]["sasl_username"], serde_json::Value::Null);
    let of_root = run(&["queue", "--account", "root", "--postqueue", &list, ROOT]);
    assert_eq!(text(&of_root.stdout), "D62BEA28380\n");
    let noise = write(&folder, "noise", b"no list\n");
    let output = run(&["queue", "--postqueue", &noise.to_string_lossy(), ROOT]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn lines_of_one_host_can_be_chosen() {
    let all = run(&["messages", "--format", "jsonl", ROOT]).stdout;
    assert!(run(&["messages", "--format", "jsonl", "--host", "srv1", ROOT]).stdout == all);
    let (status, out, err) = parts(&run(&["report", "--host", "srv2", ROOT]));
    assert_eq!((status, out.as_str()), (Some(2), ""));
    assert!(err.contains("--host srv2"), "{err}");
}

#[test]
fn shells_and_man_get_their_pages() {
    for shell in ["bash", "zsh", "fish"] {
        let out = text(&run(&["completions", shell]).stdout);
        assert!(out.contains("postqueue"), "{shell}");
    }
    assert!(text(&run(&["man"]).stdout).contains(".TH mailsleuth 1"));
    assert!(text(&run(&["man", "queue"]).stdout).contains(".TH mailsleuth-queue"));
    assert_eq!(run(&["man", "no-such-command"]).status.code(), Some(2));
}
