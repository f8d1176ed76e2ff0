//! Dates as git prints them: CONTRACT 5.6.

use git2::Time;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// `YYYY-MM-DD HH:MM:SS +ZZZZ`, in the zone that the date was recorded with.
pub(crate) fn date_and_time(time: &Time) -> String {
    let local = time
        .seconds()
        .saturating_add(i64::from(time.offset_minutes()) * 60);
    let (year, month, day) = civil(local.div_euclid(DAY));
    let second = local.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} {}",
        zone(time.offset_minutes())
    )
}

/// The `iso8601` style of `timestamp_format`, which is its default.
pub(crate) fn iso8601(time: &Time) -> String {
    date_and_time(time)
}

fn zone(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is the last of its year; 719,468 days before 1970 is 0000-03-01.
    const TO_EPOCH: i64 = 719_468;
    const ERA: i64 = 146_097;
    let days = days + TO_EPOCH;
    let (era, day_of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / (ERA - 1)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stock_git::StockGit;

    #[test]
    fn a_date_is_printed_in_its_own_zone() {
        for (seconds, offset, text) in [
            (0, 0, "1970-01-01 00:00:00 +0000"),
            (0, -30, "1969-12-31 23:30:00 -0030"),
            (-1, 0, "1969-12-31 23:59:59 +0000"),
            (1_709_164_800, 0, "2024-02-29 00:00:00 +0000"),
            (1_700_000_000, 345, "2023-11-15 03:58:20 +0545"),
            (1_700_000_000, -480, "2023-11-14 14:13:20 -0800"),
            (951_782_400, 0, "2000-02-29 00:00:00 +0000"),
            (4_107_542_400, 0, "2100-03-01 00:00:00 +0000"),
            (253_402_300_799, 60, "10000-01-01 00:59:59 +0100"),
            (-62_135_596_800, 0, "0001-01-01 00:00:00 +0000"),
            (1_700_000_000, 5999, "2023-11-19 02:12:20 +9959"),
        ] {
            assert_eq!(date_and_time(&Time::new(seconds, offset)), text);
        }
    }

    #[test]
    fn a_date_beyond_all_calendars_is_still_printed() {
        for seconds in [i64::MAX, i64::MIN] {
            for offset in [i32::MAX, i32::MIN] {
                assert!(!date_and_time(&Time::new(seconds, offset)).is_empty());
            }
        }
    }

    #[test]
    fn stock_git_prints_the_same() {
        let git = StockGit::new();
        for date in [
            "@100000000 +0000",
            "1700000000 +0545",
            "1700000000 -0030",
            "1709164799 +1400",
            "@4102358399 -1200",
        ] {
            let mut commit = git.command(&["commit", "-q", "--allow-empty", "-m", "x"]);
            assert!(
                commit.env("GIT_COMMITTER_DATE", date).status().unwrap().success(),
                "{date}"
            );
            let time = git
                .repo()
                .head()
                .unwrap()
                .peel_to_commit()
                .unwrap()
                .committer()
                .when();
            let shown = git.run(&["log", "-1", "--date=iso8601", "--format=%cd"]);
            assert_eq!(iso8601(&time), shown.trim_end(), "{date}");
        }
    }
}
