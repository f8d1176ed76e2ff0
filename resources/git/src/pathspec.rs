//! Git's pathspecs: which changed paths are selected. CONTRACT 4.5, item 1.

use concourse_resource_sdk::Problem;

use crate::wildmatch::{Mode, Pattern};
use crate::words;

/// The paths that count, from `paths` and `ignore_paths`.
#[derive(Debug)]
pub(crate) struct Selection {
    selected: Vec<Item>,
    excluded: Vec<Item>,
}

impl Selection {
    /// Reads the items of both fields.
    ///
    /// # Errors
    /// CONTRACT F5: an item that is not a valid pathspec.
    pub(crate) fn new(paths: Option<&[String]>, ignore_paths: &[String]) -> Result<Self, Problem> {
        let mut selection = Self {
            selected: Vec::new(),
            excluded: Vec::new(),
        };
        for (index, item) in paths
            .filter(|paths| *paths != ["."])
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            selection.add("paths", index, item, "")?;
        }
        for (index, item) in ignore_paths.iter().enumerate() {
            // CONTRACT F12: every word is excluded, not only the first.
            selection.add("ignore_paths", index, item, ":!")?;
        }
        Ok(selection)
    }

    fn add(&mut self, field: &str, index: usize, item: &str, magic: &str) -> Result<(), Problem> {
        let problem = |message: String| Problem::new(format!("source.{field}[{index}]"), message);
        for word in words::split(item).map_err(|error| problem(format!("{item:?} {error}")))? {
            let item = Item::parse(&format!("{magic}{word}"))
                .map_err(|reason| problem(format!("{word:?} is not a valid pathspec: {reason}")))?;
            if item.excludes {
                self.excluded.push(item)
            } else {
                self.selected.push(item)
            }
        }
        Ok(())
    }

    /// Whether there is no path setting: then even a commit without a change counts.
    pub(crate) fn is_everything(&self) -> bool {
        self.selected.is_empty() && self.excluded.is_empty()
    }

    /// Whether a change of the entry at `path` counts. `path` is a file, a link or, as `is_submodule` says, a submodule.
    pub(crate) fn matches(&self, path: &[u8], is_submodule: bool) -> bool {
        // CONTRACT 4.5: exclusions alone mean everything else.
        (self.selected.is_empty() || self.selected.iter().any(|item| item.matches(path, is_submodule)))
            && !self.excluded.iter().any(|item| item.matches(path, is_submodule))
    }

    /// Whether a path below the directory `dir` (without a final slash) can match.
    pub(crate) fn may_match_below(&self, dir: &[u8]) -> bool {
        (self.selected.is_empty() || self.selected.iter().any(|item| item.may_match_below(dir)))
            && !self.excluded.iter().any(|item| item.has_below(dir))
    }
}

/// One pathspec.
#[derive(Debug)]
struct Item {
    excludes: bool,
    ignores_case: bool,
    /// Normalised, relative to the root.
    path: Vec<u8>,
    /// How much of `path` stands before the first wildcard.
    literal: usize,
    /// Absent where there is no wildcard.
    wildcards: Option<Wildcards>,
}

#[derive(Debug)]
struct Wildcards {
    whole: Pattern,
    /// The rest of the pattern below directories whose names are, letter for letter, the pattern's own first components.
    below: Vec<(usize, Pattern)>,
}

impl Item {
    fn parse(text: &str) -> Result<Self, String> {
        let (magic, rest) = Magic::parse(text)?;
        if text.is_empty() {
            return Err("it is empty; use \".\" for all paths".into());
        }
        let path = normalise(rest)
            .ok_or("it is outside of the repository")?
            .into_bytes();
        let literal = path
            .iter()
            .position(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
            .filter(|_| !magic.literal)
            .unwrap_or(path.len());
        let mode = Mode {
            stops_at_slash: magic.glob,
            ignores_case: magic.icase,
        };
        let wildcards = (literal < path.len()).then(|| Wildcards {
            whole: Pattern::new(&path, mode),
            below: (literal..path.len())
                .filter(|&at| path[at] == b'/')
                .map(|at| (at + 1, Pattern::new(&path[at + 1..], mode)))
                .collect(),
        });
        Ok(Self {
            excludes: magic.exclude,
            ignores_case: magic.icase,
            path,
            literal,
            wildcards,
        })
    }

    fn same(&self, one: &[u8], other: &[u8]) -> bool {
        if self.ignores_case {
            one.eq_ignore_ascii_case(other)
        } else {
            one == other
        }
    }

    fn begins(&self, text: &[u8], prefix: &[u8]) -> bool {
        text.get(..prefix.len())
            .is_some_and(|start| self.same(start, prefix))
    }

    fn matches(&self, path: &[u8], is_submodule: bool) -> bool {
        // A path in a submodule selects the submodule.
        let is_in_submodule =
            || is_submodule && self.path.get(path.len()) == Some(&b'/') && self.begins(&self.path, path);
        if self.same(path, &self.path) || self.has_below_file(path) || is_in_submodule() {
            return true;
        }
        let Some(wildcards) = &self.wildcards else {
            return false;
        };
        let base = path
            .iter()
            .rposition(|&byte| byte == b'/')
            .map_or(0, |slash| slash + 1);
        // Git's tree walk: below a directory that is literally the pattern's beginning, the rest is matched alone.
        match wildcards
            .below
            .iter()
            .find(|(from, _)| *from == base && self.begins(&self.path, &path[..base]))
        {
            Some((_, rest)) => rest.matches(&path[base..]),
            None => self.begins(path, &self.path[..self.literal]) && wildcards.whole.matches(path),
        }
    }

    /// Whether the pathspec, read literally, is a directory that holds `path`.
    fn has_below_file(&self, path: &[u8]) -> bool {
        self.begins(path, &self.path)
            && (self.path.is_empty() || self.path.ends_with(b"/") || path.get(self.path.len()) == Some(&b'/'))
    }

    /// Whether everything below `dir` is selected.
    fn has_below(&self, dir: &[u8]) -> bool {
        self.has_below_file(&[dir, b"/"].concat())
    }

    fn may_match_below(&self, dir: &[u8]) -> bool {
        if dir.is_empty() {
            return true;
        }
        let dir = [dir, b"/"].concat();
        let shared = dir.len().min(self.literal);
        let fits = self.same(&dir[..shared], &self.path[..shared]);
        // A directory that is the pattern letter for letter counts with all it holds.
        self.has_below_file(&dir) || self.begins(&self.path, &dir) || (self.wildcards.is_some() && fits)
    }
}

#[derive(Default)]
struct Magic {
    exclude: bool,
    glob: bool,
    icase: bool,
    literal: bool,
    top: bool,
}

impl Magic {
    /// Splits a pathspec into its magic and its path.
    fn parse(text: &str) -> Result<(Self, &str), String> {
        let Some(rest) = text.strip_prefix(':') else {
            return Ok((Self::default(), text));
        };
        match rest.strip_prefix('(') {
            Some(rest) => Self::parse_long(rest),
            None => Self::parse_short(rest),
        }
    }

    fn parse_long(text: &str) -> Result<(Self, &str), String> {
        let (words, path) = text
            .split_once(')')
            .ok_or("the ) after its magic words is missing")?;
        let mut magic = Self::default();
        for word in words.split(',') {
            match word {
                "" => {}
                "top" => magic.top = true,
                "exclude" => magic.exclude = true,
                "glob" => magic.glob = true,
                "icase" => magic.icase = true,
                "literal" => magic.literal = true,
                other => return Err(format!("the magic word {other:?} is not supported")),
            }
        }
        if magic.glob && magic.literal {
            return Err("\"literal\" and \"glob\" exclude each other".into());
        }
        Ok((magic, path))
    }

    fn parse_short(text: &str) -> Result<(Self, &str), String> {
        let mut magic = Self::default();
        let mut path = text;
        while let Some(sign) = path.chars().next() {
            match sign {
                ':' => {
                    path = &path[1..];
                    break;
                }
                '!' | '^' => magic.exclude = true,
                '/' => magic.top = true,
                // The signs that git keeps for magic to come.
                '"' | '#' | '%' | '&' | '\'' | ',' | '-' | ';' | '<' | '=' | '>' | '@' | '_' | '`' | '~' => {
                    return Err(format!("the magic sign {sign:?} is not supported"));
                }
                _ => break,
            }
            path = &path[1..];
        }
        Ok((magic, path))
    }
}

/// Takes `.`, `..` and doubled slashes out. `None`: the path leads out of the repository.
fn normalise(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    // `a/`, `a/.` and `a/b/..` are directories only.
    let is_directory = matches!(path.rsplit('/').next(), Some("" | "." | "..")) && !parts.is_empty();
    Some(parts.join("/") + if is_directory { "/" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stock_git::StockGit;

    const FILES: &[&str] = &[
        "a", "b/c", "a.txt", "docs/a.md", "docs/sub/b.md", "docs/sub/deep/c.md", "Docs/X.md", "src/x.rs", "src/[a].rs",
        "src/a.rs", "[ab]/x", "[ab]/xy", "[ab]/xz/y", "b/xy", "f", "x/f", "x/y/f", "we ird/a b", "é/ü", "doc", "docsx/a",
        "star*/f", "star1/f", "a-b_c", "(p)/q", "Z9", "back\\slash", "!bang", ":colon", "deep/er/and/deeper/f.txt",
    ];

    const SPECS: &[&str] = &[
        "a", "a/", "./a", "docs", "docs/", "docs/*", "docs/**", "docs/?", "docs/?.md", "doc", "doc*", "*", "**", "?", "??", "*.md",
        "**/f", "*/f", "x/*/f", "x/**/f", "src/[a].rs", "src/[ab].rs", "src/[!a].rs", "src/[^a].rs", "[ab]/x*", "[ab]/x", "[ab]/*",
        "[ab]/?y", "[[:upper:]]*", "[[:digit:]]", "*[[:digit:]]", "[[:bogus:]]*", "[a", "[]a]", "[a-c]", "[c-a]", "[a-]*", "[\\a]",
        "star*/f", "star\\*/f", "b//c", "b/./c", "b/../a", "b/..", ".", "./", "", ":", ":/", ":/docs", ":!docs", ":^docs", ":!docs/*",
        ":!/docs", ":!*", ":!.", ":!", ":(glob)*", ":(glob)**/f", ":(glob)docs/*", ":(glob)docs/**", ":(glob)**/sub/*",
        ":(glob)docs/**/c.md", ":(glob)**", ":(glob)*/?", ":(glob)docs/sub[/]b.md", ":(glob)x**f", ":(icase)docs", ":(icase)DOCS/*",
        ":(icase)docs/x.md", ":(icase)[A-D]OCS/*", ":(icase)[D]ocs/*", ":(icase,glob)DOCS/*", ":(literal)*", ":(literal)[ab]/x",
        ":(literal)docs/*", ":(top)docs", ":(top,exclude)docs", ":(exclude)*.md", ":(literal,glob)a", ":(bogus)a", ":(glob", ":()a",
        ":(,top)a", ":#a", ":-a", ":@", "::colon", ":!:colon", ":!bang", "!bang", "/docs", "://docs", ":/./a", ":/../a", ":/b//c", ":/docs/", "../a", "b/../../a", ":(top)/a",
        "we ird", "we ird/a*", "é/*", "é/??", "back\\slash", "back\\\\slash", "back*", "a\\", "deep/*/f.txt", "deep/er/*/deeper/*",
        "deep/er/a*d/*", "docs/sub/deep/c.md/", "docs/sub/", "(p)/q", "*p)*", ":(glob)deep/**/f.txt", ":(glob)**/deeper/**", "***", "**/*",
        "*/**/f", "docs/sub/../a.md", "x/y/../f", "docs/.", "docs/sub/..", "[ab]/xz/*", "*]/x*", "a?b?c", "[!-~]*", "src/[[]a].rs",
        "*\\", "[[:alpha:]-]*", "[a[:digit:]]*", "[[:x]*", "[9[:alpha:]",
    ];

    fn selection(paths: &[&str]) -> Result<Selection, String> {
        let mut selection = Selection { selected: Vec::new(), excluded: Vec::new() };
        for spec in paths {
            let item = Item::parse(spec)?;
            if item.excludes { selection.excluded.push(item) } else { selection.selected.push(item) }
        }
        Ok(selection)
    }

    fn repository() -> StockGit {
        let git = StockGit::new();
        for file in FILES {
            git.write(file, file);
        }
        git.commit("all");
        git
    }

    /// The selected files, and whether every directory above each of them would be entered.
    fn ours(selection: &Selection) -> String {
        let mut files = FILES.to_vec();
        files.sort_unstable();
        files.retain(|file| selection.matches(file.as_bytes(), false));
        for file in &files {
            for (slash, _) in file.match_indices('/') {
                assert!(selection.may_match_below(&file.as_bytes()[..slash]), "{file} of {selection:?}");
            }
        }
        files.iter().map(|file| format!("{file}\n")).collect()
    }

    fn compare(git: &StockGit, specs: &[&str]) {
        let args = [&["-c", "core.quotePath=false", "log", "-z", "--format=", "--name-only", "--"], specs].concat();
        let stock = git.run_at(0, &args).map(|text| text.replace('\0', "\n"));
        match (selection(specs), stock) {
            (Ok(selection), Ok(stock)) => assert_eq!(ours(&selection), stock, "{specs:?}"),
            (Err(_), Err(_)) => {}
            (ours, stock) => panic!("{specs:?}: ours {ours:?}, git's {stock:?}"),
        }
    }

    #[test]
    fn every_pathspec_selects_what_it_selects_in_stock_git() {
        let git = repository();
        for spec in SPECS {
            compare(&git, &[spec]);
        }
    }

    #[test]
    fn several_pathspecs_select_what_they_select_in_stock_git() {
        let git = repository();
        for specs in [
            &["docs", "src"][..],
            &["docs", ":!docs/sub"],
            &["docs", ":!docs/*.md"],
            &[":!docs", ":!src"],
            &[".", ":!*.md"],
            &["*.md", ":!docs/sub/**"],
            &[":!docs/sub", "docs/sub/b.md"],
            &[":(glob)**/*.md", ":(exclude,icase)DOCS/a*"],
            &["*", ":!*"],
        ] {
            compare(&git, specs);
        }
    }

    #[test]
    fn a_path_in_a_submodule_selects_the_submodule() {
        for (spec, matches) in
            [("sub", true), ("sub/", true), ("sub/x", true), ("sub/*", true), ("s*", true), ("su/b", false), ("subx", false)]
        {
            let selection = selection(&[spec]).unwrap();
            assert_eq!(selection.matches(b"sub", true), matches, "{spec}");
        }
        assert!(!selection(&["sub/"]).unwrap().matches(b"sub", false));
    }

    #[test]
    fn names_need_not_be_unicode() {
        assert!(selection(&["a/?.x"]).unwrap().matches(b"a/\xff.x", false));
        assert!(!selection(&["a/??.x"]).unwrap().matches(b"a/\xff.x", false));
    }

    fn of(paths: Option<&[&str]>, ignore_paths: &[&str]) -> Result<Selection, Problem> {
        let owned = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect::<Vec<_>>();
        Selection::new(paths.map(owned).as_deref(), &owned(ignore_paths))
    }

    #[test]
    fn only_no_path_setting_is_everything() {
        for (paths, ignore_paths, everything) in [
            (None, &[][..], true),
            (Some(&["."][..]), &[], true),
            (Some(&[]), &[], true),
            (Some(&["", " "]), &[], true),
            (Some(&["./"]), &[], false),
            (Some(&["."]), &["x"], false),
            (None, &["x"], false),
            (Some(&["a"]), &[], false),
        ] {
            assert_eq!(of(paths, ignore_paths).unwrap().is_everything(), everything, "{paths:?} {ignore_paths:?}");
        }
    }

    #[test]
    fn every_word_of_an_ignored_item_is_excluded() {
        let selection = of(None, &["docs src/{x,y}", "/f", "'we ird'"]).unwrap();
        for (path, counts) in [
            ("docs/a.md", false),
            ("src/x", false),
            ("src/y", false),
            ("src/z", true),
            ("f", false),
            ("x/f", true),
            ("we ird/a", false),
        ] {
            assert_eq!(selection.matches(path.as_bytes(), false), counts, "{path}");
        }
        assert!(!selection.may_match_below(b"docs"));
        assert!(selection.may_match_below(b"src"));
    }

    #[test]
    fn a_mistake_names_its_field_and_item() {
        for (paths, ignore_paths, field, item) in [
            (&["a", "/docs"][..], &[][..], "source.paths[1]", "\"/docs\""),
            (&["a ../b"], &[], "source.paths[0]", "\"../b\""),
            (&["don't"], &[], "source.paths[0]", "\"don't\""),
            (&["''"], &[], "source.paths[0]", "\"\""),
            (&[":(attr:x)y"], &[], "source.paths[0]", "\":(attr:x)y\""),
            (&[], &["../x"], "source.ignore_paths[0]", "\"../x\""),
        ] {
            let problem = format!("{:?}", of(Some(paths), ignore_paths).unwrap_err());
            assert!(problem.contains(field), "{problem}");
            assert!(problem.replace("\\\"", "\"").contains(item), "{problem}");
        }
    }
}
