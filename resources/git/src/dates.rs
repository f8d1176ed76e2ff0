//! Dates as git prints them: CONTRACT 5.6.

use concourse_resource_sdk::Problem;
use git2::Time;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// How `.git/commit_timestamp` is written: `timestamp_format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DateStyle {
    form: Form,
    /// In this machine's zone, which is UTC in a container, instead of the commit's own.
    local: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Iso,
    IsoStrict,
    Rfc2822,
    Short,
    Raw,
    Unix,
    /// As `git log` shows dates.
    Default,
}

impl DateStyle {
    /// The style of a name, any of which may end in `-local`.
    pub(crate) fn named(name: &str) -> Result<Self, Problem> {
        let (form, local) = match name.strip_suffix("-local") {
            Some(form) => (form, true),
            None if name == "local" => ("default", true),
            None => (name, false),
        };
        let form = match form {
            "iso8601" | "iso" => Form::Iso,
            "iso8601-strict" | "iso-strict" => Form::IsoStrict,
            "rfc2822" | "rfc" => Form::Rfc2822,
            "short" => Form::Short,
            "raw" => Form::Raw,
            "unix" => Form::Unix,
            "default" => Form::Default,
            _ => return Err(unknown_style(name)),
        };
        Ok(Self { form, local })
    }

    /// The date in this style.
    pub(crate) fn show(self, time: &Time) -> String {
        let time = if self.local {
            &Time::new(time.seconds(), 0)
        } else {
            time
        };
        let date = Date::of(time);
        let Date { year, month, day, .. } = date;
        let (clock, zone) = (date.clock(), zone(time.offset_minutes()));
        match self.form {
            Form::Iso => format!("{year:04}-{month:02}-{day:02} {clock} {zone}"),
            Form::IsoStrict => {
                let (hours, minutes) = zone.split_at(3);
                format!("{year:04}-{month:02}-{day:02}T{clock}{hours}:{minutes}")
            }
            Form::Rfc2822 => format!("{}, {day} {} {year} {clock} {zone}", date.weekday(), date.month()),
            Form::Short => format!("{year:04}-{month:02}-{day:02}"),
            Form::Raw => format!("{} {zone}", time.seconds()),
            Form::Unix => time.seconds().to_string(),
            // A local date has no zone.
            Form::Default if self.local => {
                format!("{} {} {day} {clock} {year}", date.weekday(), date.month())
            }
            Form::Default => format!("{} {} {day} {clock} {year} {zone}", date.weekday(), date.month()),
        }
    }
}

/// CONTRACT 5.6 and 8: git's own status.
fn unknown_style(name: &str) -> Problem {
    let known = "iso8601, iso-strict, rfc2822, short, raw, unix, default, local, or one of them with -local";
    let problem = Problem::new(
        "params.timestamp_format",
        format!("unknown date format \"{name}\""),
    );
    let not_yet = ["human", "relative", "format:"]
        .iter()
        .any(|style| name.starts_with(style));
    let problem = if not_yet {
        problem.hint(format!("this version cannot write it yet; it knows {known}"))
    } else {
        problem.hint(format!("it is one of {known}"))
    };
    problem.exit(crate::GIT_EXIT)
}

/// A date in its own zone.
struct Date {
    year: i64,
    month: i64,
    day: i64,
    /// Since 1970-01-01.
    days: i64,
    /// Of the day.
    second: i64,
}

impl Date {
    fn of(time: &Time) -> Self {
        let offset = i64::from(time.offset_minutes()) * 60;
        let local = time.seconds().saturating_add(offset);
        let days = local.div_euclid(DAY);
        let (year, month, day) = civil(days);
        Self {
            year,
            month,
            day,
            days,
            second: local.rem_euclid(DAY),
        }
    }

    fn clock(&self) -> String {
        let second = self.second;
        format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }

    fn weekday(&self) -> &'static str {
        // 1970-01-01 was a Thursday.
        const NAMES: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        name_of(&NAMES, self.days.rem_euclid(7))
    }

    fn month(&self) -> &'static str {
        const NAMES: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        name_of(&NAMES, self.month - 1)
    }
}

fn name_of<'n>(names: &[&'n str], index: i64) -> &'n str {
    usize::try_from(index)
        .ok()
        .and_then(|index| names.get(index))
        .copied()
        .unwrap_or("???")
}

/// `YYYY-MM-DD HH:MM:SS +ZZZZ`, in the zone that the date was recorded with.
pub(crate) fn date_and_time(time: &Time) -> String {
    DateStyle::default().show(time)
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
            for style in [
                "iso8601",
                "iso",
                "iso8601-strict",
                "iso-strict",
                "rfc2822",
                "rfc",
                "short",
                "raw",
                "unix",
                "default",
                "local",
                "iso-local",
                "iso-strict-local",
                "rfc-local",
                "short-local",
                "raw-local",
                "unix-local",
                "default-local",
            ] {
                let shown = git.run(&["log", "-1", &format!("--date={style}"), "--format=%cd"]);
                let own = DateStyle::named(style).unwrap().show(&time);
                // Later versions of git write Z for UTC in the strict style.
                let shown = shown.trim_end().replace('Z', "+00:00");
                assert_eq!(own, shown, "{style} of {date}");
            }
        }
    }
}
