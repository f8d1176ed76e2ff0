//! Commits in other encodings than UTF-8: what is shown and filtered is what `git log` prints and greps.

use std::process::Command;

use serde_json::{Value, json};
use tests::{GitRepo, git};

use crate::git_hostile::{raw_object, raw_tree};
use crate::support::{Served, check, get, refs};

/// A commit on another one, with its texts as bytes.
fn commit(repo: &GitRepo, parent: Option<&str>, encoding: Option<&str>, message: &[u8]) -> String {
    let tree = raw_tree(repo, &[]);
    let mut text = format!("tree {tree}\n").into_bytes();
    if let Some(parent) = parent {
        text.extend(format!("parent {parent}\n").bytes());
    }
    let name = message.split(|&byte| byte == b'\n').next().unwrap_or_default();
    for role in ["author", "committer"] {
        text.extend([role.as_bytes(), b" J ", name, b" <j@ex.org> 1700000000 +0100\n"].concat());
    }
    if let Some(encoding) = encoding {
        text.extend(format!("encoding {encoding}\n").bytes());
    }
    text.push(b'\n');
    text.extend_from_slice(message);
    raw_object(repo, "commit", &text)
}

/// What stock git prints, as bytes, in UTF-8.
fn log(repo: &GitRepo, args: &[&str]) -> Vec<u8> {
    let output = Command::new("git")
        .args(["-c", "i18n.logOutputEncoding=UTF-8", "log"])
        .args(args)
        .current_dir(repo.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").expect("a path"))
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C")
        .output()
        .expect("git");
    assert!(output.status.success());
    output
        .stdout
        .strip_suffix(b"\n")
        .unwrap_or(&output.stdout)
        .to_vec()
}

/// Encodings, and a name and message in each: right, unknown, or lying.
const COMMITS: [(Option<&str>, &[u8]); 12] = [
    (Some("ISO-8859-1"), b"F\xfcr alle\n\nGr\xf6\xdfe [ci skip] 1\n"),
    (Some("latin1"), b"J\xf6rg\n\nzwei\x80\n"),
    (Some("ISO-8859-15"), b"\xa4uro\n\nf\xfcr\n"),
    (Some("windows-1252"), b"\x80uro\n\nf\xfcr\n"),
    (Some("Shift_JIS"), b"\x93\xfa\x96\x7b\n\n\x8c\xea\n"),
    (Some("EUC-JP"), b"\xc6\xfc\xcb\xdc\n\nx\n"),
    (Some("KOI8-R"), b"\xc4\xc1\n\nx\n"),
    (Some("no-such-encoding"), b"\xfcr\n\nraw\n"),
    (Some("US-ASCII"), b"\xfcr\n\nlying\n"),
    (Some("UTF-8"), "f\u{fc}r\n\nplain\n".as_bytes()),
    (None, b"f\xfcr\n\nno header\n"),
    (Some("Shift_JIS"), b"bad \x81\n\nbroken\n"),
];

#[test]
fn texts_are_those_of_git_log() {
    for (encoding, message) in COMMITS {
        let repo = GitRepo::new();
        let id = commit(&repo, None, encoding, message);
        repo.git(&["update-ref", "refs/heads/main", &id]);
        let expected = |format: &str| log(&repo, &["-1", &format!("--format={format}")]);
        let (body, name) = (expected("%B"), expected("%an"));
        let served = Served::new(repo);
        for source in served.sources() {
            let output = get(&served.server, &json!({ "source": source })).run();
            let answer = output.ok();
            let file = |name: &str| std::fs::read(output.work().join(".git").join(name)).expect("a file");
            let shown = format!("{encoding:?} {}", message.escape_ascii());
            assert_eq!(file("commit_message"), body, "{shown}");
            assert_eq!(
                file("author").strip_suffix(b"\n"),
                Some(name.as_slice()),
                "{shown}"
            );
            assert_eq!(file("committer_name"), name, "{shown}");
            let row = |wanted: &str| {
                let rows = answer["metadata"].as_array().expect("rows");
                rows.iter()
                    .find(|row| row["name"] == wanted)
                    .map_or(Value::Null, |row| row["value"].clone())
            };
            assert_eq!(row("author"), json!(String::from_utf8_lossy(&name)), "{shown}");
            assert_eq!(row("message"), json!(String::from_utf8_lossy(&body)), "{shown}");
            let subject = String::from_utf8_lossy(&name)
                .strip_prefix("J ")
                .expect("a name")
                .to_owned();
            assert!(
                output
                    .stderr
                    .contains(&format!("HEAD is now at {} {subject}", &id[..7])),
                "{output}"
            );
        }
    }
}

#[test]
fn messages_are_filtered_as_git_log_greps_them() {
    let repo = GitRepo::new();
    let mut parent: Option<String> = None;
    for (encoding, message) in COMMITS {
        parent = Some(commit(&repo, parent.as_deref(), encoding, message));
    }
    let main = parent.expect("a commit");
    repo.git(&["update-ref", "refs/heads/main", &main]);
    let patterns = [
        "f\u{fc}r",
        "F\u{fc}r",
        "\u{20ac}uro",
        "\u{65e5}\u{672c}",
        "\u{434}\u{430}",
        "raw",
        "zwei",
        "broken",
        "^.uro$",
    ];
    let expected: Vec<Vec<String>> = patterns
        .iter()
        .map(|pattern| {
            let found = log(
                &repo,
                &[
                    "--reverse",
                    "--format=%H",
                    "--basic-regexp",
                    &format!("--grep={pattern}"),
                    "main",
                ],
            );
            String::from_utf8(found)
                .expect("ids")
                .lines()
                .map(str::to_owned)
                .collect()
        })
        .collect();
    let served = Served::new(repo);
    for mut source in served.sources() {
        for (pattern, expected) in patterns.iter().zip(&expected) {
            source["commit_filter"] = json!({ "include": [pattern] });
            source["disable_ci_skip"] = json!(true);
            source["version_depth"] = json!(20);
            let answer = check(&served.server, &json!({ "source": source })).run().ok();
            assert_eq!(refs(&answer), *expected, "{pattern}");
        }
    }
}

#[test]
fn the_skip_marker_counts_in_every_encoding() {
    let repo = GitRepo::new();
    let passing = commit(&repo, None, Some("ISO-8859-1"), b"F\xfcr alle\n");
    let skipped = commit(
        &repo,
        Some(&passing),
        Some("Shift_JIS"),
        b"\x93\xfa\x96\x7b [ci skip]\n",
    );
    repo.git(&["update-ref", "refs/heads/main", &skipped]);
    let served = Served::new(repo);
    for source in served.sources() {
        assert_eq!(
            refs(&check(&served.server, &json!({ "source": source })).run().ok()),
            [passing.as_str()]
        );
    }
}

/// A cursor that is the name of a tag is what the tag leads to now, whatever an earlier check remembers.
#[test]
fn a_cursor_that_is_a_tag_which_moved_gets_the_same_answer_from_the_cache() {
    let mut repo = GitRepo::new();
    for name in ["n0", "n1", "n2", "n3"] {
        repo.commit(name, name, &[("f", name)]);
    }
    repo.git(&["tag", "moving", &repo.id("n1")]);
    let served = Served::new(repo);
    let path = served.server.path("r.git");
    for source in served.sources() {
        git(&path, &["tag", "--force", "moving", &served.repo.id("n1")]);
        let request = json!({ "source": source, "version": { "ref": "moving" } });
        let tmp = tempfile::TempDir::new().expect("a directory");
        let warm = || refs(&check(&served.server, &request).tmpdir(tmp.path()).run().ok());
        let cold = || refs(&check(&served.server, &request).run().ok());
        assert_eq!(warm(), cold());
        for target in ["n3", "n0", "n2"] {
            git(&path, &["tag", "--force", "moving", &served.repo.id(target)]);
            let fresh = cold();
            assert_eq!(fresh.first(), Some(&served.repo.id(target)));
            assert_eq!(warm(), fresh, "{target}");
            assert_eq!(warm(), fresh, "{target}, again");
        }
    }
}

/// Seen in a real Concourse: a check that found nothing, and said nothing.
#[test]
fn tags_whose_commits_are_left_out_are_told() {
    let mut repo = GitRepo::new();
    repo.commit("n0", "release [ci skip]", &[("f", "0")]);
    repo.tag("v1", "n0");
    repo.tag("v2", "n0");
    let served = Served::new(repo);
    for (fields, why) in [
        (json!({}), "[ci skip] in its message"),
        (
            json!({ "disable_ci_skip": true, "commit_filter": { "exclude": ["release"] } }),
            "commit_filter",
        ),
        (
            json!({ "disable_ci_skip": true, "paths": ["other"] }),
            "paths or ignore_paths",
        ),
    ] {
        for mut source in served.sources() {
            crate::support::merge(&mut source, &json!({ "tag_filter": "v*" }));
            crate::support::merge(&mut source, &fields);
            let mut below = source.clone();
            below["tag_behaviour"] = json!("match_tag_ancestors");
            let output = check(&served.server, &json!({ "source": below })).run();
            assert_eq!(output.ok(), json!([]));
            assert!(
                output
                    .stderr
                    .contains(&format!(", and {why} leaves out the commit")),
                "{output}"
            );
            let output = check(&served.server, &json!({ "source": source })).run();
            assert_eq!(output.ok(), json!([]));
            output.says(&format!(
                "tag v2 and 1 more matches, and {why} leaves out the commit"
            ));
        }
    }
}
