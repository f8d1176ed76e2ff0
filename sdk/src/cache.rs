//! The directory that outlives a check.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Where an answer is remembered, and where it is written first.
const ANSWER: &str = "answer.json";
const NEW_ANSWER: &str = "answer.new";

/// What nobody else may do: read, write, search.
const GROUP_AND_OTHERS: u32 = 0o077;

/// A private directory below `$TMPDIR`, for this source only. Concourse reuses a check container for up to an hour, perhaps
/// for another pipeline.
///
/// It is only an optimisation: what is in it may be missing or torn, and another answer than without it is a defect. No other
/// process uses it at the same time.
#[derive(Debug)]
pub struct CacheDir {
    path: PathBuf,
    /// Locked for as long as it is open; a killed process lets go of it.
    _lock: File,
}

impl CacheDir {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was [remembered](Self::remember) here; nothing where that is missing, torn, or of another shape.
    #[must_use]
    pub fn recall<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&fs::read(self.path.join(ANSWER)).ok()?).ok()
    }

    /// Remembers one thing, in the place of what was remembered before. A failure is no failure of the check: then nothing is.
    pub fn remember(&self, answer: &impl Serialize) {
        let new = self.path.join(NEW_ANSWER);
        let Ok(text) = serde_json::to_vec(answer) else {
            return self.forget();
        };
        if fs::write(&new, text).is_err() || fs::rename(&new, self.path.join(ANSWER)).is_err() {
            self.forget();
        }
    }

    /// Remembers nothing any more.
    pub fn forget(&self) {
        for file in [ANSWER, NEW_ANSWER] {
            // A file that cannot be removed cannot be read either, or is still true.
            let _ = fs::remove_file(self.path.join(file));
        }
    }

    /// Opens the directory for a source; none where that is not possible, not safe, or somebody else has it.
    pub(crate) fn open(tmp: &Path, resource: &str, source: &Value) -> Option<Self> {
        let user = rustix::process::geteuid();
        let parent = tmp.join(format!("{resource}-resource-cache-{}", user.as_raw()));
        let path = parent.join(digest(source));
        for directory in [&parent, &path] {
            // It may be there already; what is there is looked at next.
            let _ = DirBuilder::new().mode(0o700).create(directory);
            let found = fs::symlink_metadata(directory).ok()?;
            let is_private =
                found.is_dir() && found.uid() == user.as_raw() && found.mode() & GROUP_AND_OTHERS == 0;
            if !is_private {
                return None;
            }
        }
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .ok()?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(Self { path, _lock: lock })
    }
}

/// A digest of the whole source, whatever the order of its keys.
fn digest(source: &Value) -> String {
    let mut text = String::new();
    canonical(source, &mut text);
    let digest = Sha256::digest(text);
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            text.push('{');
            for name in names {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                canonical(&fields[name], text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use serde_json::json;

    use super::*;

    #[test]
    fn one_source_has_one_directory_and_one_user_at_a_time() {
        let tmp = tempfile::tempdir().unwrap();
        let first = CacheDir::open(tmp.path(), "x", &json!({"a": 1, "b": 2})).unwrap();
        assert!(CacheDir::open(tmp.path(), "x", &json!({"b": 2, "a": 1})).is_none());
        let other = CacheDir::open(tmp.path(), "x", &json!({"a": "1", "b": 2})).unwrap();
        assert_ne!(first.path(), other.path());
        assert_eq!(
            fs::metadata(first.path()).unwrap().permissions().mode() & 0o777,
            0o700
        );
        let path = first.path().to_owned();
        drop(first);
        assert_eq!(
            CacheDir::open(tmp.path(), "x", &json!({"b": 2, "a": 1}))
                .unwrap()
                .path(),
            path
        );
    }

    #[test]
    fn an_answer_is_remembered_whole_or_not_at_all() {
        let tmp = tempfile::tempdir().unwrap();
        let cache = CacheDir::open(tmp.path(), "x", &json!({})).unwrap();
        assert_eq!(cache.recall::<Vec<String>>(), None);
        let answer = vec!["a".to_owned(), "b".to_owned()];
        cache.remember(&answer);
        assert_eq!(cache.recall(), Some(answer));
        assert_eq!(cache.recall::<u8>(), None);
        let file = cache.path().join(ANSWER);
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(cache.recall::<Vec<String>>(), None);
        cache.remember(&7);
        cache.forget();
        assert_eq!(cache.recall::<u8>(), None);
    }

    #[test]
    fn a_link_or_an_open_directory_is_not_used() {
        let tmp = tempfile::tempdir().unwrap();
        let source = json!({});
        let path = CacheDir::open(tmp.path(), "x", &source)
            .unwrap()
            .path()
            .to_owned();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(CacheDir::open(tmp.path(), "x", &source).is_none());
        fs::remove_dir_all(&path).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        symlink(elsewhere.path(), &path).unwrap();
        assert!(CacheDir::open(tmp.path(), "x", &source).is_none());
    }
}
