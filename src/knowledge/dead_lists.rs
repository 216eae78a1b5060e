//! Block lists that are shut down: who still asks them gets no answer, or the same one for the whole world.

use chrono::NaiveDate;

/// A list that was shut down, or whose domain has another owner.
#[derive(Debug, PartialEq, Eq)]
pub struct DeadList {
    /// With all zones below it.
    pub zone: &'static str,
    /// The day, or the last one it can have been.
    pub since: NaiveDate,
    /// Named every address of the world from then on; else it names none.
    pub names_everybody: bool,
    pub source: &'static str,
}

const fn dead(
    zone: &'static str,
    (year, month, day): (i32, u32, u32),
    names_everybody: bool,
    source: &'static str,
) -> DeadList {
    DeadList {
        zone,
        since: NaiveDate::from_ymd_opt(year, month, day).expect("a day of the calendar"),
        names_everybody,
        source,
    }
}

/// Collected in June 2026. RFC 6471, 3.4, says how a list should be closed, and few are.
const DEAD_LISTS: &[DeadList] = &[
    dead(
        "relays.ordb.org",
        (2008, 3, 25),
        true,
        "securityandthe.net/2009/03/10/dsbl-blacklist-gone",
    ),
    dead(
        "dsbl.org",
        (2009, 3, 9),
        false,
        "vamsoft.com/company/news/dsbl-shutdown",
    ),
    dead(
        "rfc-ignorant.org",
        (2012, 11, 30),
        false,
        "rollernet.us/2012/09/dnsbl-rfc-ignorant-org-shutting-down-2",
    ),
    // The source knows the year only.
    dead(
        "njabl.org",
        (2013, 12, 31),
        false,
        "reviewmyemails.com, Which blocklists have shut down",
    ),
    dead(
        "ahbl.org",
        (2015, 1, 1),
        true,
        "dnsbl.com, Reminder: AHBL is shutting down",
    ),
    dead("dul.ru", (2015, 5, 19), true, "dnsbl.com, Status of dul.ru"),
    dead(
        "spamcannibal.org",
        (2018, 5, 31),
        true,
        "wordtothewise.com/2018/05/spamcannibal-is-dead",
    ),
    dead(
        "megarbl.net",
        (2019, 11, 25),
        true,
        "dnsbl.com, Status of megarbl.net",
    ),
    // The source is older than this day.
    dead(
        "bl.emailbasura.org",
        (2020, 5, 11),
        true,
        "dnsbl.com, Status of bl.emailbasura.org",
    ),
    dead(
        "dnsbl.inps.de",
        (2020, 5, 25),
        false,
        "dnsbl.com, Status of dnsbl.inps.de",
    ),
    dead(
        "sorbs.net",
        (2024, 6, 5),
        false,
        "cybsecwizard.com, SORBS blocklist shut down by owner Proofpoint",
    ),
    dead(
        "ix.dnsbl.manitu.net",
        (2025, 1, 16),
        false,
        "heise.de/-10248714",
    ),
];

/// The entry of a list that was dead at a moment (microseconds since the epoch).
pub fn find(dnsbl: &str, micros: i64) -> Option<&'static DeadList> {
    let day = chrono::DateTime::from_timestamp_micros(micros)?.date_naive();
    let dnsbl = dnsbl.to_ascii_lowercase();
    let is_below = |zone: &str| {
        let above = dnsbl.strip_suffix(zone);
        above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
    };
    let mut lists = DEAD_LISTS.iter();
    lists.find(|list| is_below(list.zone) && list.since < day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_dead_from_its_day_on() {
        let at = |day: &str| {
            let day: NaiveDate = day.parse().unwrap();
            day.and_time(chrono::NaiveTime::MIN)
                .and_utc()
                .timestamp_micros()
        };
        let found = find("dnsbl.AHBL.org", at("2016-02-01")).map(|list| list.zone);
        assert_eq!(found, Some("ahbl.org"));
        assert_eq!(find("dnsbl.ahbl.org", at("2014-02-01")), None);
        assert_eq!(find("notahbl.org", at("2016-02-01")), None);
    }
}
