//! Tests of the three kinds of mmdb file, with MaxMind's test files and with files of one record made here.

use super::*;

fn open(name: &str) -> Result<Mmdb> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mmdb");
    Mmdb::open(&folder.join(name))
}

fn check(file: &Mmdb, ip: &str, country: Option<&str>, asn: Option<u32>, as_name: Option<&str>) {
    let expected = Place {
        country: country.and_then(Country::parse),
        asn,
        as_name,
    };
    assert_eq!(file.lookup(ip.parse().unwrap()), expected, "{ip}");
}

#[test]
fn nested_records_are_read() {
    for name in ["GeoIP2-City-Test.mmdb", "GeoIP2-Country-Test.mmdb"] {
        let file = open(name).unwrap();
        check(&file, "81.2.69.142", Some("GB"), None, None);
        check(&file, "2.125.160.216", Some("GB"), None, None);
        check(&file, "192.0.2.1", None, None, None);
    }
    let file = open("GeoLite2-ASN-Test.mmdb").unwrap();
    check(
        &file,
        "1.128.0.1",
        None,
        Some(1221),
        Some("Telstra Pty Ltd"),
    );
    assert!(
        file.describe().ends_with(": GeoLite2-ASN"),
        "{}",
        file.describe()
    );
}

#[test]
fn unusable_files_are_errors_that_name_the_file() {
    let names = [
        "GeoIP2-City-Test-Broken-Double-Format.mmdb",
        "MaxMind-DB-test-broken-search-tree-24.mmdb",
        "GeoIP2-Anonymous-IP-Test.mmdb",
        "README.md",
        "no-such-file.mmdb",
    ];
    for name in names {
        let error = open(name).err().expect(name);
        assert!(format!("{error:#}").contains(name), "{error:#}");
    }
}

#[test]
fn flat_records_are_read() {
    let ip_location_db = [
        ("country_code", text("RO")),
        // 32 bits, where others have 64: not looked at, and no reason to fail.
        ("latitude", vec![0x04, 0x08, 0x42, 0x30, 0, 0]),
        ("autonomous_system_number", number(8953)),
        ("autonomous_system_organization", text("Orange Romania")),
    ];
    check_one(
        &ip_location_db,
        Some("RO"),
        Some(8953),
        Some("Orange Romania"),
    );
    let ipinfo_lite = [
        ("country", text("Romania")),
        ("country_code", text("RO")),
        ("asn", text("AS8953")),
        ("as_name", text("Orange Romania")),
    ];
    check_one(&ipinfo_lite, Some("RO"), Some(8953), Some("Orange Romania"));
    let ipinfo = [
        ("country", text("RO")),
        ("asn", text("")),
        ("as_name", text("")),
    ];
    check_one(&ipinfo, Some("RO"), None, None);
}

#[test]
fn damaged_files_are_no_panic() {
    let whole = one_record(&[("country_code", text("RO"))]);
    for n in 0..whole.len() {
        let mut cut = whole.clone();
        cut.truncate(n);
        assert!(open_bytes(&cut).is_err(), "cut at {n}");
        let mut changed = whole.clone();
        changed[n] ^= 0xff;
        if let Ok(file) = open_bytes(&changed) {
            file.lookup("1.2.3.4".parse().unwrap());
        }
    }
}

fn check_one(
    fields: &[(&str, Vec<u8>)],
    country: Option<&str>,
    asn: Option<u32>,
    name: Option<&str>,
) {
    let file = open_bytes(&one_record(fields)).unwrap();
    check(&file, "1.2.3.4", country, asn, name);
    // The record is for 0.0.0.0/1 alone, and the file for IPv4.
    check(&file, "200.1.2.3", None, None, None);
    check(&file, "2001:558::1", None, None, None);
}

fn open_bytes(bytes: &[u8]) -> Result<Mmdb> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Mmdb::open(file.path())
}

/// A file with one node: its left side is the record, its right side is empty (MaxMind DB specification 2.0).
fn one_record(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let n_nodes = 1_u8;
    let mut file = vec![0, 0, n_nodes + 16, 0, 0, n_nodes];
    file.extend([0; 16]);
    file.extend(map(fields));
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.extend(map(&[
        ("binary_format_major_version", vec![0xa1, 2]),
        ("binary_format_minor_version", vec![0xa0]),
        ("build_epoch", vec![0x04, 0x02, 0x6a, 0, 0, 0]),
        ("database_type", text("test")),
        ("description", map(&[("en", text("test"))])),
        ("ip_version", vec![0xa1, 4]),
        ("languages", vec![0, 0x04]),
        ("node_count", number(n_nodes.into())),
        ("record_size", vec![0xa1, 24]),
    ]));
    file
}

fn text(text: &str) -> Vec<u8> {
    assert!(text.len() < 285);
    let mut bytes = match u8::try_from(text.len()) {
        Ok(n) if n < 29 => vec![0x40 | n],
        _ => vec![0x40 | 29, (text.len() - 29) as u8],
    };
    bytes.extend(text.as_bytes());
    bytes
}

fn number(number: u32) -> Vec<u8> {
    let mut bytes = vec![0xc4];
    bytes.extend(number.to_be_bytes());
    bytes
}

fn map(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0xe0 | fields.len() as u8];
    for (key, value) in fields {
        bytes.extend(text(key));
        bytes.extend(value);
    }
    bytes
}
