use super::*;
use concourse_resource_sdk::Error;
use stock_git::StockGit;

#[rustfmt::skip]
const FILES: &[&str] = &[
    "a", "b/c", "a.txt", "docs/a.md", "docs/sub/b.md", "docs/sub/deep/c.md", "Docs/X.md", "src/x.rs",
    "src/[a].rs", "src/a.rs", "[ab]/x", "[ab]/xy", "[ab]/xz/y", "b/xy", "f", "x/f", "x/y/f", "we ird/a b",
    "é/ü", "doc", "docsx/a", "star*/f", "star1/f", "a-b_c", "(p)/q", "Z9", "back\\slash", "!bang", ":colon",
    "deep/er/and/deeper/f.txt",
];

#[rustfmt::skip]
const SPECS: &[&str] = &[
    "a", "a/", "./a", "docs", "docs/", "docs/*", "docs/**", "docs/?", "docs/?.md", "doc", "doc*", "*", "**",
    "?", "??", "*.md", "**/f", "*/f", "x/*/f", "x/**/f", "src/[a].rs", "src/[ab].rs", "src/[!a].rs",
    "src/[^a].rs", "[ab]/x*", "[ab]/x", "[ab]/*", "[ab]/?y", "[[:upper:]]*", "[[:digit:]]", "*[[:digit:]]",
    "[[:bogus:]]*", "[a", "[]a]", "[a-c]", "[c-a]", "[a-]*", "[\\a]", "star*/f", "star\\*/f", "b//c",
    "b/./c", "b/../a", "b/..", ".", "./", "", ":", ":/", ":/docs", ":!docs", ":^docs", ":!docs/*",
    ":!/docs", ":!*", ":!.", ":!", ":(glob)*", ":(glob)**/f", ":(glob)docs/*", ":(glob)docs/**",
    ":(glob)**/sub/*", ":(glob)docs/**/c.md", ":(glob)**", ":(glob)*/?", ":(glob)docs/sub[/]b.md",
    ":(glob)x**f", ":(icase)docs", ":(icase)DOCS/*", ":(icase)docs/x.md", ":(icase)[A-D]OCS/*",
    ":(icase)[D]ocs/*", ":(icase,glob)DOCS/*", ":(literal)*", ":(literal)[ab]/x", ":(literal)docs/*",
    ":(top)docs", ":(top,exclude)docs", ":(exclude)*.md", ":(literal,glob)a", ":(bogus)a", ":(glob", ":()a",
    ":(,top)a", ":#a", ":-a", ":@", "::colon", ":!:colon", ":!bang", "!bang", "/docs", "://docs", ":/./a",
    ":/../a", ":/b//c", ":/docs/", "../a", "b/../../a", ":(top)/a", "we ird", "we ird/a*", "é/*", "é/??",
    "back\\slash", "back\\\\slash", "back*", "a\\", "deep/*/f.txt", "deep/er/*/deeper/*", "deep/er/a*d/*",
    "docs/sub/deep/c.md/", "docs/sub/", "(p)/q", "*p)*", ":(glob)deep/**/f.txt", ":(glob)**/deeper/**",
    "***", "**/*", "*/**/f", "docs/sub/../a.md", "x/y/../f", "docs/.", "docs/sub/..", "[ab]/xz/*", "*]/x*",
    "a?b?c", "[!-~]*", "src/[[]a].rs", "*\\", "[[:alpha:]-]*", "[a[:digit:]]*", "[[:x]*", "[9[:alpha:]",
];

fn selection(paths: &[&str]) -> Result<Selection, String> {
    let mut selection = Selection {
        selected: Vec::new(),
        excluded: Vec::new(),
    };
    for spec in paths {
        let item = Item::parse(spec)?;
        if item.excludes {
            selection.excluded.push(item);
        } else {
            selection.selected.push(item);
        }
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
            assert!(
                selection.may_match_below(&file.as_bytes()[..slash]),
                "{file} of {selection:?}"
            );
        }
    }
    files.iter().flat_map(|file| [file, "\n"]).collect()
}

fn compare(git: &StockGit, specs: &[&str]) {
    let args = [
        &[
            "-c",
            "core.quotePath=false",
            "log",
            "-z",
            "--format=",
            "--name-only",
            "--",
        ],
        specs,
    ]
    .concat();
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
fn a_submodule_is_a_directory_that_is_not_entered() {
    for (spec, matches) in [
        ("sub", true),
        ("sub/", true),
        ("sub/x", false),
        ("sub/*", false),
        ("s*", true),
        ("su/b", false),
        ("subx", false),
    ] {
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

fn of(paths: Option<&[&str]>, ignore_paths: &[&str]) -> Result<Selection, Error> {
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
        assert_eq!(
            of(paths, ignore_paths).unwrap().is_everything(),
            everything,
            "{paths:?} {ignore_paths:?}"
        );
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
