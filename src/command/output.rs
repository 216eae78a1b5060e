//! Where answers go: standard output or a file; and where warnings and progress go: standard error.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::arguments::{Output, When};
use crate::answer::Document;
use crate::input::Input;
use crate::options::Options;
use crate::read::{self, Log, Observer};
use crate::render::{self, Format, Look, printable};

/// Columns of a mail or a pipe.
const USUAL_WIDTH: usize = 80;

/// Where an answer is written.
pub(super) type Sink<'a> = dyn Write + Send + 'a;

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Runs `write` on standard output, or on a new file that takes its place only when it is whole.
pub(super) fn to_output(
    output: &Output,
    write: impl FnOnce(&mut Sink<'_>) -> Result<()>,
) -> Result<()> {
    match &output.output {
        Some(path) => to_file(path, write).with_context(|| format!("{}", path.display())),
        None => {
            let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout());
            let written = write(&mut out).and_then(|()| Ok(out.flush()?));
            // What could not be written is not tried again when the buffer goes.
            let _ = out.into_parts();
            match written {
                // `mailsleuth … | head`: the reader has seen enough.
                Err(error) if is_broken_pipe(&error) => Ok(()),
                written => written,
            }
        }
    }
}

fn to_file(path: &Path, write: impl FnOnce(&mut Sink<'_>) -> Result<()>) -> Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    let mut out = io::BufWriter::with_capacity(1 << 16, file.as_file_mut());
    write(&mut out)?;
    out.flush()?;
    drop(out);
    file.persist(path)?;
    Ok(())
}

/// Writes a document, as Markdown or HTML if that was asked for, else as text.
pub(super) fn document(output: &Output, document: &Document) -> Result<()> {
    let text = match output.format {
        Format::Markdown => render::markdown(document),
        Format::Html => render::html(document),
        Format::Text | Format::Json | Format::Jsonl | Format::Csv => {
            render::text(document, look(output))
        }
    };
    to_output(output, |out| Ok(out.write_all(text.as_bytes())?))
}

fn look(output: &Output) -> Look {
    let to_terminal = output.output.is_none() && io::stdout().is_terminal();
    let width = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let width = width.or_else(|| {
        let terminal = to_terminal.then(comfy_table_width).flatten();
        terminal.map(usize::from)
    });
    Look {
        // A terminal without a size says 0.
        width: width.filter(|width| *width >= 40).unwrap_or(USUAL_WIDTH),
        utf8: is_utf8(),
        color: match output.color {
            When::Always => true,
            When::Never => false,
            When::Auto => {
                to_terminal
                    && anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
            }
        },
    }
}

/// True when the locale says so (locale(7)): the first of these that is set decides.
fn is_utf8() -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let mut set = names.iter().filter_map(std::env::var_os);
    let first = set.find(|value| !value.is_empty());
    first.is_some_and(|value| {
        let value = value.to_string_lossy().to_ascii_lowercase();
        value.contains("utf-8") || value.contains("utf8")
    })
}

/// The width of the terminal on standard output.
fn comfy_table_width() -> Option<u16> {
    comfy_table::Table::new().width()
}

/// Reads the logs with a progress bar, and tells on standard error what could not be read.
///
/// # Errors
/// When nothing could be read at all, or not one of the lines was understood.
pub(super) fn read(options: &Options, output: &Output, observe: &mut Observer<'_>) -> Result<Log> {
    let input = read::discover(options);
    let bytes_read = Arc::new(AtomicU64::new(0));
    let progress = Progress::start(&input, output, &bytes_read);
    let log = read::read(options, input, &bytes_read, observe);
    progress.stop();
    let log = log?;
    warn(&log, output);
    check(&log)?;
    Ok(log)
}

fn warn(log: &Log, output: &Output) {
    let mut out = anstream::stderr().lock();
    for fault in &log.coverage.faults {
        let (file, message) = (printable(&fault.file), printable(&fault.message));
        let _ = writeln!(out, "mailsleuth: {file}: {message}");
    }
    if !output.quiet {
        for notice in &log.coverage.notices {
            let _ = writeln!(out, "mailsleuth: note: {}", printable(notice));
        }
    }
}

/// Tells something on standard error.
pub(super) fn note(text: &str) {
    let _ = writeln!(
        anstream::stderr().lock(),
        "mailsleuth: note: {}",
        printable(text)
    );
}

fn check(log: &Log) -> Result<()> {
    let coverage = &log.coverage;
    if coverage.files.is_empty() {
        bail!("nothing could be read");
    }
    if coverage.lines > 0 && coverage.understood == 0 {
        bail!(
            "not one of {} lines was understood as a line of a mail log ({} of mail programs, {} of others): \
             is this a mail log?",
            coverage.lines,
            coverage.unknown,
            coverage.other
        );
    }
    if coverage.lines == 0 && !coverage.faults.is_empty() {
        bail!("no line could be read");
    }
    Ok(())
}

/// A bar over the compressed bytes, drawn by a thread of its own so that reading never waits for it.
struct Progress {
    done: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Progress {
    fn start(input: &Input, output: &Output, bytes_read: &Arc<AtomicU64>) -> Self {
        let wanted = match output.progress {
            When::Always => true,
            When::Never => false,
            When::Auto => !output.quiet && io::stderr().is_terminal(),
        };
        let done = Arc::new(AtomicBool::new(false));
        let total = input.size_bytes();
        let thread = wanted.then(|| {
            let (done, bytes_read) = (Arc::clone(&done), Arc::clone(bytes_read));
            std::thread::spawn(move || draw(total, &done, &bytes_read))
        });
        Self { done, thread }
    }

    fn stop(self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn draw(total: u64, done: &AtomicBool, bytes_read: &AtomicU64) {
    if !io::stderr().is_terminal() {
        return tell(total, done, bytes_read);
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    if let Ok(style) =
        ProgressStyle::with_template("reading {bar:30} {bytes}/{total_bytes} {bytes_per_sec}")
    {
        bar.set_style(style);
    }
    while !done.load(Ordering::Relaxed) {
        bar.set_position(bytes_read.load(Ordering::Relaxed).min(total));
        std::thread::park_timeout(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}

/// `--progress always` without a terminal: a line a second, and one at the end.
fn tell(total: u64, done: &AtomicBool, bytes_read: &AtomicU64) {
    loop {
        std::thread::park_timeout(Duration::from_secs(1));
        let is_done = done.load(Ordering::Relaxed);
        let bytes = bytes_read.load(Ordering::Relaxed);
        let _ = writeln!(io::stderr(), "mailsleuth: read {bytes} of {total} bytes");
        if is_done {
            return;
        }
    }
}
