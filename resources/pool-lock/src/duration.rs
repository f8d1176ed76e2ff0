//! Durations as Go writes them: CONTRACT 3, `retry_delay`.

use std::borrow::Cow;
use std::time::Duration;

use concourse_resource_sdk::Error;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A duration in nanoseconds, which may be below zero.
pub(crate) type Nanoseconds = i128;

const SECOND: Nanoseconds = 1_000_000_000;

/// The longest duration that is told apart from "for ever".
const LONGEST: Nanoseconds = i64::MAX as Nanoseconds;

/// Reads signed decimal numbers with units, such as `1h5m10s`, `1.5h` or `-3ms`; a bare `0` is allowed.
///
/// The error is Go's text.
pub(crate) fn parse(text: &str) -> Result<Nanoseconds, String> {
    let invalid = || format!("invalid duration \"{text}\"");
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: Nanoseconds = 0;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(invalid());
        }
        let end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        if name.is_empty() {
            return Err(format!("missing unit in duration \"{text}\""));
        }
        let unit = unit(name).ok_or_else(|| format!("unknown unit \"{name}\" in duration \"{text}\""))?;
        let whole: Nanoseconds = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| invalid())?
        };
        let mut nanoseconds = whole.checked_mul(unit).ok_or_else(invalid)?;
        let mut scale = unit;
        for digit in fraction.bytes() {
            scale /= 10;
            nanoseconds += Nanoseconds::from(digit - b'0') * scale;
        }
        total += nanoseconds;
        if total > LONGEST {
            return Err(invalid());
        }
        rest = after;
    }
    Ok(sign * total)
}

/// Reads a duration that must be above zero.
pub(crate) fn positive(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        found if found > 0 => Ok(to_std(found)),
        _ => Err(format!("\"{text}\" is not above zero")),
    }
}

/// Below zero, nothing.
pub(crate) fn to_std(nanoseconds: Nanoseconds) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds.max(0)).unwrap_or(u64::MAX))
}

/// Reads the field at a path, which may be empty.
pub(crate) fn of_field(path: &str, text: Option<&str>) -> Result<Option<Duration>, Error> {
    let text = text.filter(|text| !text.is_empty());
    let read = |text: &str| {
        positive(text)
            .map_err(|error| Error::config(path, error).hint("write a duration such as 90s, 30m or 6h"))
    };
    text.map(read).transpose()
}

/// The schema of a duration above zero, or of none.
pub(crate) struct AboveZero;

impl JsonSchema for AboveZero {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": format!("^$|^(?=.*[1-9])\\+?({NUMBER}{UNIT})+$") })
    }
}

/// What a number and a unit look like, in schemas.
pub(crate) const NUMBER: &str = r"([0-9]+(\.[0-9]*)?|\.[0-9]+)";
pub(crate) const UNIT: &str = "(ns|us|µs|μs|ms|s|m|h)";

/// A duration for people: its two largest units.
pub(crate) fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{minutes}m"),
        _ => format!("{days}d{hours}h"),
    }
}

fn unit(name: &str) -> Option<Nanoseconds> {
    Some(match name {
        "ns" => 1,
        "us" | "µs" | "μs" => 1000,
        "ms" => SECOND / 1000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanoseconds) in [
            ("10s", 10 * SECOND),
            ("1h5m10s", 3910 * SECOND),
            ("1.5h", 5400 * SECOND),
            (".5s", SECOND / 2),
            ("1.s", SECOND),
            ("200ms", SECOND / 5),
            ("3us", 3000),
            ("3µs", 3000),
            ("3ns", 3),
            ("-2s", -2 * SECOND),
            ("+2s", 2 * SECOND),
            ("0", 0),
            ("-0", 0),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(nanoseconds), "{text}");
        }
        for (text, error) in [
            ("60", "missing unit in duration \"60\""),
            ("1m3", "missing unit in duration \"1m3\""),
            ("1d", "unknown unit \"d\" in duration \"1d\""),
            ("1 s", "unknown unit \" s\" in duration \"1 s\""),
            ("", "invalid duration \"\""),
            ("-", "invalid duration \"-\""),
            (".s", "invalid duration \".s\""),
            ("s", "invalid duration \"s\""),
            ("1.2.3s", "invalid duration \"1.2.3s\""),
            ("9999999999h", "invalid duration \"9999999999h\""),
        ] {
            assert_eq!(parse(text), Err(error.to_owned()), "{text}");
        }
        assert_eq!(positive("1m"), Ok(Duration::from_secs(60)));
        assert!(positive("0").is_err() && positive("-1s").is_err());
    }

    #[test]
    fn people_get_two_units() {
        for (seconds, words) in [
            (0, "0s"),
            (59, "59s"),
            (61, "1m1s"),
            (3660, "1h1m"),
            (90_000, "1d1h"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
