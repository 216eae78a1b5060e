//! Country and network (AS) of an IP address, from a table in the program and from the user's own mmdb files.
//!
//! A country is where a network is registered or said to be used, not where a person is: 1.1.1.1 is
//! "AU" and answers everywhere. Show the AS beside it, and accuse nobody by country alone.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::LazyLock;

use distance::Centroids;
use mmdb::Mmdb;
use table::Table;

#[cfg(test)]
mod against_csv;
mod distance;
mod mmdb;
mod special;
mod table;

/// The day of the data in the program; the table repeats it, and both change together.
pub const DATA_DATE: &str = "2026-06-17";

/// To be shown where results drawn from the table are published; the licence (CC BY 4.0) asks for it.
pub const ATTRIBUTION: &str = "IP-to-ASN and IP-to-country data: ip-location-db, built from Route Views \
    (routeviews.org, CC BY 4.0), NRO / RIR statistics (nro.net, CC BY 4.0) and DB-IP (https://db-ip.com, \
    CC BY 4.0), modified: merged and re-encoded. Country centroids computed from DB-IP IP to City Lite.";

/// An HTML page with results from the table must carry this link.
pub const ATTRIBUTION_HTML: &str = "<a href='https://db-ip.com'>IP Geolocation by DB-IP</a>";

/// ISO 3166-1 alpha-2: two upper-case ASCII letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    /// Reads `RO` or `ro`.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        letters
            .iter()
            .all(u8::is_ascii_alphabetic)
            .then(|| Self(letters.map(|b| b.to_ascii_uppercase())))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only letters get into a Country")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known about an address. All empty for private addresses and for unrouted ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place<'a> {
    pub country: Option<Country>,
    pub asn: Option<u32>,
    pub as_name: Option<&'a str>,
}

impl Place<'_> {
    fn is_complete(&self) -> bool {
        self.country.is_some() && self.asn.is_some() && self.as_name.is_some()
    }
}

/// Where lookups go: the user's files in the order named, then the table in the program.
pub struct GeoIp {
    files: Vec<Mmdb>,
    /// Inflated by the first lookup that needs it; most commands do none.
    embedded: Option<LazyLock<Table>>,
    centroids: LazyLock<Centroids>,
}

impl GeoIp {
    /// The table in the program.
    pub fn embedded() -> Self {
        Self {
            files: Vec::new(),
            embedded: Some(LazyLock::new(Table::embedded)),
            centroids: LazyLock::new(Centroids::embedded),
        }
    }

    /// Knows no address: `--geoip none`.
    pub fn none() -> Self {
        Self {
            embedded: None,
            ..Self::embedded()
        }
    }

    /// The user's files, and the table in the program for what they leave out. A damaged file is an error.
    pub fn with_mmdb(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let files = paths.iter().map(|path| Mmdb::open(path));
        Ok(Self {
            files: files.collect::<anyhow::Result<_>>()?,
            ..Self::embedded()
        })
    }

    /// Field by field: the first file that knows it, then the table.
    pub fn lookup(&self, ip: IpAddr) -> Place<'_> {
        // `::ffff:192.0.2.1`: an IPv4 client on a socket that listens to both.
        let ip = ip.to_canonical();
        let mut place = Place::default();
        if special::is_private(ip) {
            return place;
        }
        for file in &self.files {
            place = fill(place, file.lookup(ip));
        }
        match &self.embedded {
            Some(table) if !place.is_complete() && !special::is_documentation(ip) => {
                let place = fill(place, table.lookup(ip));
                let as_name = place.as_name.or_else(|| table.as_name(place.asn?));
                Place { as_name, ..place }
            }
            _ => place,
        }
    }

    /// How far apart an address in one country and an address in the other are at least, with 98 % of each
    /// country's addresses counted. 0 within a country. `None` where a country's position is not known.
    pub fn min_distance_km(&self, a: Country, b: Country) -> Option<f64> {
        self.centroids.min_distance_km(a, b)
    }

    /// The day of the oldest data that lookups may use. `None` when there is none at all.
    pub fn data_date(&self) -> Option<String> {
        let embedded = self.embedded.as_ref().map(|_| DATA_DATE.to_owned());
        embedded
            .into_iter()
            .chain(self.files.iter().map(Mmdb::data_date))
            .min()
    }

    /// A line for each source, in the order of their use; for `--version --verbose` and the report's foot.
    pub fn sources(&self) -> Vec<String> {
        let files = self.files.iter().map(Mmdb::describe);
        let embedded = self.embedded.as_ref().map(|_| {
            format!("embedded table of {DATA_DATE}: country and AS of IPv4 and IPv6 addresses")
        });
        files.chain(embedded).collect()
    }
}

/// An AS and its name belong together: a name is taken only with its own AS.
fn fill<'a>(place: Place<'a>, other: Place<'a>) -> Place<'a> {
    let same_as = place.asn.is_none() || place.asn == other.asn;
    Place {
        country: place.country.or(other.country),
        asn: place.asn.or(other.asn),
        as_name: place.as_name.or(other.as_name.filter(|_| same_as)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(geoip: &GeoIp, cases: &[(&str, &str)]) {
        for (ip, expected) in cases {
            let place = geoip.lookup(ip.parse().unwrap());
            let country = place.country.map_or("-".to_owned(), |c| c.to_string());
            let asn = place.asn.map_or("-".to_owned(), |asn| asn.to_string());
            let name = place.as_name.unwrap_or("-");
            assert_eq!(format!("{country} {asn} {name}"), *expected, "{ip}");
        }
    }

    fn mmdb(names: &[&str]) -> Vec<PathBuf> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/mmdb");
        names.iter().map(|name| folder.join(name)).collect()
    }

    #[test]
    fn embedded_table_knows_public_addresses() {
        let cases = [
            ("93.122.252.5", "RO 8953 Orange Romania S.A."),
            ("::ffff:93.122.252.5", "RO 8953 Orange Romania S.A."),
            ("186.216.156.42", "BR 262955 VERAO COMUNICACOES EIRELI ME"),
            ("96.114.157.80", "US 7922 Comcast Cable Communications, LLC"),
            (
                "2001:558:fe21:2a::6",
                "US 7922 Comcast Cable Communications, LLC",
            ),
            ("8.8.8.8", "US 15169 Google LLC"),
            ("1.1.1.1", "AU 13335 Cloudflare, Inc."),
        ];
        check(&GeoIp::embedded(), &cases);
    }

    #[test]
    fn private_and_documentation_addresses_give_nothing() {
        let none = |ip| (ip, "- - -");
        let cases = [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "192.168.1.1",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.5",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fc00::1",
            "2001:db8::1",
            "ff02::1",
        ];
        check(&GeoIp::embedded(), &cases.map(none));
    }

    #[test]
    fn none_knows_nothing() {
        check(&GeoIp::none(), &[("8.8.8.8", "- - -")]);
        assert_eq!(GeoIp::none().data_date(), None);
        assert!(GeoIp::none().sources().is_empty());
    }

    #[test]
    fn files_go_first_field_by_field() {
        let country = ["GeoIP2-Country-Test.mmdb"];
        let both = ["GeoIP2-Country-Test.mmdb", "GeoLite2-ASN-Test.mmdb"];
        check(
            &GeoIp::with_mmdb(&mmdb(&country)).unwrap(),
            &[
                // The country is the file's, the AS the table's.
                ("67.43.156.1", "BT 35908 Krypt Technologies"),
                ("8.8.8.8", "US 15169 Google LLC"),
            ],
        );
        check(
            &GeoIp::with_mmdb(&mmdb(&both)).unwrap(),
            &[("1.128.0.1", "AU 1221 Telstra Pty Ltd")],
        );
    }

    #[test]
    fn data_date_is_the_oldest() {
        let geoip = GeoIp::with_mmdb(&mmdb(&["GeoIP2-Country-Test.mmdb"])).unwrap();
        assert!(geoip.data_date().unwrap().as_str() <= DATA_DATE);
        assert_eq!(geoip.sources().len(), 2);
    }

    #[test]
    fn country_is_two_letters() {
        assert_eq!(
            Country::parse("ro").map(|c| c.to_string()).as_deref(),
            Some("RO")
        );
        assert_eq!(Country::parse("ROM"), None);
        assert_eq!(Country::parse("é"), None);
    }
}
