//! Mail logs in, findings out: who abuses this mail server, from where, since when, and how we know.
//!
//! Data flows down the list of modules below; each uses those above it, never one below.

// What is spoken of.
pub mod event;
pub mod mail;

// Files.
pub mod input;

// Lines.
pub mod syslog;
