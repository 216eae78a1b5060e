//! What the log does not say: where an address is, whose mail servers a recipient has, what a reply means.

pub mod config;
pub mod dead_lists;
pub mod geoip;
pub mod places;
pub mod postcat;
pub mod postconf;
pub mod postqueue;
pub mod providers;
pub mod remedies;
pub mod replies;

use anyhow::Result;

use crate::options::Options;
use config::Config;
use geoip::GeoIp;
use postconf::Postconf;

/// What the user gave beside the logs, and the tables in the program.
pub struct Knowledge {
    pub config: Config,
    pub geoip: GeoIp,
    /// The mail server's own configuration, if it was given.
    pub postconf: Option<Postconf>,
}

impl Knowledge {
    /// Reads the files that the options name.
    ///
    /// # Errors
    /// A file that cannot be read or understood.
    pub fn load(options: &Options) -> Result<Self> {
        Ok(Self {
            config: Config::load(options.config.as_deref())?,
            geoip: geoip(options)?,
            postconf: options
                .postconf
                .as_deref()
                .map(Postconf::load)
                .transpose()?,
        })
    }
}

fn geoip(options: &Options) -> Result<GeoIp> {
    if options.without_geoip {
        Ok(GeoIp::none())
    } else if options.geoip.is_empty() {
        Ok(GeoIp::embedded())
    } else {
        GeoIp::with_mmdb(&options.geoip)
    }
}
