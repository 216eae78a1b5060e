//! Mail logs in, findings out: who abuses this mail server, from where, since when, and how we know.
//!
//! Data flows down the list of modules below; each uses those above it, never one below.

// What is spoken of.
pub mod mail;

pub mod event;

pub mod finding;

pub mod options;

// Files.
pub mod input;

// Lines.
pub mod syslog;

pub mod parse;

pub mod read;

// Messages.
pub mod correlate;

// What the log does not say.
pub mod knowledge;

// Judgement.
pub mod tables;

pub mod detect;

pub mod incident;

// Answers.
pub mod answer;

pub mod summary;

pub mod render;

pub mod command;
