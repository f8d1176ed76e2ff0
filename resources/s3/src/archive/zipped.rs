//! Zip.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zip::read::ZipFile;
use zip::{ExtraField, ZipArchive};

use super::entries::{Attributes, Entries};

/// The longest target of a link.
const LONGEST_TARGET: u64 = 4096;

pub(super) fn extract(archive: File, entries: &mut Entries<'_>) -> io::Result<()> {
    let mut archive = ZipArchive::new(BufReader::new(archive)).map_err(io::Error::other)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(io::Error::other)?;
        let Some(path) = entries.path(entry.name_raw())? else {
            continue;
        };
        let attributes = attributes(&entry);
        if entry.is_dir() {
            entries.directory(path, attributes)?;
        } else if entry.is_symlink() {
            let mut target = Vec::new();
            (&mut entry).take(LONGEST_TARGET).read_to_end(&mut target)?;
            entries.link(&path, &target)?;
        } else {
            entries.file(&path, &mut entry, attributes)?;
        }
    }
    entries.finish()
}

fn attributes<R: io::Read>(entry: &ZipFile<'_, R>) -> Attributes {
    Attributes {
        mode: entry.unix_mode().filter(|mode| mode & 0o777 != 0),
        modified: modified(entry),
        owner: None,
    }
}

/// The time in the entry's extra field, else the DOS time, which knows no zone: as UTC.
fn modified<R: io::Read>(entry: &ZipFile<'_, R>) -> Option<SystemTime> {
    let extended = entry.extra_data_fields().find_map(|field| match field {
        ExtraField::ExtendedTimestamp(times) => times.mod_time(),
        _ => None,
    });
    let seconds = extended.map(u64::from).or_else(|| dos_time(entry))?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn dos_time<R: io::Read>(entry: &ZipFile<'_, R>) -> Option<u64> {
    let time = entry.last_modified()?;
    let [year, month, day] = [
        i64::from(time.year()),
        i64::from(time.month()),
        i64::from(time.day()),
    ];
    let of_day = u64::from(time.hour()) * 3600 + u64::from(time.minute()) * 60 + u64::from(time.second());
    Some(u64::try_from(days_since_1970(year, month, day)).ok()? * 86400 + of_day)
}

/// Days from 1 January 1970 to a date, counted from a year that begins in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::days_since_1970;

    #[test]
    fn days_are_counted_over_leap_years() {
        for (date, days) in [
            ((1970, 1, 1), 0),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((2026, 11, 27), 20_784),
        ] {
            assert_eq!(days_since_1970(date.0, date.1, date.2), days, "{date:?}");
        }
    }
}
