//! Times as they stand in log files: RFC 3339, UTC, milliseconds, always 24 bytes.
//!
//! Written and read for every line, hence by hand.

use gapless_model::WallTime;

/// The length of every stamp in bytes.
pub(crate) const LENGTH: usize = 24;

const DAY: u64 = 24 * 60 * 60 * 1000;

/// `2026-11-21T08:33:00.123Z`. Years beyond 9999 lose their first digits.
pub(crate) fn format(at: WallTime) -> [u8; LENGTH] {
    let (days, ms) = (at.as_millis() / DAY, at.as_millis() % DAY);
    let (year, month, day) = date(days);
    let mut stamp = *b"0000-00-00T00:00:00.000Z";
    put(&mut stamp[0..4], year);
    put(&mut stamp[5..7], month);
    put(&mut stamp[8..10], day);
    put(&mut stamp[11..13], ms / 3_600_000);
    put(&mut stamp[14..16], ms / 60_000 % 60);
    put(&mut stamp[17..19], ms / 1000 % 60);
    put(&mut stamp[20..23], ms % 1000);
    stamp
}

fn put(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// Reads what [`format`] wrote; none for all else.
pub(crate) fn parse(stamp: &[u8]) -> Option<WallTime> {
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    if stamp.len() != LENGTH || marks.iter().any(|(at, mark)| stamp[*at] != *mark) {
        return None;
    }
    let get = |from: usize, to: usize| {
        stamp[from..to]
            .iter()
            .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
    };
    let (year, month, day) = (get(0, 4)?, get(5, 7)?, get(8, 10)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let clock = get(11, 13)? * 3_600_000 + get(14, 16)? * 60_000 + get(17, 19)? * 1000 + get(20, 23)?;
    let at = WallTime::from_millis(days(year, month, day) * DAY + clock);
    // No 31st of February, and no hour of 99 minutes.
    (format(at) == stamp).then_some(at)
}

// Both ways between days since 1970 and the calendar, after Howard Hinnant, "chrono-Compatible Low-Level
// Date Algorithms": years begin in March, so that the leap day is their last, and come in eras of 400.
const DAYS_TO_1970: u64 = 719_468;
const DAYS_OF_ERA: u64 = 146_097;

fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + DAYS_TO_1970;
    let (era, day_of_era) = (shifted / DAYS_OF_ERA, shifted % DAYS_OF_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * DAYS_OF_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - DAYS_TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times_read_as_everybody_writes_them() {
        let known = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_827_696_000, "2000-02-29T12:34:56.000Z"),
            (1_763_715_479_123, "2025-11-21T08:57:59.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ];
        for (ms, text) in known {
            assert_eq!(format(WallTime::from_millis(ms)), text.as_bytes());
        }
    }

    #[test]
    fn what_is_no_stamp_is_none() {
        for bad in [
            "",
            "2025-11-21",
            "2025-11-21 08:57:59.123Z",
            "2025-13-21T08:57:59.123Z",
            "2025-02-31T08:57:59.123Z",
            "2025-12-31T08:99:99.123Z",
            "aaaa-bb-ccTdd:ee:ff.gggZ",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_time_reads_back(ms in 0..253_402_300_800_000_u64) {
            let at = WallTime::from_millis(ms);
            prop_assert_eq!(parse(&format(at)), Some(at));
        }
    }
}
