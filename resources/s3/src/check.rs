//! `check` (CONTRACT 5).

use std::cmp::Ordering;

use concourse_resource_sdk::{Context, Error, Result};
use loose_version::{LooseVersion, Mixture, Order};
use s3_client::S3;

use crate::config::{ObjectVersion, Source};
use crate::connect::connect;
use crate::hints;
use crate::key_pattern::KeyPattern;
use crate::list;

/// How many keys that cannot be versions are told by name.
const TOLD: usize = 5;

pub(crate) async fn check(cx: &Context, source: &Source, from: &ObjectVersion) -> Result<Vec<ObjectVersion>> {
    let s3 = connect(cx, source).await?;
    if source.versioned_file.is_empty() {
        keys(cx, &s3, source, from.path()).await
    } else {
        ids(&s3, source, from.version_id()).await
    }
}

/// A key and its version.
#[derive(Debug, Clone)]
struct Entry {
    key: String,
    version: LooseVersion,
}

/// The keys from the requested one on, or the newest.
async fn keys(cx: &Context, s3: &S3, source: &Source, from: Option<&str>) -> Result<Vec<ObjectVersion>> {
    let pattern = KeyPattern::new(&source.regexp)?;
    let order = Order::from(source.version_order);
    let mut found = Kept {
        from: from.and_then(|path| version_of(&pattern, path)),
        order,
        entries: Vec::new(),
        mixture: Mixture::default(),
        unusable: Vec::new(),
        unusable_count: 0,
        matching: 0,
    };
    list::keys(s3, &pattern, |key| found.see(&pattern, key, &source.initial_path)).await?;
    found.tell(cx);
    if let Some(path) = from.filter(|path| pattern.captured(path).is_none()) {
        cx.log().warn(format!(
            "the version {path:?} does not match source.regexp: going on from the newest one"
        ));
    }
    if found.matching == 0 || !pattern.has_group() {
        hints::nothing_matches(cx, s3, source, &pattern).await;
    }
    let mut entries = found.entries;
    entries.sort_by(|a, b| a.version.compare(&b.version, order));
    let initial = initial(source, &pattern).filter(|initial| match &found.from {
        Some(from) => initial.version.compare(from, order).is_ge(),
        None => entries.is_empty(),
    });
    // CONTRACT K3: first, whatever its version is.
    Ok(initial
        .into_iter()
        .chain(entries)
        .map(|entry| ObjectVersion::of_path(entry.key))
        .collect())
}

fn version_of(pattern: &KeyPattern, key: &str) -> Option<LooseVersion> {
    pattern.captured(key)?.version.ok()
}

/// The key of the source that is a version whatever the bucket holds.
fn initial(source: &Source, pattern: &KeyPattern) -> Option<Entry> {
    let key = Some(source.initial_path.clone()).filter(|path| !path.is_empty())?;
    let version = version_of(pattern, &key)?;
    Some(Entry { key, version })
}

/// What is kept of a listing: with a version to begin from, all that is not older; without, the newest.
struct Kept {
    from: Option<LooseVersion>,
    order: Order,
    entries: Vec<Entry>,
    mixture: Mixture,
    unusable: Vec<String>,
    unusable_count: usize,
    matching: usize,
}

impl Kept {
    fn see(&mut self, pattern: &KeyPattern, key: &str, initial: &str) {
        self.matching += 1;
        let Some(captured) = pattern.captured(key) else {
            return;
        };
        let version = match captured.version {
            Ok(version) => version,
            Err(invalid) => {
                // CONTRACT F2.
                self.unusable_count += 1;
                if self.unusable.len() < TOLD {
                    self.unusable
                        .push(format!("{key:?} ({:?}: {invalid})", captured.text));
                }
                return;
            }
        };
        self.mixture.see(&version);
        if key == initial {
            return;
        }
        let wanted = match (&self.from, self.entries.last()) {
            (Some(from), _) => version.compare(from, self.order).is_ge(),
            (None, None) => true,
            (None, Some(newest)) => {
                let ordering = version.compare(&newest.version, self.order);
                if ordering != Ordering::Less {
                    self.entries.clear();
                }
                ordering != Ordering::Less
            }
        };
        if wanted {
            self.entries.push(Entry {
                key: key.to_owned(),
                version,
            });
        }
    }

    fn tell(&self, cx: &Context) {
        if self.unusable_count > 0 {
            let more = self.unusable_count - self.unusable.len();
            let more = if more == 0 {
                String::new()
            } else {
                format!(" and {more} more")
            };
            let keys = self.unusable.join(", ");
            cx.log().warn(format!(
                "skipping keys whose version cannot be read: {keys}{more}"
            ));
        }
        // CONTRACT K1.
        if self.order == Order::Loose
            && let Some((padded, plain)) = self.mixture.found()
        {
            cx.log().warn(format!(
                "{padded} counts as newer than {plain}, as numbers that begin with a zero are texts: version_order: natural in the source compares them by value"
            ));
        }
    }
}

/// The ids from the requested one on, or the newest.
async fn ids(s3: &S3, source: &Source, from: Option<&str>) -> Result<Vec<ObjectVersion>> {
    if !list::is_versioned(s3).await? {
        return Err(
            Error::remote("error finding versions: bucket is not versioned").hint(format!(
                "enable versioning of bucket {:?}, or use regexp in the source",
                source.bucket
            )),
        );
    }
    let initial = Some(source.initial_version.as_str()).filter(|id| !id.is_empty());
    let mut newest: Option<String> = None;
    let mut since: Vec<String> = Vec::new();
    let mut found = false;
    list::version_ids(s3, &source.versioned_file, |id| {
        newest.get_or_insert_with(|| id.to_owned());
        if from.is_some() {
            since.push(id.to_owned());
        }
        found = from == Some(id);
        // Without a version to begin from, the newest is all that is wanted.
        found || from.is_none()
    })
    .await?;
    if !found && from.is_some() && from == initial {
        since.extend(initial.map(str::to_owned));
        found = true;
    }
    if found {
        return Ok(since.into_iter().rev().map(ObjectVersion::of_id).collect());
    }
    let newest = newest.or_else(|| initial.map(str::to_owned));
    Ok(newest.into_iter().map(ObjectVersion::of_id).collect())
}
