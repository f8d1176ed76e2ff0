//! Dates as people say them.

use git2::Time;

use super::{Date, zone};

/// How long ago it was, in the one unit that fits.
pub(super) fn relative(then: i64, now: i64) -> String {
    if now < then {
        return "in the future".to_owned();
    }
    let seconds = now.saturating_sub(then);
    // Each unit is rounded from the one before.
    let minutes = seconds.saturating_add(30) / 60;
    let hours = minutes.saturating_add(30) / 60;
    let days = hours.saturating_add(12) / 24;
    if seconds < 90 {
        ago(seconds, "second")
    } else if minutes < 90 {
        ago(minutes, "minute")
    } else if hours < 36 {
        ago(hours, "hour")
    } else if days < 14 {
        ago(days, "day")
    } else if days < 70 {
        ago((days + 3) / 7, "week")
    } else if days < 365 {
        ago((days + 15) / 30, "month")
    } else if days < 1825 {
        let months = (days * 12 * 2 + 365) / (365 * 2);
        match (months / 12, months % 12) {
            (years, 0) => ago(years, "year"),
            (years, months) => format!("{}, {}", counted(years, "year"), ago(months, "month")),
        }
    } else {
        ago((days + 183) / 365, "year")
    }
}

fn ago(count: i64, unit: &str) -> String {
    format!("{} ago", counted(count, unit))
}

fn counted(count: i64, unit: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{end}")
}

/// Leaves out what is the same now: the year, the month and day of the last days, and all but how long ago it was of today.
pub(super) fn human(time: &Time, now: i64, is_local: bool) -> String {
    let date = Date::of(time);
    // Here and now, in a container's zone.
    let today = Date::of(&Time::new(now, 0));
    let this_year = date.year == today.year;
    let this_month = this_year && date.month == today.month;
    if this_month && date.day == today.day {
        return relative(time.seconds(), now);
    }
    let these_days = this_month && date.day < today.day && date.day + 5 > today.day;
    let mut words = Vec::new();
    if this_year {
        words.push(date.weekday().to_owned());
    }
    if !these_days {
        words.push(format!("{} {}", date.month(), date.day));
    }
    if this_year {
        words.push(date.clock()[..5].to_owned());
    } else {
        words.push(date.year.to_string());
    }
    let shows_zone = these_days && !is_local && time.offset_minutes() != 0;
    if shows_zone {
        words.push(zone(time.offset_minutes()));
    }
    words.join(" ")
}
