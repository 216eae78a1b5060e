//! What the log does not say: where an address is, and whose mail servers a recipient has.

pub mod geoip;
pub mod providers;
