//! What the log does not say: where an address is, whose mail servers a recipient has, what a reply means.

pub mod geoip;
pub mod places;
pub mod postcat;
pub mod providers;
pub mod replies;
