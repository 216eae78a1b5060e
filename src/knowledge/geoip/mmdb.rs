//! The user's own files: MaxMind's and DB-IP's nested records, the flat ones of ip-location-db and IPinfo.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use maxminddb::{Reader, WithinOptions};
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{Country, Place};

/// One file, read whole: a mapped one would change under us when geoipupdate replaces it in place.
pub(super) struct Mmdb {
    path: PathBuf,
    reader: Reader<Vec<u8>>,
}

impl Mmdb {
    /// Reads the file and walks through it once, so that damage is told now and not in the middle of a report.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let cannot_use = || format!("{}: cannot be used as a GeoIP database", path.display());
        let file = Self {
            path: path.to_owned(),
            reader: Reader::open_readfile(path).with_context(cannot_use)?,
        };
        if !file.says_something().with_context(cannot_use)? {
            bail!(
                "{}: has neither countries nor AS numbers, it is of type {}",
                path.display(),
                file.reader.metadata().database_type
            );
        }
        Ok(file)
    }

    pub(super) fn lookup(&self, ip: IpAddr) -> Place<'_> {
        if ip.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Place::default();
        }
        // Damage was told when the file was opened; a record with fields of other types says nothing.
        let record = self
            .reader
            .lookup(ip)
            .and_then(|found| found.decode::<Record<'_>>());
        record
            .ok()
            .flatten()
            .map(|record| record.place())
            .unwrap_or_default()
    }

    /// The day the file was made.
    pub(super) fn data_date(&self) -> String {
        let seconds = i64::try_from(self.reader.metadata().build_epoch).unwrap_or_default();
        let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        time.format("%Y-%m-%d").to_string()
    }

    pub(super) fn describe(&self) -> String {
        let kind = &self.reader.metadata().database_type;
        format!("{} of {}: {kind}", self.path.display(), self.data_date())
    }

    /// Looks at every network and every record. `Reader::verify` would also refuse ip-location-db's files,
    /// which are without a description.
    fn says_something(&self) -> Result<bool> {
        let mut seen = HashSet::new();
        let mut says_something = false;
        for found in self.reader.networks(WithinOptions::default())? {
            let found = found?;
            if seen.insert(found.offset())
                && let Some(record) = found.decode::<Record<'_>>()?
            {
                says_something |= record.place() != Place::default();
            }
        }
        Ok(says_something)
    }
}

/// What the three kinds of record have for us; a record has the fields of its own kind.
#[derive(serde::Deserialize)]
struct Record<'a> {
    /// `{"iso_code": "RO"}`, `RO`, or (IPinfo Lite) `Romania`.
    #[serde(borrow)]
    country: Option<Value<'a>>,
    #[serde(borrow)]
    registered_country: Option<Value<'a>>,
    #[serde(borrow)]
    country_code: Option<Value<'a>>,
    #[serde(borrow)]
    autonomous_system_number: Option<Value<'a>>,
    #[serde(borrow)]
    autonomous_system_organization: Option<Value<'a>>,
    /// `AS8953`.
    #[serde(borrow)]
    asn: Option<Value<'a>>,
    #[serde(borrow)]
    as_name: Option<Value<'a>>,
}

impl<'a> Record<'a> {
    fn place(&self) -> Place<'a> {
        let countries = [self.country_code, self.country, self.registered_country];
        let asn = [self.autonomous_system_number, self.asn];
        let names = [self.autonomous_system_organization, self.as_name];
        Place {
            country: countries.into_iter().flatten().find_map(Value::country),
            asn: asn.into_iter().flatten().find_map(Value::asn),
            as_name: names.into_iter().flatten().find_map(Value::text),
        }
    }
}

/// A field that is a text in one kind of file, and a number or a map in another.
#[derive(Clone, Copy)]
enum Value<'a> {
    Text(&'a str),
    Number(u64),
    /// The `iso_code` of a map.
    IsoCode(&'a str),
    Other,
}

impl<'a> Value<'a> {
    fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) | Self::IsoCode(text) => Some(text).filter(|text| !text.is_empty()),
            Self::Number(_) | Self::Other => None,
        }
    }

    fn country(self) -> Option<Country> {
        Country::parse(self.text()?)
    }

    /// AS 0 means "not routed" (RFC 7607).
    fn asn(self) -> Option<u32> {
        let asn = match self {
            Self::Number(number) => u32::try_from(number).ok()?,
            Self::Text(text) => text.strip_prefix("AS").unwrap_or(text).parse().ok()?,
            Self::IsoCode(_) | Self::Other => return None,
        };
        (asn != 0).then_some(asn)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number or a map")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut value = Value::Other;
        while let Some(key) = map.next_key::<&str>()? {
            if key == "iso_code" {
                value = Value::IsoCode(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(value)
    }
}

#[cfg(test)]
#[path = "mmdb_tests.rs"]
mod tests;
