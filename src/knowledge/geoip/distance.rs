//! How far apart two countries are at least, for a login that would have had to travel.
//!
//! A country is a circle here: the mean position of its IPv4 addresses, and the radius that holds 98 % of
//! them. Geometric centers would not do: those of Canada or Russia are thousands of kilometers from anybody.

use super::Country;

const CSV: &str = include_str!("country-centroids.csv");

const EARTH_RADIUS_KM: f64 = 6371.0;

/// Sorted by country.
pub(super) struct Centroids(Vec<(Country, Circle)>);

struct Circle {
    latitude: f64,
    longitude: f64,
    radius_km: f64,
}

impl Centroids {
    pub(super) fn embedded() -> Self {
        let rows = CSV
            .lines()
            .skip(1)
            .map(read_row)
            .collect::<Option<Vec<_>>>();
        let mut rows = rows.expect("the CSV in the program is as its maker wrote it");
        rows.sort_by_key(|(country, _)| *country);
        Self(rows)
    }

    pub(super) fn min_distance_km(&self, a: Country, b: Country) -> Option<f64> {
        if a == b {
            return Some(0.0);
        }
        let (a, b) = (self.circle(a)?, self.circle(b)?);
        Some((haversine_km(a, b) - a.radius_km - b.radius_km).max(0.0))
    }

    fn circle(&self, country: Country) -> Option<&Circle> {
        let n = self
            .0
            .binary_search_by_key(&country, |(country, _)| *country)
            .ok()?;
        self.0.get(n).map(|(_, circle)| circle)
    }
}

/// `country_code,latitude,longitude,radius_p50_km,radius_p90_km,radius_p98_km`
fn read_row(line: &str) -> Option<(Country, Circle)> {
    let mut cells = line.split(',');
    let country = Country::parse(cells.next()?)?;
    let circle = Circle {
        latitude: cells.next()?.parse().ok()?,
        longitude: cells.next()?.parse().ok()?,
        radius_km: cells.nth(2)?.parse().ok()?,
    };
    Some((country, circle))
}

fn haversine_km(a: &Circle, b: &Circle) -> f64 {
    let half_sine = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin();
    let latitudes = half_sine(a.latitude, b.latitude).powi(2);
    let longitudes = half_sine(a.longitude, b.longitude).powi(2);
    let cosines = a.latitude.to_radians().cos() * b.latitude.to_radians().cos();
    2.0 * EARTH_RADIUS_KM * (latitudes + cosines * longitudes).sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbors_touch_and_continents_do_not() {
        let centroids = Centroids::embedded();
        let check = |a: &str, b: &str, km: std::ops::RangeInclusive<f64>| {
            let (a, b) = (Country::parse(a).unwrap(), Country::parse(b).unwrap());
            let distance = centroids.min_distance_km(a, b).unwrap();
            assert!(km.contains(&distance), "{a} {b}: {distance}");
            assert_eq!(centroids.min_distance_km(b, a), Some(distance));
        };
        check("RO", "RO", 0.0..=0.0);
        check("US", "US", 0.0..=0.0);
        check("LU", "BE", 0.0..=100.0);
        check("FR", "BE", 0.0..=0.0);
        check("RO", "BR", 5000.0..=11_000.0);
        check("DE", "AU", 10_000.0..=17_000.0);
    }

    #[test]
    fn unknown_country_has_no_distance() {
        let country = |code| Country::parse(code).unwrap();
        let distance = Centroids::embedded().min_distance_km(country("RO"), country("ZZ"));
        assert_eq!(distance, None);
    }
}
