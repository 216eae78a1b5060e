//! A line's header: when, which host, which program; and the year and zone that year-less logs leave out.

mod clock;
mod dates;
mod evidence;
mod head;
mod header;
mod hosts;
mod prefix;
mod repeated;
mod tag;
#[cfg(test)]
mod tests;
mod timestamp;
mod year;
mod zone;

pub use clock::{Clock, ClockOptions, FileYear};
pub use evidence::queue_id_micros;
pub use header::{Header, HeaderReader, header};
pub use hosts::HostZone;
pub use repeated::{Repeated, repeated};
pub use timestamp::{LocalTime, Stamp};
pub use zone::Zone;
