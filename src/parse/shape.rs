//! Services with a name of their own: the line's shape says which daemon it is of.

use super::{bounce, cleanup, housekeeping, pickup, qmgr, smtp, smtpd, verbose};
use crate::event::Event;

/// Tries each daemon's lines; every one of them begins with words that only the daemon writes.
pub(super) fn parse(text: &str) -> Option<Event<'_>> {
    smtpd::parse(text)
        .or_else(|| qmgr::parse(text))
        .or_else(|| pickup::parse(text))
        .or_else(|| bounce::parse(text))
        .or_else(|| smtp::parse(text))
        .or_else(|| cleanup::parse(text))
        .or_else(|| housekeeping::parse(text))
        .or_else(|| verbose::parse(text))
}
