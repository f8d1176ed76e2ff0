//! Dates by a pattern of `strftime`.

use concourse_resource_sdk::Error;
use git2::Time;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::zone;

/// A pattern that can be used.
pub(super) fn checked(name: &str, pattern: &str) -> Result<String, Error> {
    let at_epoch = Time::new(0, 0);
    let tried = zoned(&at_epoch).map(|zoned| try_format(pattern, &at_epoch, &zoned, false));
    // CONTRACT 5.6: blanks are refused in every format.
    if !pattern.contains(char::is_whitespace) && matches!(tried, Some(Some(_))) {
        return Ok(pattern.to_owned());
    }
    Err(super::unknown_style(name))
}

/// The date; nothing where no calendar has it.
pub(super) fn format(pattern: &str, time: &Time, is_local: bool) -> String {
    zoned(time)
        .and_then(|zoned| try_format(pattern, time, &zoned, is_local))
        .unwrap_or_default()
}

fn zoned(time: &Time) -> Option<Zoned> {
    let offset = Offset::from_seconds(time.offset_minutes().checked_mul(60)?).ok()?;
    let timestamp = Timestamp::from_second(time.seconds()).ok()?;
    Some(timestamp.to_zoned(TimeZone::fixed(offset)))
}

/// None where the pattern asks for something that no C library knows.
fn try_format(pattern: &str, time: &Time, zoned: &Zoned, is_local: bool) -> Option<String> {
    // Git fills some in by itself: a commit's zone has no name.
    let mut filled = String::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            filled.push(c);
            continue;
        }
        let flag = rest.next_if(|c| "-_0^#".contains(*c));
        match rest.next()? {
            'z' => filled.push_str(&zone(time.offset_minutes())),
            'Z' if is_local => filled.push_str("UTC"),
            'Z' => {}
            's' => filled.push_str(&time.seconds().to_string()),
            // As the C locale has it.
            'c' => filled.push_str("%a %b %e %H:%M:%S %Y"),
            'x' => filled.push_str("%m/%d/%y"),
            'X' => filled.push_str("%H:%M:%S"),
            known if KNOWN.contains(known) => {
                filled.push('%');
                filled.extend(flag);
                filled.push(known);
            }
            _ => return None,
        }
    }
    jiff::fmt::strtime::format(&filled, zoned).ok()
}

/// The conversions of `strftime` in the C locale that are left to the library.
const KNOWN: &str = "aAbBCdDeFgGhHIjklmMnpPrRStTuUVwWyY%";
