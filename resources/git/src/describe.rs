//! `git describe --always --dirty --broken`: CONTRACT 5.6, `describe_ref`.

use std::fs::File;
use std::io::Read;

use git2::{DescribeFormatOptions, DescribeOptions, ErrorCode, Repository, StatusOptions};

/// The shortest abbreviation that git uses by itself.
const SHORTEST: u32 = 7;

/// What git calls the commit that is checked out: its nearest annotated tag, else its id. `None`: there is no commit.
pub(crate) fn describe(repo: &Repository) -> Result<Option<String>, git2::Error> {
    let head = match repo.head() {
        Ok(head) => head.peel_to_commit()?,
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let description = head
        .as_object()
        .describe(DescribeOptions::new().show_commit_oid_as_fallback(true))?;
    let mut text = description.format(Some(
        DescribeFormatOptions::new().abbreviated_size(abbreviation(repo)),
    ))?;
    if is_dirty(repo)? {
        text.push_str("-dirty");
    }
    Ok(Some(text))
}

/// Whether a tracked file differs from the commit. libgit2's own answer would count untracked files too.
fn is_dirty(repo: &Repository) -> Result<bool, git2::Error> {
    if repo.is_bare() {
        return Ok(false);
    }
    let mut options = StatusOptions::new();
    options
        .include_untracked(false)
        .include_ignored(false)
        .exclude_submodules(false);
    Ok(!repo.statuses(Some(&mut options))?.is_empty())
}

/// How many digits of an id git shows at least: `core.abbrev`, or a length that grows with the repository.
fn abbreviation(repo: &Repository) -> u32 {
    let configured = repo
        .config()
        .ok()
        .and_then(|config| config.get_i32("core.abbrev").ok());
    if let Some(length) = configured
        .and_then(|length| u32::try_from(length).ok())
        .filter(|length| *length >= 4)
    {
        return length.min(40);
    }
    length_for(packed_objects(repo))
}

/// Two ids of this length collide rarely among so many objects.
fn length_for(objects: u64) -> u32 {
    let bits = u64::BITS - objects.leading_zeros();
    bits.div_ceil(2).max(SHORTEST)
}

/// The objects in packs: like git, loose ones are not counted.
fn packed_objects(repo: &Repository) -> u64 {
    let Ok(files) = std::fs::read_dir(repo.commondir().join("objects/pack")) else {
        return 0;
    };
    files
        .filter_map(Result::ok)
        .filter(|file| {
            file.path()
                .extension()
                .is_some_and(|extension| extension == "pack")
        })
        .filter_map(|file| objects_in(File::open(file.path()).ok()?))
        .sum()
}

/// The number of objects that the header of a pack gives.
fn objects_in(mut pack: File) -> Option<u64> {
    let mut header = [0; 12];
    pack.read_exact(&mut header).ok()?;
    let count = header.strip_prefix(b"PACK")?.last_chunk::<4>()?;
    Some(u32::from_be_bytes(*count).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stock_git::StockGit;

    /// Both answers, which must be the same.
    fn described(git: &StockGit) -> String {
        let stock = git.run(&["describe", "--always", "--dirty", "--broken"]);
        let ours = describe(&git.repo()).unwrap().unwrap();
        assert_eq!(ours, stock.trim_end());
        ours
    }

    #[test]
    fn nothing_is_found_without_a_commit() {
        assert_eq!(describe(&StockGit::new().repo()).unwrap(), None);
    }

    #[test]
    fn without_an_annotated_tag_it_is_the_id() {
        let git = StockGit::new();
        let id = git.commit("one");
        git.run(&["tag", "light"]);
        assert_eq!(described(&git), id[..7]);
    }

    #[test]
    fn it_is_the_nearest_annotated_tag_and_the_distance() {
        let git = StockGit::new();
        git.commit("one");
        git.run(&["tag", "-a", "-m", "x", "v1"]);
        assert_eq!(described(&git), "v1");
        git.commit("two");
        let id = git.commit("three");
        git.run(&["tag", "light"]);
        assert_eq!(described(&git), format!("v1-2-g{}", &id[..7]));
        git.run(&["checkout", "-q", "--detach", "HEAD~1"]);
        assert!(described(&git).starts_with("v1-1-g"));
    }

    #[test]
    fn of_two_tags_the_newer_one_names_the_commit() {
        for (first, second) in [("b", "a"), ("a", "b")] {
            let git = StockGit::new();
            git.commit("one");
            git.run_at(1_700_000_000, &["tag", "-a", "-m", "x", first])
                .unwrap();
            git.run_at(1_700_000_001, &["tag", "-a", "-m", "x", second])
                .unwrap();
            assert_eq!(described(&git), second);
        }
        let git = StockGit::new();
        git.commit("one");
        git.run(&["tag", "-a", "-m", "x", "b"]);
        git.run(&["tag", "-a", "-m", "x", "a"]);
        described(&git);
    }

    #[test]
    fn across_a_merge_the_nearest_tag_wins() {
        let git = StockGit::new();
        git.commit("base");
        git.run(&["tag", "-a", "-m", "x", "base"]);
        git.run(&["checkout", "-q", "-b", "topic"]);
        git.commit("t1");
        git.run(&["tag", "-a", "-m", "x", "topic-1"]);
        git.commit("t2");
        git.run(&["checkout", "-q", "main"]);
        for index in 0..4 {
            let date = 1_700_000_100 + index;
            git.run_at(date, &["commit", "-q", "--allow-empty", "-m", "m"])
                .unwrap();
        }
        git.run(&["tag", "-a", "-m", "x", "main-1", "HEAD~3"]);
        git.run_at(1_700_000_200, &["merge", "-q", "--no-ff", "--no-edit", "topic"])
            .unwrap();
        described(&git);
        git.run(&["tag", "-d", "main-1"]);
        described(&git);
    }

    #[test]
    fn only_a_change_of_a_tracked_file_makes_it_dirty() {
        let git = StockGit::new();
        git.write("a", "1");
        git.write(".gitignore", "ignored\n");
        let id = git.commit("one");
        git.write("untracked", "x");
        git.write("ignored", "x");
        assert_eq!(described(&git), id[..7]);
        git.write("a", "2");
        assert_eq!(described(&git), format!("{}-dirty", &id[..7]));
        git.run(&["add", "a"]);
        assert_eq!(described(&git), format!("{}-dirty", &id[..7]));
        git.write("a", "1");
        assert_eq!(described(&git), format!("{}-dirty", &id[..7]));
        git.run(&["add", "a"]);
        assert_eq!(described(&git), id[..7]);
        std::fs::remove_file(git.path().join("a")).unwrap();
        assert_eq!(described(&git), format!("{}-dirty", &id[..7]));
    }

    #[test]
    fn a_submodule_at_another_commit_makes_it_dirty() {
        let inner = StockGit::new();
        inner.commit("one");
        let git = StockGit::new();
        let url = inner.path().to_str().unwrap();
        git.run(&[
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "add",
            "-q",
            url,
            "sub",
        ]);
        git.commit("with a submodule");
        described(&git);
        git.run(&["-C", "sub", "commit", "-q", "--allow-empty", "-m", "two"]);
        assert!(described(&git).ends_with("-dirty"));
    }

    #[test]
    fn the_id_gets_longer_as_the_repository_grows() {
        for (objects, length) in [
            (0, 7),
            (1, 7),
            (16_383, 7),
            (16_384, 8),
            (65_535, 8),
            (65_536, 9),
            (1 << 20, 11),
        ] {
            assert_eq!(length_for(objects), length, "{objects}");
        }
        let git = StockGit::new();
        let blobs: Vec<_> = (0..16_500)
            .map(|index| format!("blob\ndata 6\n{index:06}\n"))
            .collect();
        let mut import = git.command(&["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"]);
        let mut child = import.stdin(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), blobs.concat().as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        git.commit("one");
        assert_eq!(described(&git).len(), 8);
    }

    #[test]
    fn the_configured_length_is_kept() {
        let git = StockGit::new();
        git.commit("one");
        for (length, shown) in [("12", 12), ("auto", 7), ("4", 4), ("40", 40)] {
            git.run(&["config", "core.abbrev", length]);
            assert_eq!(described(&git).len(), shown);
        }
    }
}
