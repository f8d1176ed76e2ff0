use super::*;
use stock_git::StockGit;

/// Both answers, which must be the same.
fn described(git: &StockGit) -> String {
    let stock = git.run(&["describe", "--always", "--dirty", "--broken"]);
    let ours = describe(&git.repo(), &Options::default()).unwrap().unwrap();
    assert_eq!(ours, stock.trim_end());
    ours
}

#[test]
fn nothing_is_found_without_a_commit() {
    assert_eq!(
        describe(&StockGit::new().repo(), &Options::default()).unwrap(),
        None
    );
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
        assert_eq!(super::length_for(objects), length, "{objects}");
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

/// Options on one history, beside stock git: what fails there finds nothing here.
#[test]
fn options_mean_what_they_mean_to_stock_git() {
    let git = StockGit::new();
    let at = |seconds: i64, args: &[&str]| git.run_at(1_700_000_000 + seconds, args).unwrap();
    at(1, &["commit", "-q", "--allow-empty", "-m", "root"]);
    at(2, &["tag", "-a", "-m", "x", "v1.0"]);
    at(3, &["commit", "-q", "--allow-empty", "-m", "a"]);
    at(3, &["tag", "light/1"]);
    at(4, &["checkout", "-q", "-b", "side"]);
    at(5, &["commit", "-q", "--allow-empty", "-m", "s"]);
    at(6, &["tag", "-a", "-m", "x", "v2.0-rc"]);
    at(6, &["tag", "-a", "-m", "x", "side-1"]);
    at(7, &["commit", "-q", "--allow-empty", "-m", "s2"]);
    at(8, &["checkout", "-q", "main"]);
    at(9, &["commit", "-q", "--allow-empty", "-m", "m"]);
    at(10, &["merge", "-q", "--no-ff", "--no-edit", "side"]);
    at(11, &["commit", "-q", "--allow-empty", "-m", "top"]);
    let mut compared = 0;
    for place in ["HEAD", "HEAD~1", "v2.0-rc", "light/1", "v1.0", "side"] {
        git.run(&["checkout", "-q", "--detach", place]);
        for options in [
            "",
            "--tags",
            "--all",
            "--always",
            "--long",
            "--long --tags",
            "--abbrev=0",
            "--abbrev=12",
            "--abbrev=2",
            "--abbrev",
            "--no-abbrev",
            "--always --abbrev=0 --match x",
            "--exact-match",
            "--exact-match --tags",
            "--candidates=1",
            "--candidates=1 --tags",
            "--candidates=0 --always",
            "--match v*",
            "--match=v*",
            "--match side* --match v1*",
            "--exclude *-rc",
            "--exclude=v* --exclude=side*",
            "--match v* --exclude *-rc",
            "--tags --match light*",
            "--tags --match */1",
            "--all --match main",
            "--all --exclude *",
            "--first-parent",
            "--first-parent --tags",
            "--match none",
            "--match none --always",
            "--dirty",
            "--dirty=+",
            "--broken=x",
            "--long --abbrev=0",
            "--no-tags --tags",
            "--tags --no-tags",
            "--match v* --no-match",
        ] {
            let mut args = vec!["describe"];
            args.extend(options.split_whitespace());
            let stock = git
                .run_at(1_700_000_000, &args)
                .ok()
                .map(|text| text.trim_end().to_owned());
            let parsed = Options::parse(options).unwrap();
            assert_eq!(
                describe(&git.repo(), &parsed).unwrap(),
                stock,
                "{options} at {place}"
            );
            compared += 1;
        }
    }
    assert!(compared > 200);
}

#[test]
fn an_option_that_is_none_is_named() {
    for (options, word) in [
        ("--tags --foo", "--foo"),
        ("--contains", "--contains"),
        ("--match", "--match"),
        ("--abbrev=x", "--abbrev=x"),
        ("HEAD", "HEAD"),
    ] {
        let error = Options::parse(options).unwrap_err().to_string();
        assert!(error.starts_with("params.describe_ref_options: "), "{error}");
        assert!(error.contains(&format!("\"{word}\"")), "{error}");
    }
}

#[test]
fn a_repository_that_is_changed_gets_its_mark() {
    let git = StockGit::new();
    git.write("a", "1");
    git.commit("one");
    git.write("a", "2");
    for options in [
        "--always",
        "--always --dirty",
        "--always --dirty=+",
        "--always --broken",
        "--always --broken=x --dirty=y",
    ] {
        let mut args = vec!["describe"];
        args.extend(options.split_whitespace());
        let stock = git.run(&args);
        let ours = describe(&git.repo(), &Options::parse(options).unwrap()).unwrap();
        assert_eq!(ours.as_deref(), Some(stock.trim_end()), "{options}");
    }
}
