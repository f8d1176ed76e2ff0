//! Sparse checkouts: `sparse_paths`, with the rules of ignore files (gitignore). CONTRACT 5.2 step 4.

use concourse_resource_sdk::Result;
use concourse_resource_sdk::compat::lenient::{List, Text};
use git2::Repository;

use git_source::git_failed;
use git_source::wildmatch::{Mode, Pattern};

/// Which files of a commit are written.
pub(super) struct Sparse {
    lines: Vec<String>,
    rules: Vec<Rule>,
}

struct Rule {
    pattern: Pattern,
    /// The pattern is for whole paths, not for names.
    is_anchored: bool,
    /// It is for directories only.
    is_directory: bool,
    /// A match leaves out instead of taking.
    is_negated: bool,
}

impl Sparse {
    /// None where all files are written.
    pub(super) fn new(paths: &List<Text>) -> Option<Self> {
        let lines: Vec<String> = paths
            .0
            .iter()
            .flatten()
            .filter_map(|item| item.get())
            .flat_map(str::lines)
            .map(str::to_owned)
            .collect();
        if lines.is_empty() || lines == ["."] {
            return None;
        }
        let rules = lines.iter().filter_map(|line| Rule::parse(line)).collect();
        Some(Self { lines, rules })
    }

    /// Writes what stock git needs to know of it.
    pub(super) fn configure(&self, repo: &Repository) -> Result<()> {
        let mut config = repo
            .config()
            .map_err(git_failed("write the clone's configuration"))?;
        config
            .set_bool("core.sparseCheckout", true)
            .map_err(git_failed("write the clone's configuration"))?;
        let text: String = self.lines.iter().flat_map(|line| [line, "\n"]).collect();
        git_source::write_beside(repo, "info/sparse-checkout", text.as_bytes())
    }

    /// Whether a file is written: the last rule that matches it decides, else the one of the nearest directory above.
    pub(super) fn takes(&self, path: &[u8]) -> bool {
        let mut path = path;
        let mut is_directory = false;
        loop {
            let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
            let rule = self.rules.iter().rev().find(|rule| {
                let subject = if rule.is_anchored { path } else { name };
                (is_directory || !rule.is_directory) && rule.pattern.matches(subject)
            });
            if let Some(rule) = rule {
                return !rule.is_negated;
            }
            let Some(end) = path.iter().rposition(|&byte| byte == b'/') else {
                return false;
            };
            path = &path[..end];
            is_directory = true;
        }
    }
}

impl Rule {
    /// None for a comment and an empty line.
    fn parse(line: &str) -> Option<Self> {
        let line = without_trailing_blanks(line);
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (line, is_negated) = match line.strip_prefix('!') {
            Some(rest) => (rest, true),
            None => (line, false),
        };
        let (line, is_directory) = match line.strip_suffix('/') {
            Some(rest) => (rest, true),
            None => (line, false),
        };
        let pattern = line.strip_prefix('/').unwrap_or(line);
        Some(Self {
            pattern: Pattern::new(
                pattern.as_bytes(),
                Mode {
                    stops_at_slash: true,
                    ..Mode::default()
                },
            ),
            is_anchored: line.contains('/'),
            is_directory,
            is_negated,
        })
    }
}

/// Blanks at the end mean nothing, unless a backslash is before the last one.
fn without_trailing_blanks(line: &str) -> &str {
    let trimmed = line.trim_end_matches(' ');
    if trimmed.ends_with('\\') && trimmed.len() < line.len() {
        &line[..=trimmed.len()]
    } else {
        trimmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stock_git::StockGit;

    const FILES: [&str; 12] = [
        "a",
        "b/a",
        "b/c/a",
        "b/c/d",
        "docs/a.md",
        "docs/x/b.md",
        "docs.md",
        "src/x.rs",
        "src/docs/y",
        "top.md",
        "x y",
        "#n",
    ];

    #[test]
    fn files_are_taken_as_stock_git_takes_them() {
        for patterns in [
            &["a"][..],
            &["/a"],
            &["docs/*"],
            &["docs/"],
            &["a/", "top.md"],
            &["docs"],
            &["/docs/"],
            &["*.md"],
            &["/*.md"],
            &["/*", "!/docs/"],
            &["/*", "!docs"],
            &["docs", "!docs/x"],
            &["docs", "!*.md", "docs/x"],
            &["b/c", "!b/c/a"],
            &["**/docs"],
            &["b/**"],
            &["b/**/a"],
            &["x y"],
            &["x\\ y"],
            &["a   "],
            &["# comment", "a"],
            &["\\#n"],
            &["nothing", "a"],
            &["[ab]"],
            &["src/?.rs"],
            &["", "src/"],
            &["!a", "b/"],
        ] {
            let git = StockGit::new();
            for file in FILES {
                git.write(file, "x");
            }
            git.commit("all");
            git.run(&["config", "core.sparseCheckout", "true"]);
            std::fs::create_dir_all(git.path().join(".git/info")).unwrap();
            std::fs::write(
                git.path().join(".git/info/sparse-checkout"),
                patterns.join("\n") + "\n",
            )
            .unwrap();
            git.run(&["read-tree", "-m", "-u", "HEAD"]);
            let stock: Vec<String> = git
                .run(&["ls-files", "-t"])
                .lines()
                .filter_map(|line| line.strip_prefix("H "))
                .map(str::to_owned)
                .collect();
            let list = serde_json::from_value(serde_json::json!(patterns)).unwrap();
            let sparse = Sparse::new(&list).unwrap();
            let mut ours: Vec<&str> = FILES
                .into_iter()
                .filter(|file| sparse.takes(file.as_bytes()))
                .collect();
            ours.sort_unstable();
            assert_eq!(ours, stock, "{patterns:?}");
        }
    }
}
