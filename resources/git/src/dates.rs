//! Dates as git prints them: CONTRACT 5.6.

mod ago;
mod pattern;

use concourse_resource_sdk::Error;
use concourse_resource_sdk::compat::ErrorExt as _;
use git2::Time;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// How `.git/commit_timestamp` is written: `timestamp_format`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DateStyle {
    form: Form,
    /// In this machine's zone, which is UTC in a container, instead of the commit's own.
    local: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// How long ago it was.
    Relative,
    /// Shorter the nearer it is.
    Human,
    /// By a pattern of `strftime`.
    Pattern(String),
}

impl DateStyle {
    /// The names, without those that hold a pattern, and without `local`.
    pub(crate) const NAMES: [&'static str; 12] = [
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
        "relative",
        "human",
    ];

    /// The style of a name, any of which may end in `-local`.
    pub(crate) fn named(name: &str) -> Result<Self, Error> {
        for (prefix, local) in [("format:", false), ("format-local:", true)] {
            if let Some(pattern) = name.strip_prefix(prefix) {
                let form = Form::Pattern(pattern::checked(name, pattern)?);
                return Ok(Self { form, local });
            }
        }
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
            "relative" => Form::Relative,
            "human" => Form::Human,
            _ => return Err(unknown_style(name)),
        };
        Ok(Self { form, local })
    }

    /// The date in this style. `now` is in seconds since 1970.
    pub(crate) fn show(&self, time: &Time, now: i64) -> String {
        let time = if self.local {
            &Time::new(time.seconds(), 0)
        } else {
            time
        };
        let date = Date::of(time);
        let Date { year, month, day, .. } = date;
        let (clock, zone) = (date.clock(), zone(time.offset_minutes()));
        match &self.form {
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
            Form::Relative => ago::relative(time.seconds(), now),
            Form::Human => ago::human(time, now, self.local),
            Form::Pattern(pattern) => pattern::format(pattern, time, self.local),
        }
    }
}

/// CONTRACT 5.6 and 8: git's own status.
fn unknown_style(name: &str) -> Error {
    let known = "iso8601, iso-strict, rfc2822, short, raw, unix, default, human, relative, local, one of them with -local, or \
                 format: and a pattern";
    let problem = Error::config(
        "params.timestamp_format",
        format!("unknown date format \"{name}\""),
    )
    .hint(format!("it is one of {known}, without blanks"));
    problem.exit(git_source::GIT_EXIT)
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
    DateStyle::default().show(time, 0)
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
mod tests;
