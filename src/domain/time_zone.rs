//! Time zones of accounts, to which Meta refers by number.

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Timestamp;

/// The names of Meta's time zones, in the order of their numbers, from 1: the table of the Marketing API, which
/// `timezone_id` of an account refers to.
const NAMES: [&str; 142] = [
    "America/Los_Angeles",
    "America/Denver",
    "Pacific/Honolulu",
    "America/Anchorage",
    "America/Phoenix",
    "America/Chicago",
    "America/New_York",
    "Asia/Dubai",
    "America/Argentina/San_Luis",
    "America/Argentina/Buenos_Aires",
    "America/Argentina/Salta",
    "Europe/Vienna",
    "Australia/Perth",
    "Australia/Broken_Hill",
    "Australia/Sydney",
    "Europe/Sarajevo",
    "Asia/Dhaka",
    "Europe/Brussels",
    "Europe/Sofia",
    "Asia/Bahrain",
    "America/La_Paz",
    "America/Noronha",
    "America/Campo_Grande",
    "America/Belem",
    "America/Sao_Paulo",
    "America/Nassau",
    "America/Dawson",
    "America/Vancouver",
    "America/Dawson_Creek",
    "America/Edmonton",
    "America/Rainy_River",
    "America/Regina",
    "America/Atikokan",
    "America/Iqaluit",
    "America/Toronto",
    "America/Blanc-Sablon",
    "America/Halifax",
    "America/St_Johns",
    "Europe/Zurich",
    "Pacific/Easter",
    "America/Santiago",
    "Asia/Shanghai",
    "America/Bogota",
    "America/Costa_Rica",
    "Asia/Nicosia",
    "Europe/Prague",
    "Europe/Berlin",
    "Europe/Copenhagen",
    "America/Santo_Domingo",
    "Pacific/Galapagos",
    "America/Guayaquil",
    "Europe/Tallinn",
    "Africa/Cairo",
    "Atlantic/Canary",
    "Europe/Madrid",
    "Europe/Helsinki",
    "Europe/Paris",
    "Europe/London",
    "Africa/Accra",
    "Europe/Athens",
    "America/Guatemala",
    "Asia/Hong_Kong",
    "America/Tegucigalpa",
    "Europe/Zagreb",
    "Europe/Budapest",
    "Asia/Jakarta",
    "Asia/Makassar",
    "Asia/Jayapura",
    "Europe/Dublin",
    "Asia/Jerusalem",
    "Asia/Kolkata",
    "Asia/Baghdad",
    "Atlantic/Reykjavik",
    "Europe/Rome",
    "America/Jamaica",
    "Asia/Amman",
    "Asia/Tokyo",
    "Africa/Nairobi",
    "Asia/Seoul",
    "Asia/Kuwait",
    "Asia/Beirut",
    "Asia/Colombo",
    "Europe/Vilnius",
    "Europe/Luxembourg",
    "Europe/Riga",
    "Africa/Casablanca",
    "Europe/Skopje",
    "Europe/Malta",
    "Indian/Mauritius",
    "Indian/Maldives",
    "America/Tijuana",
    "America/Hermosillo",
    "America/Mazatlan",
    "America/Mexico_City",
    "Asia/Kuala_Lumpur",
    "Africa/Lagos",
    "America/Managua",
    "Europe/Amsterdam",
    "Europe/Oslo",
    "Pacific/Auckland",
    "Asia/Muscat",
    "America/Panama",
    "America/Lima",
    "Asia/Manila",
    "Asia/Karachi",
    "Europe/Warsaw",
    "America/Puerto_Rico",
    "Asia/Gaza",
    "Atlantic/Azores",
    "Europe/Lisbon",
    "America/Asuncion",
    "Asia/Qatar",
    "Europe/Bucharest",
    "Europe/Belgrade",
    "Europe/Kaliningrad",
    "Europe/Moscow",
    "Europe/Samara",
    "Asia/Yekaterinburg",
    "Asia/Omsk",
    "Asia/Krasnoyarsk",
    "Asia/Irkutsk",
    "Asia/Yakutsk",
    "Asia/Vladivostok",
    "Asia/Magadan",
    "Asia/Kamchatka",
    "Asia/Anadyr",
    "Asia/Riyadh",
    "Asia/Singapore",
    "Africa/Johannesburg",
    "Europe/Stockholm",
    "Asia/Taipei",
    "Africa/Dar_es_Salaam",
    "Asia/Bangkok",
    "Africa/Tunis",
    "Europe/Istanbul",
    "America/Montevideo",
    "America/Caracas",
    "Asia/Ho_Chi_Minh",
    "Africa/Kinshasa",
    "Africa/Lubumbashi",
    "Africa/Harare",
    "Africa/Lusaka",
];

/// The name of a time zone by Meta's number. `None` for a number that the table does not have.
#[must_use]
pub fn name_of(timezone_id: &str) -> Option<&'static str> {
    let number: usize = timezone_id.parse().ok()?;
    NAMES.get(number.checked_sub(1)?).copied()
}

/// A calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub i32);

impl Month {
    /// The month at this time in a time zone of Meta's; in UTC if the time zone is not known.
    #[must_use]
    pub fn at(time: Timestamp, timezone_id: Option<&str>) -> Self {
        let date = date_at(time, &zone_of(timezone_id));
        Self(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
    }
}

/// A calendar day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment of the next day.
    pub end: Timestamp,
}

impl Day {
    /// The day at this time in a time zone of Meta's; in UTC if the time zone is not known.
    #[must_use]
    pub fn at(time: Timestamp, timezone_id: Option<&str>) -> Self {
        let zone = zone_of(timezone_id);
        Self::new(date_at(time, &zone), &zone)
    }

    /// The day of a date such as `2026-04-01` in a time zone of Meta's. `None` if it is no date.
    #[must_use]
    pub fn parse(date: &str, timezone_id: Option<&str>) -> Option<Self> {
        let date = Date::strptime("%Y-%m-%d", date).ok()?;
        Some(Self::new(date, &zone_of(timezone_id)))
    }

    /// The date, such as `2026-04-01`.
    #[must_use]
    pub fn date(self, timezone_id: Option<&str>) -> String {
        date_at(self.start, &zone_of(timezone_id)).to_string()
    }

    /// The day this many days earlier.
    #[must_use]
    pub fn before(self, days: u32, timezone_id: Option<&str>) -> Self {
        let zone = zone_of(timezone_id);
        let date = date_at(self.start, &zone);
        let date = date.saturating_sub(i64::from(days).days());
        Self::new(date, &zone)
    }

    /// The next day.
    #[must_use]
    pub fn after(self, timezone_id: Option<&str>) -> Self {
        Self::at(self.end, timezone_id)
    }

    fn new(date: Date, zone: &TimeZone) -> Self {
        let next = date.saturating_add(1.day());
        Self {
            start: midnight(date, zone),
            end: midnight(next, zone),
        }
    }
}

/// The first moment of a date. Where clocks skip midnight, it is the first moment after the gap.
fn midnight(date: Date, zone: &TimeZone) -> Timestamp {
    let midnight = date.to_zoned(zone.clone());
    let millis = midnight.map_or(0, |midnight| midnight.timestamp().as_millisecond());
    Timestamp::from_millis(millis)
}

fn zone_of(timezone_id: Option<&str>) -> TimeZone {
    let zone = timezone_id.and_then(name_of);
    let zone = zone.and_then(|name| TimeZone::get(name).ok());
    zone.unwrap_or(TimeZone::UTC)
}

fn date_at(time: Timestamp, zone: &TimeZone) -> Date {
    let time = jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or_default();
    zone.to_datetime(time).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_time_zone() {
        for name in NAMES {
            assert!(TimeZone::get(name).is_ok(), "{name}");
        }
        assert_eq!(name_of("1"), Some("America/Los_Angeles"));
        assert_eq!(name_of("47"), Some("Europe/Berlin"));
        assert_eq!(name_of("142"), Some("Africa/Lusaka"));
        for unknown in ["0", "143", "-1", "", "Europe/Berlin"] {
            assert_eq!(name_of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_month_begins_at_midnight_of_the_time_zone() {
        // 2026-11-01T02:00:00Z
        let time = Timestamp::from_seconds(1_793_498_400);
        let november = Month(2026 * 12 + 10);
        let october = Month(2026 * 12 + 9);
        for (zone, month) in [
            (None, november),
            (Some("47"), november),
            (Some("1"), october),
            (Some("999"), november),
        ] {
            assert_eq!(Month::at(time, zone), month, "{zone:?}");
        }
        let _ = Month::at(Timestamp::from_millis(i64::MAX), Some("1"));
    }

    #[test]
    fn days_follow_each_other_when_clocks_change() {
        // 47 is Europe/Berlin: its clocks go back on 2026-10-25, so that day has 25 hours.
        let last = Day::parse("2026-10-26", Some("47")).expect("a date");
        let longest = last.before(1, Some("47"));
        assert_eq!(longest.end, last.start);
        assert_eq!(longest.end.since(longest.start).as_secs(), 25 * 3_600);
        assert_eq!(longest.date(Some("47")), "2026-10-25");
        assert_eq!(longest.after(Some("47")), last);
        let first = last.before(89, Some("47"));
        assert_eq!(first.date(Some("47")), "2026-07-29");
        assert_eq!(Day::at(first.start, Some("47")), first);
        // 2026-04-01T00:00:00Z
        let day = Day::at(Timestamp::from_seconds(1_775_001_600 + 5), None);
        assert_eq!(day.start, Timestamp::from_seconds(1_775_001_600));
        assert_eq!(day.end, Timestamp::from_seconds(1_775_088_000));
        assert_eq!(Day::parse("1 April", None), None);
        let _ = Day::at(Timestamp::from_millis(i64::MAX), Some("1")).before(5, Some("1"));
    }
}
