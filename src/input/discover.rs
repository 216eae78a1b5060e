//! PATHs -> sources: files, directories, standard input, or where this system keeps its mail log.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::source::{Source, identity};
use super::{Fault, Input, duplicates, extracts};

/// Names of mail logs in a directory; rotated siblings begin alike.
const NAMES: [&str; 3] = ["mail.log", "maillog", "mail.info"];
const SYSTEM_LOGS: &str = "/var/log";
/// Systems allow 1024 open files to a process as a rule.
const MAX_OPEN_FILES: usize = 200;

/// Finds what can be read. Each content appears once, in the order named.
/// Without PATHs: standard input if it is a pipe or a file, else the system's mail log.
pub fn discover(paths: &[PathBuf]) -> Input {
    let mut input = Input::default();
    for path in paths {
        add(path, &mut input);
    }
    if paths.is_empty() {
        add_default(&mut input);
    }
    duplicates::remove(&mut input);
    extracts::remove(&mut input);
    input
}

fn add(path: &Path, input: &mut Input) {
    let name = path.to_string_lossy().into_owned();
    let result = if name == "-" {
        add_stdin(input)
    } else {
        add_path(path, name.clone(), input)
    };
    if let Err(error) = result {
        input.faults.push(Fault::new(name, explain(&error)));
    }
}

fn add_path(path: &Path, name: String, input: &mut Input) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    let file_type = metadata.file_type();
    if file_type.is_dir() {
        return add_directory(path, &NAMES, input);
    }
    let known = input
        .sources
        .iter()
        .find(|s| s.identity == Some(identity(&metadata)));
    if let Some(known) = known {
        input
            .notices
            .push(format!("{name}: skipped, the same file as {}", known.name));
        return Ok(());
    }
    let source = if file_type.is_file() {
        let mut source = Source::of_file(name, File::open(path)?, 0)?;
        if input.sources.len() >= MAX_OPEN_FILES {
            source.close(path);
        }
        source
    } else if file_type.is_fifo() {
        // The shell's `<(zcat …)`.
        let mut source = Source::of_pipe(name, File::open(path)?)?;
        source.identity = Some(identity(&metadata));
        source
    } else {
        return Err(io::Error::other("is a device or a socket, not a log file"));
    };
    input.sources.push(source);
    Ok(())
}

fn add_directory(directory: &Path, names: &[&str], input: &mut Input) -> io::Result<()> {
    let logs = logs_in(directory, names)?;
    if logs.is_empty() {
        let message = format!("no {}* in this directory", names.join("*, "));
        return Err(io::Error::other(message));
    }
    for log in logs {
        add(&log, input);
    }
    Ok(())
}

/// Files of a directory that are named like a mail log, sorted by name.
fn logs_in(directory: &Path, names: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // logcheck and logtail keep their positions in `.offset` files.
        let is_log = names.iter().any(|n| name.starts_with(n)) && !name.ends_with(".offset");
        if is_log && !path.is_dir() {
            logs.push(path);
        }
    }
    logs.sort();
    Ok(logs)
}

fn add_stdin(input: &mut Input) -> io::Result<()> {
    if input.sources.iter().any(|s| s.name == "-") {
        input
            .notices
            .push("-: skipped, standard input was named twice".to_owned());
        return Ok(());
    }
    let mut stdin = stdin_as_file()?;
    let source = if stdin.metadata()?.is_file() {
        let start = stdin.stream_position()?;
        Source::of_file("-".to_owned(), stdin, start)?
    } else {
        Source::of_pipe("-".to_owned(), stdin)?
    };
    input.sources.push(source);
    Ok(())
}

fn stdin_as_file() -> io::Result<File> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

fn add_default(input: &mut Input) {
    let logs = logs_in(Path::new(SYSTEM_LOGS), NAMES.get(..2).unwrap_or_default());
    let has_logs = logs.as_ref().is_ok_and(|logs| !logs.is_empty());
    if stdin_is_log() && add_stdin(input).is_ok() {
        // cron gives its jobs an empty pipe.
        let is_empty = input.sources.iter().all(|source| source.head(1).is_empty());
        if !(is_empty && has_logs) {
            return;
        }
        input.sources.clear();
        let notice = format!("-: standard input is empty, reading the logs in {SYSTEM_LOGS}");
        input.notices.push(notice);
    }
    match logs {
        Ok(logs) if logs.is_empty() => input.faults.push(Fault::new(
            SYSTEM_LOGS,
            "no mail.log* or maillog* in this directory: name a file, a directory, or - for standard input",
        )),
        Ok(logs) => logs.iter().for_each(|log| add(log, input)),
        Err(error) => input.faults.push(Fault::new(SYSTEM_LOGS, explain(&error))),
    }
}

/// False for a terminal and for /dev/null, which is what cron jobs and services get.
fn stdin_is_log() -> bool {
    let metadata = stdin_as_file().and_then(|stdin| stdin.metadata());
    metadata.is_ok_and(|metadata| {
        let file_type = metadata.file_type();
        file_type.is_fifo() || file_type.is_file() || file_type.is_socket()
    })
}

/// Says in a user's words why something could not be opened.
pub(super) fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied (mail logs can be read by root, often by the group adm)".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::testing::{Folder, gzip};

    fn check(paths: &[&Path], names: &[&str], faults: &[&str], notices: &[&str]) {
        let paths: Vec<_> = paths.iter().map(|p| p.to_path_buf()).collect();
        let input = discover(&paths);
        let file = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let found: Vec<_> = input.sources.iter().map(|s| file(&s.name)).collect();
        assert_eq!(found, names);
        let messages: Vec<_> = input.faults.iter().map(|f| &f.message).collect();
        assert_eq!(messages.len(), faults.len(), "{messages:?}");
        for (message, fault) in messages.iter().zip(faults) {
            assert!(message.contains(fault), "{message}");
        }
        assert_eq!(input.notices.len(), notices.len(), "{:?}", input.notices);
        for (notice, part) in input.notices.iter().zip(notices) {
            assert!(notice.contains(part), "{notice}");
        }
    }

    #[test]
    fn a_directory_means_its_mail_logs() {
        let folder = Folder::new();
        for name in [
            "mail.log",
            "mail.log.1",
            "maillog-20230220",
            "mail.info",
            "mail.err",
            "syslog",
        ] {
            folder.write(name, name.as_bytes());
        }
        folder.write("mail.log.offset", b"1234");
        fs::create_dir(folder.path().join("mail.log.d")).unwrap();
        let names = ["mail.info", "mail.log", "mail.log.1", "maillog-20230220"];
        check(&[folder.path()], &names, &[], &[]);
        check(
            &[&folder.path().join("mail.log.d")],
            &[],
            &["no mail.log*, maillog*, mail.info* in"],
            &[],
        );
    }

    #[test]
    fn what_can_not_be_read_is_a_fault_and_the_rest_goes_on() {
        let folder = Folder::new();
        let log = folder.write("mail.log", b"x\n");
        let zip = folder.write("a.zip", b"PK\x03\x04rest");
        let missing = folder.path().join("missing");
        let paths = [missing.as_path(), &log, Path::new("/dev/null"), &zip];
        let faults = ["no such file", "device", "zip, which is not supported"];
        check(&paths, &["mail.log"], &faults, &[]);
    }

    #[test]
    fn a_file_named_twice_is_read_once() {
        let folder = Folder::new();
        let log = folder.write("mail.log", b"x\n");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&log, &link).unwrap();
        check(
            &[&log, &link, &log],
            &["mail.log"],
            &[],
            &["same file as", "same file as"],
        );
    }

    #[test]
    fn the_same_content_is_read_once() {
        let folder = Folder::new();
        let text = "Nov 19 22:00:00 mx postfix/qmgr[1]: starting\n".repeat(1000);
        let more = format!("{text}and more\n");
        let other = format!("{text}and other\n");
        let log = folder.write("mail.log.1", text.as_bytes());
        let zipped = folder.write("mail.log.1.gz", &gzip(text.as_bytes()));
        let more = folder.write("mail.log", more.as_bytes());
        let other = folder.write("mail.log.2", other.as_bytes());
        let whole = gzip(text.as_bytes());
        let broken = folder.write("broken.gz", &whole[..whole.len() - 9]);
        check(
            &[&broken, &log],
            &["mail.log.1"],
            &[],
            &["broken.gz: skipped, duplicate of"],
        );
        let empty = folder.write("empty", b"");
        let empty2 = folder.write("empty2", b"");
        check(
            &[&log, &zipped],
            &["mail.log.1"],
            &[],
            &["mail.log.1.gz: skipped, duplicate of"],
        );
        check(
            &[&zipped, &more],
            &["mail.log"],
            &[],
            &["mail.log.1.gz: skipped, duplicate of"],
        );
        check(&[&more, &other], &["mail.log", "mail.log.2"], &[], &[]);
        check(&[&empty, &empty2], &["empty", "empty2"], &[], &[]);
    }
}
