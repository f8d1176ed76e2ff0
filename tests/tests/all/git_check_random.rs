//! `check` against stock `git rev-list` on random histories: merges, roots, skewed dates, force pushes, skip markers, paths,
//! messages.
//!
//! The proof of design.md section 5: the answer is that of the whole history, and what is fetched is bounded by what is new.
//! A failure names its seed; `GIT_CHECK_SEED=<seed>` runs that case alone.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Access, GitRepo, GitServer, git};

use crate::git_random_messages::Patterns;
use crate::support::{check, refs};

/// Random histories; each is asked about from several cursors and with several filters.
const HISTORIES: u64 = 25;
/// What happens to the branch of one history, with a check after each.
const STEPS: usize = 6;

/// A linear congruential generator: random enough here, and a seed repeats the case.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// A fast-import stream of commits with marks from 1, each on a branch of its own, `c1` and so on.
pub(crate) fn stream(random: &mut Random, commits: usize) -> String {
    let mut stream = String::new();
    for mark in 1..=commits {
        let message = random.pick(&[
            "plain",
            "note [ci skip]",
            "body\n\n[skip ci]",
            "[ci  skip] two blanks",
            "feat: one",
            "fix(a): two\n\nbody of $5\ncloses #7",
            "Feat+ three\n\n  indented",
            "",
        ]);
        // Dates jump back and forth: no walk may rely on them.
        let date = 1_600_000_000 + mark * 60 + random.below(20) * 600;
        let parents = parents(random, mark);
        writeln!(stream, "commit refs/heads/c{mark}\nmark :{mark}").expect("text");
        writeln!(
            stream,
            "committer A <a@ex.org> {date} +0000\ndata {}\n{message}",
            message.len()
        )
        .expect("text");
        for (index, parent) in parents.iter().enumerate() {
            writeln!(stream, "{} :{parent}", if index == 0 { "from" } else { "merge" }).expect("text");
        }
        for _ in 0..random.below(4) {
            let path = random.pick(&["a/one", "a/two", "b/x/deep", "b/y", "top"]);
            let content = random.below(4).to_string();
            writeln!(
                stream,
                "M 100644 inline {path}\ndata {}\n{content}",
                content.len()
            )
            .expect("text");
        }
        stream.push('\n');
    }
    stream
}

fn parents(random: &mut Random, mark: usize) -> Vec<usize> {
    if mark == 1 || random.below(12) == 0 {
        return Vec::new();
    }
    let mut parents = vec![mark - 1 - random.below((mark - 1).min(3))];
    if mark > 2 && random.below(4) == 0 {
        let other = 1 + random.below(mark - 1);
        if !parents.contains(&other) {
            parents.push(other);
        }
    }
    parents
}

/// The source fields of a case, and what they mean to stock git.
#[derive(Debug, Clone)]
struct Filters {
    fields: Value,
    pathspecs: Vec<&'static str>,
    skips: bool,
    include: Patterns,
    exclude: Patterns,
    depth: usize,
}

fn filters(random: &mut Random, seed: u64) -> Filters {
    let choices: [&[&'static str]; 6] = [
        &[],
        &["a"],
        &["b/*"],
        &["a/one", "top"],
        &[".", ":!a"],
        &[".", ":!b/x", ":!top"],
    ];
    let pathspecs = random.pick(&choices);
    let (paths, ignored): (Vec<_>, Vec<_>) = pathspecs.iter().partition(|spec| !spec.starts_with(":!"));
    let skips = random.below(2) == 0;
    let depth = 1 + random.below(3);
    // From numbers of their own, so that histories and cursors are the same with and without them.
    let mut own = Random(seed + 1000);
    let (include, exclude) = (Patterns::some(&mut own), Patterns::some(&mut own));
    let mut fields = json!({
        "version_depth": depth, "disable_ci_skip": !skips,
        "commit_filter": {
            "include": include.list, "include_all_match": include.all,
            "exclude": exclude.list, "exclude_all_match": exclude.all,
        },
    });
    if !paths.is_empty() && paths != ["."] {
        fields["paths"] = json!(paths);
    }
    if !ignored.is_empty() {
        fields["ignore_paths"] = ignored
            .iter()
            .map(|spec: &&str| spec.trim_start_matches(":!"))
            .collect();
    }
    Filters {
        fields,
        pathspecs: pathspecs.to_vec(),
        skips,
        include,
        exclude,
        depth,
    }
}

/// The contract's sections 4.4, 4.5 and 4.7, by stock git on the whole history.
fn expected(repo: &Path, cursor: Option<&str>, filters: &Filters) -> Vec<String> {
    let known = cursor.filter(|id| {
        git(
            repo,
            &["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"],
        )
        .contains(*id)
    });
    let (included, excluded) = (filters.include.matched(repo), filters.exclude.matched(repo));
    let list = |range: &[&str]| -> Vec<String> {
        let mut args = vec!["rev-list", "--first-parent", "main"];
        args.extend(range);
        args.push("--");
        args.extend(&filters.pathspecs);
        let ids = git(repo, &args);
        ids.lines()
            .filter(|id| !(filters.skips && is_marked(repo, id)))
            .filter(|id| included.as_ref().is_none_or(|ids| ids.contains(*id)))
            .filter(|id| excluded.as_ref().is_none_or(|ids| !ids.contains(*id)))
            .map(str::to_owned)
            .collect()
    };
    let newest = || list(&[]).into_iter().take(filters.depth).collect::<Vec<_>>();
    let mut ids = match known {
        None => newest(),
        Some(id) => match git(repo, &["rev-list", "--parents", "--max-count=1", id])
            .split(' ')
            .nth(1)
        {
            Some(parent) => list(&[&format!("^{parent}")]),
            None if git(repo, &["rev-list", "main"]).contains(id) => list(&[]),
            None => newest(),
        },
    };
    ids.reverse();
    ids
}

pub(crate) fn is_marked(repo: &Path, id: &str) -> bool {
    let message = git(repo, &["log", "--max-count=1", "--format=%B", id]);
    message
        .lines()
        .any(|line| line.contains("[ci skip]") || line.contains("[skip ci]"))
}

/// One history, whose branch moves; after each move a check from the last version, and a cold one from anywhere.
fn case(seed: u64, server: &GitServer) {
    let mut random = Random(seed);
    let source_repo = GitRepo::new();
    let commits = 1 + random.below(30);
    source_repo.fast_import(&stream(&mut random, commits));
    let name = format!("{seed}.git");
    let path = server.publish(&source_repo, &name);
    if random.below(4) == 0 {
        git(&path, &["config", "uploadpack.allowFilter", "false"]);
    }
    let filters = filters(&mut random, seed);
    let mut source = json!({ "uri": server.url(&name), "branch": "main" });
    source
        .as_object_mut()
        .expect("an object")
        .extend(filters.fields.as_object().expect("an object").clone());
    let warm = TempDir::new().expect("a directory");
    let mut cursor: Option<String> = None;
    for step in 0..STEPS {
        let target = 1 + random.below(commits);
        git(
            &path,
            &["update-ref", "refs/heads/main", &format!("refs/heads/c{target}")],
        );
        let say = format!("seed {seed}, step {step}, main at c{target}, {filters:?}");

        let request = json!({ "source": source, "version": cursor.as_ref().map(|id| json!({ "ref": id })) });
        let answer = refs(&check(server, &request).tmpdir(warm.path()).run().ok());
        assert_eq!(
            answer,
            expected(&path, cursor.as_deref(), &filters),
            "warm from {cursor:?}: {say}"
        );
        if let Some(last) = answer.last() {
            cursor = Some(last.clone());
        }

        let anywhere = match random.below(8) {
            0 => "d".repeat(40),
            _ => git(
                &path,
                &["rev-parse", &format!("refs/heads/c{}", 1 + random.below(commits))],
            ),
        };
        let cold = TempDir::new().expect("a directory");
        let request = json!({ "source": source, "version": { "ref": anywhere } });
        let answer = refs(&check(server, &request).tmpdir(cold.path()).run().ok());
        assert_eq!(
            answer,
            expected(&path, Some(&anywhere), &filters),
            "cold from {anywhere}: {say}"
        );
    }
}

#[test]
fn check_answers_as_stock_git_on_the_whole_history() {
    let server = GitServer::start(Access::Open);
    if let Ok(seed) = std::env::var("GIT_CHECK_SEED") {
        return case(seed.parse().expect("a number"), &server);
    }
    for seed in 1..=HISTORIES {
        case(seed, &server);
    }
}

/// Every object that a check left in its temporary directory.
fn fetched(tmp: &Path) -> BTreeSet<String> {
    let mut objects = BTreeSet::new();
    let mut directories = vec![tmp.to_owned()];
    while let Some(directory) = directories.pop() {
        if directory.join("objects").is_dir() {
            let list = git(
                &directory,
                &["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"],
            );
            objects.extend(list.lines().map(str::to_owned));
            continue;
        }
        for entry in std::fs::read_dir(&directory).expect("a directory").flatten() {
            if entry.path().is_dir() {
                directories.push(entry.path());
            }
        }
    }
    objects
}

/// A linear history of `commits` commits in two directories.
fn linear(commits: usize) -> GitRepo {
    let repo = GitRepo::new();
    let mut stream = String::new();
    for mark in 1..=commits {
        let from = if mark == 1 {
            String::new()
        } else {
            format!("from :{}\n", mark - 1)
        };
        let directory = if mark % 10 == 0 { "rare" } else { "often" };
        let content = mark.to_string();
        writeln!(
            stream,
            "commit refs/heads/main\nmark :{mark}\ncommitter A <a@ex.org> {} +0000\ndata 1\nx\n{from}M 100644 inline {directory}/f\ndata {}\n{content}\n",
            1_600_000_000 + mark,
            content.len()
        )
        .expect("text");
    }
    repo.fast_import(&stream);
    repo
}

#[test]
fn what_is_fetched_is_bounded_by_what_is_new() {
    let server = GitServer::start(Access::Open);
    let repo = linear(500);
    server.publish(&repo, "r.git");
    let plain = json!({ "uri": server.url("r.git"), "branch": "main" });
    let mut by_path = plain.clone();
    by_path["paths"] = json!(["rare"]);
    let cursor = |back: usize| json!({ "ref": repo.id(&format!("main~{back}")) });
    for (say, source, version, versions, most) in [
        ("no cursor", &plain, Value::Null, 1, 8),
        ("no cursor, by path", &by_path, Value::Null, 1, 8 * 3 + 2),
        ("the head as cursor", &plain, cursor(0), 1, 1),
        ("20 new commits", &plain, cursor(20), 21, 21),
        // A commit, its root and one directory each; the cursor's parent with both directories.
        ("20 new commits, by path", &by_path, cursor(20), 3, 21 * 3 + 4),
        (
            "a vanished cursor",
            &plain,
            json!({ "ref": "d".repeat(40) }),
            1,
            8,
        ),
    ] {
        let tmp = TempDir::new().expect("a directory");
        let answer = check(&server, &json!({ "source": source, "version": version }))
            .tmpdir(tmp.path())
            .run()
            .ok();
        assert_eq!(refs(&answer).len(), versions, "{say}");
        let fetched = fetched(tmp.path()).len();
        assert!((1..=most).contains(&fetched), "{say}: {fetched} objects");
    }
}

#[test]
fn a_check_with_nothing_new_is_two_requests() {
    let server = GitServer::start(Access::Login);
    server.publish(&linear(3), "r.git");
    let source = crate::support::source(&server, "r.git");
    let tmp = TempDir::new().expect("a directory");
    let first = check(&server, &json!({ "source": source }))
        .tmpdir(tmp.path())
        .run()
        .ok();
    let version = first[0].clone();
    let before = server.requests().len();
    let second = check(&server, &json!({ "source": source, "version": version }))
        .tmpdir(tmp.path())
        .run()
        .ok();
    assert_eq!(second, json!([version]));
    assert_eq!(
        server.requests()[before..],
        [
            "GET /r.git/info/refs 200".to_owned(),
            "POST /r.git/git-upload-pack 200".to_owned()
        ]
    );
}
