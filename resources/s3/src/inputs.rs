//! Which file of the build is put (CONTRACT 7).

use std::fs;
use std::path::{Component, Path, PathBuf};

use concourse_resource_sdk::compat::ErrorExt as _;
use concourse_resource_sdk::{Error, Result};
use go_match::{Glob, Pattern};

use crate::config::PutParams;

/// The one file that the params name.
pub(crate) fn chosen(params: &PutParams, sources: &Path) -> Result<PathBuf> {
    let (pattern, field, found) = if params.file.is_empty() {
        (&params.from, "params.from", searched(&params.from, sources)?)
    } else {
        (&params.file, "params.file", globbed(&params.file, sources)?)
    };
    match found.as_slice() {
        [] => Err(Error::config(field, format!("no matches found for pattern: {pattern}")).verbatim()),
        [file] if fs::metadata(file).is_ok_and(|meta| meta.is_file()) => Ok(file.clone()),
        [other] => Err(Error::config(field, format!("{} is no file", other.display()))),
        many => {
            let paths: Vec<String> = many.iter().map(|path| path.display().to_string()).collect();
            let text = format!(
                "more than one match found for pattern: {pattern}\n[{}]",
                paths.join(" ")
            );
            Err(Error::config(field, text).verbatim())
        }
    }
}

/// What a glob matches below the sources, sorted.
fn globbed(pattern: &str, sources: &Path) -> Result<Vec<PathBuf>> {
    let bad = || Error::config("params.file", "syntax error in pattern").verbatim();
    let mut names = Vec::new();
    for component in Path::new(pattern).components() {
        match component {
            Component::Normal(name) => {
                let name = name.to_str().ok_or_else(bad)?;
                names.push((name, Glob::new(name).map_err(|_| bad())?));
            }
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir if names.pop().is_some() => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(Error::config(
                    "params.file",
                    format!("{pattern:?} leads out of the build's directory"),
                ));
            }
        }
    }
    let mut found = vec![sources.to_owned()];
    for (name, glob) in names {
        let is_plain = !name.contains(['*', '?', '[', '\\']);
        let mut next = Vec::new();
        for directory in &found {
            if is_plain {
                let path = directory.join(name);
                next.extend(path.symlink_metadata().is_ok().then_some(path));
                continue;
            }
            // What is no directory has nothing in it.
            let Ok(entries) = fs::read_dir(directory) else {
                continue;
            };
            for entry in entries {
                let entry = entry.map_err(|error| unreadable(directory, &error))?;
                if entry.file_name().to_str().is_some_and(|name| glob.matches(name)) {
                    next.push(entry.path());
                }
            }
        }
        next.sort();
        found = next;
    }
    Ok(found)
}

/// Everything below the sources, themselves included, whose path the pattern is found in.
fn searched(pattern: &str, sources: &Path) -> Result<Vec<PathBuf>> {
    let regex = from_pattern(pattern)?;
    let mut found = Vec::new();
    let mut pending = vec![sources.to_owned()];
    while let Some(path) = pending.pop() {
        if path.to_str().is_some_and(|path| regex.is_match(path)) {
            found.push(path.clone());
        }
        // A link is seen, not followed.
        if path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            let entries = fs::read_dir(&path).map_err(|error| unreadable(&path, &error))?;
            for entry in entries {
                pending.push(entry.map_err(|error| unreadable(&path, &error))?.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// `params.from`, to be found anywhere.
pub(crate) fn from_pattern(pattern: &str) -> Result<regex::Regex, Error> {
    Pattern::new(pattern)
        .and_then(|pattern| pattern.searching())
        .map_err(|error| Error::config("params.from", format!("{pattern:?} is no pattern: {error}")))
}

fn unreadable(directory: &Path, error: &std::io::Error) -> Error {
    Error::internal(format!("failed to read {}", directory.display())).cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        for path in [
            "pkg/cli-1.tgz",
            "pkg/.hidden.tgz",
            "pkg/sub/deep.tgz",
            "one.deb",
            "[x].txt",
        ] {
            let path = top.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        top
    }

    fn choose(file: &str, from: &str) -> String {
        let top = tree();
        let params = PutParams {
            file: file.to_owned(),
            from: from.to_owned(),
            ..PutParams::default()
        };
        let text = match chosen(&params, top.path()) {
            Ok(path) => path.display().to_string(),
            Err(error) => error.to_string(),
        };
        text.replace(&top.path().display().to_string(), "TOP")
    }

    #[test]
    fn a_glob_names_one_file() {
        for (glob, answer) in [
            ("*.deb", "TOP/one.deb"),
            ("./pkg/../one.deb", "TOP/one.deb"),
            ("pkg/cli*", "TOP/pkg/cli-1.tgz"),
            ("**/deep.tgz", "no matches found for pattern: **/deep.tgz"),
            ("*/*/deep.tgz", "TOP/pkg/sub/deep.tgz"),
            (r"\[x].txt", "TOP/[x].txt"),
            (
                "pkg/*.tgz",
                "more than one match found for pattern: pkg/*.tgz\n[TOP/pkg/.hidden.tgz TOP/pkg/cli-1.tgz]",
            ),
            ("nothing", "no matches found for pattern: nothing"),
            ("pkg", "params.file: TOP/pkg is no file"),
            ("[a", "syntax error in pattern"),
            ("../x", "params.file: \"../x\" leads out of the build's directory"),
        ] {
            assert_eq!(choose(glob, ""), answer, "{glob}");
        }
    }

    #[test]
    fn a_pattern_is_searched_in_the_whole_path() {
        assert_eq!(choose("", r"pkg/cli-(\d)"), "TOP/pkg/cli-1.tgz");
        assert_eq!(choose("", r"\.zip$"), r"no matches found for pattern: \.zip$");
        assert!(
            choose("", r"tgz")
                .starts_with("more than one match found for pattern: tgz\n[TOP/pkg/.hidden.tgz ")
        );
        assert!(choose("", "(").starts_with("params.from: \"(\" is no pattern: "));
    }
}
