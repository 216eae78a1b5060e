//! A block with what its lines say: all that can be done with a line before its time is known, in any thread.

use hashbrown::HashMap;

use crate::event::Event;
use crate::input::Block;
use crate::parse::Speaker;
use crate::syslog::{self, Header, HeaderReader};

/// A line whose time is not resolved yet.
pub(super) struct Parsed<'a> {
    pub(super) header: Header<'a>,
    pub(super) event: Event<'a>,
    pub(super) number: u32,
    pub(super) repeated: u32,
    pub(super) is_lossy: bool,
}

/// The lines of a block, and how far they were understood.
#[derive(Default)]
pub(super) struct ParsedLines<'a> {
    pub(super) lines: Vec<Parsed<'a>>,
    pub(super) understood: u64,
    pub(super) unknown: u64,
    pub(super) other: u64,
    pub(super) lossy: u64,
    pub(super) cut: u64,
    pub(super) undated: u64,
    pub(super) lines_lost: u64,
    pub(super) loss_notices: u64,
    programs: Vec<ProgramLines<'a>>,
    /// Those of the programs that have lines about mail, in the order of the first one.
    of_mail: Vec<usize>,
    places: HashMap<&'a str, usize>,
}

/// A program, and its lines about mail.
pub(super) struct ProgramLines<'a> {
    pub(super) name: &'a str,
    pub(super) lines: u64,
    pub(super) unknown: u64,
    speaker: Speaker<'a>,
}

self_cell::self_cell!(
    /// A block with what its lines say, which borrows from it.
    pub(super) struct ParsedBlock {
        owner: Block,
        #[covariant]
        dependent: ParsedLines,
    }
);

/// Shorter lines than this are rare; a guess that is too low costs little.
const USUAL_LINE_BYTES: usize = 110;

impl ParsedBlock {
    pub(super) fn parse(block: Block) -> Self {
        Self::new(block, |block| {
            let mut headers = HeaderReader::default();
            let mut parsed = ParsedLines {
                lines: Vec::with_capacity(block.text.len() / USUAL_LINE_BYTES),
                ..ParsedLines::default()
            };
            for line in block.lines() {
                let header = headers.read(line.text);
                parsed.cut += u64::from(line.is_cut);
                parsed.push(header, line.number, line.is_lossy);
            }
            parsed
        })
    }
}

impl<'a> ParsedLines<'a> {
    /// The programs with lines about mail, in the order of the first one.
    pub(super) fn programs(&self) -> impl Iterator<Item = &ProgramLines<'a>> {
        self.of_mail.iter().map(|place| &self.programs[*place])
    }

    fn push(&mut self, header: Header<'a>, number: u32, is_lossy: bool) {
        let place = self.place(header.program);
        let (event, repeated) = event(&self.programs[place].speaker, &header);
        self.count(place, &header, &event);
        self.lossy += u64::from(is_lossy);
        self.lines.push(Parsed {
            header,
            event,
            number,
            repeated,
            is_lossy,
        });
    }

    fn place(&mut self, program: &'a str) -> usize {
        *self.places.entry(program).or_insert_with(|| {
            self.programs.push(ProgramLines {
                name: program,
                lines: 0,
                unknown: 0,
                speaker: Speaker::of(program),
            });
            self.programs.len() - 1
        })
    }

    fn count(&mut self, place: usize, header: &Header<'_>, event: &Event<'_>) {
        self.undated += u64::from(header.stamp == syslog::Stamp::Missing);
        let is_unknown = matches!(event, Event::Unknown);
        match event {
            Event::Other => {
                self.other += 1;
                return;
            }
            Event::Unknown => self.unknown += 1,
            Event::LinesLost { n_lines, .. } => {
                self.understood += 1;
                self.loss_notices += 1;
                self.lines_lost += n_lines.unwrap_or(0);
            }
            _ => self.understood += 1,
        }
        let program = &mut self.programs[place];
        if program.lines == 0 {
            self.of_mail.push(place);
        }
        program.lines += 1;
        program.unknown += u64::from(is_unknown);
    }
}

/// V1: `message repeated 2 times: [ …]` says the same as the line in the brackets, twice.
fn event<'a>(speaker: &Speaker<'a>, header: &Header<'a>) -> (Event<'a>, u32) {
    match syslog::repeated(header.text) {
        Some(repeated) => match repeated.text {
            Some(text) => (speaker.event(text), repeated.n_times),
            None => {
                let n_times = repeated.n_times;
                (Event::Repeated { n_times }, 1)
            }
        },
        None => (speaker.event(header.text), 1),
    }
}
