//! `check` of tags against stock git on random histories with random tags. A failure names its seed; `GIT_TAGS_SEED=<seed>`
//! runs that case alone.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Access, GitRepo, GitServer, git};

use crate::git_check_random::{Random, is_marked, stream};
use crate::support::check;

const HISTORIES: u64 = 20;
const STEPS: usize = 3;

/// Tags of commits with marks below `commits`: some annotated, many of one second.
fn tags(random: &mut Random, commits: usize) -> String {
    let mut stream = String::new();
    for number in 0..2 + random.below(8) {
        let name = random.pick(&["v", "w", "rel/v", "rel-"]);
        let mark = 1 + random.below(commits);
        if random.below(2) == 0 {
            writeln!(stream, "reset refs/tags/{name}{number}\nfrom :{mark}\n").expect("text");
        } else {
            let date = 1_600_000_000 + random.below(6) * 600;
            writeln!(
                stream,
                "tag {name}{number}\nfrom :{mark}\ntagger A <a@ex.org> {date} +0000\ndata 1\nx"
            )
            .expect("text");
        }
    }
    stream
}

#[derive(Debug)]
struct Setting {
    glob: Option<&'static str>,
    regex: Option<&'static str>,
    ancestors: bool,
    branch: bool,
    skips: bool,
    path: Option<&'static str>,
    depth: usize,
}

impl Setting {
    fn some(random: &mut Random) -> Self {
        let by_glob = random.below(2) == 0;
        Self {
            glob: by_glob.then(|| *random.pick(&["*", "v*", "rel*", "[vw]?", "*v*"])),
            regex: (!by_glob).then(|| *random.pick(&[".*", "v[0-4]+", "(v|w).", "rel/?-?.+"])),
            ancestors: random.below(2) == 0,
            branch: random.below(2) == 0,
            skips: random.below(2) == 0,
            path: (random.below(3) == 0).then_some("a"),
            depth: 1 + random.below(5),
        }
    }

    fn source(&self, uri: &str) -> Value {
        let mut source = json!({
            "uri": uri, "version_depth": self.depth, "disable_ci_skip": !self.skips,
            "tag_filter": self.glob, "tag_regex": self.regex,
        });
        if self.ancestors {
            source["tag_behaviour"] = json!("match_tag_ancestors");
        }
        if self.branch {
            source["branch"] = json!("main");
        }
        if let Some(path) = self.path {
            source["paths"] = json!([path]);
        }
        source
    }

    /// The names that match, oldest first, by stock git and grep.
    fn names(&self, repo: &Path, limits: &[&str]) -> Vec<String> {
        let mut args = vec!["tag", "--sort=creatordate", "--format=%(refname:strip=2)"];
        args.extend(limits);
        args.extend(["--list", self.glob.unwrap_or("*")]);
        let names = git(repo, &args);
        let kept = |name: &&str| self.regex.is_none_or(|regex| grep(regex, name));
        names
            .lines()
            .filter(|name| !name.is_empty())
            .filter(kept)
            .map(str::to_owned)
            .collect()
    }
}

fn grep(regex: &str, name: &str) -> bool {
    let script = "printf '%s\\n' \"$2\" | LC_ALL=C grep -Eqxe \"$1\"";
    let status = std::process::Command::new("sh")
        .args(["-c", script, "sh", regex, name])
        .status();
    status.expect("grep").success()
}

/// CONTRACT 4.4 to 4.6 by stock git: each `tag commit` or `commit`.
fn expected(repo: &Path, from: Option<&str>, setting: &Setting) -> Vec<String> {
    let resolve = |text: &str| {
        let all = git(
            repo,
            &["rev-parse", "--verify", "--quiet", "--end-of-options", text],
        );
        git(repo, &["rev-parse", &format!("{all}^{{commit}}")])
    };
    let cursor = from.filter(|text| !text.starts_with("dddd")).map(resolve);
    let parent = |id: &str| {
        let line = git(repo, &["rev-list", "--parents", "--max-count=1", id]);
        line.split(' ').nth(1).map(str::to_owned)
    };
    let mut args = vec!["rev-list", "--all", "--first-parent", "--date-order"];
    let base = cursor.as_deref().and_then(parent).map(|id| format!("^{id}"));
    args.extend(base.as_deref());
    let passing: Vec<String> = git(repo, &args)
        .lines()
        .filter(|id| !(setting.skips && is_marked(repo, id)))
        .filter(|id| {
            setting
                .path
                .is_none_or(|path| touches(repo, id, parent(id), path))
        })
        .map(str::to_owned)
        .collect();
    let merged = if setting.branch {
        vec!["--merged", "main"]
    } else {
        Vec::new()
    };
    let all = setting.names(repo, &merged);
    let names = match (&cursor, from) {
        (Some(_), Some(from)) if !setting.branch && all.iter().any(|name| name == from) => {
            all.into_iter().skip_while(|name| name != from).collect()
        }
        (Some(cursor), _) => setting.names(repo, &[merged, vec!["--contains", cursor]].concat()),
        (None, _) => all,
    };
    let tagged: Vec<(String, String)> = names
        .into_iter()
        .map(|name| (name.clone(), resolve(&format!("refs/tags/{name}"))))
        .collect();
    let mut versions: Vec<String> = if setting.ancestors {
        let below: BTreeSet<String> = tagged
            .iter()
            .flat_map(|(_, commit)| {
                let list = git(repo, &["rev-list", commit]);
                list.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        passing
            .into_iter()
            .rev()
            .filter(|id| below.contains(id))
            .collect()
    } else {
        tagged
            .into_iter()
            .filter(|(_, commit)| passing.contains(commit))
            .map(|(name, commit)| format!("{name} {commit}"))
            .collect()
    };
    versions.split_off(versions.len().saturating_sub(setting.depth))
}

fn touches(repo: &Path, id: &str, parent: Option<String>, path: &str) -> bool {
    let empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904".to_owned();
    let before = parent.unwrap_or(empty);
    !git(repo, &["diff-tree", "-r", "--name-only", &before, id, "--", path]).is_empty()
}

fn case(seed: u64, server: &GitServer) {
    let mut random = Random(seed);
    let commits = 2 + random.below(25);
    let source_repo = GitRepo::new();
    source_repo.fast_import(&(stream(&mut random, commits) + &tags(&mut random, commits)));
    let name = format!("tags-{seed}.git");
    let path = server.publish(&source_repo, &name);
    // Few branches: then not every commit is on a first-parent chain.
    let kept = 1 + random.below(commits);
    for number in (1..=commits).filter(|number| *number != kept) {
        git(&path, &["update-ref", "-d", &format!("refs/heads/c{number}")]);
    }
    let main = git(&path, &["rev-parse", &format!("refs/heads/c{kept}")]);
    git(&path, &["update-ref", "refs/heads/main", &main]);
    let warm = TempDir::new().expect("a directory");
    for step in 0..STEPS {
        let setting = Setting::some(&mut random);
        let names = git(&path, &["tag"]);
        let names: Vec<&str> = names.lines().collect();
        let known = git(&path, &["rev-list", "--all"]);
        let known: Vec<&str> = known.lines().collect();
        let vanished = "d".repeat(40);
        let from = match random.below(6) {
            0 => None,
            1 => Some(vanished.as_str()),
            2 | 3 => Some(*random.pick(&known)),
            _ => Some(*random.pick(&names)),
        };
        let wanted = expected(&path, from, &setting);
        for uri in [
            server.url(&name),
            server.url(&format!("v0/{name}")),
            format!("file://{}", path.display()),
        ] {
            let request =
                json!({ "source": setting.source(&uri), "version": from.map(|from| json!({ "ref": from })) });
            let answer = check(server, &request).tmpdir(warm.path()).run().ok();
            let shown: Vec<String> = answer
                .as_array()
                .expect("a list")
                .iter()
                .map(|version| match version["commit"].as_str() {
                    Some(commit) => format!("{} {commit}", version["ref"].as_str().expect("a ref")),
                    None => version["ref"].as_str().expect("a ref").to_owned(),
                })
                .collect();
            assert_eq!(shown, wanted, "seed {seed}, step {step}, {request}");
        }
    }
}

#[test]
fn check_of_tags_answers_as_stock_git() {
    let server = GitServer::start(Access::Open);
    if let Ok(seed) = std::env::var("GIT_TAGS_SEED") {
        return case(seed.parse().expect("a number"), &server);
    }
    for seed in 1..=HISTORIES {
        case(seed, &server);
    }
}
