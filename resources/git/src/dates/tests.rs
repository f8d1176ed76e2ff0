use super::*;
use stock_git::StockGit;

#[test]
fn a_date_is_printed_in_its_own_zone() {
    for (seconds, offset, text) in [
        (0, 0, "1970-01-01 00:00:00 +0000"),
        (0, -30, "1969-12-31 23:30:00 -0030"),
        (-1, 0, "1969-12-31 23:59:59 +0000"),
        (1_709_164_800, 0, "2024-02-29 00:00:00 +0000"),
        (1_700_000_000, 345, "2023-11-15 03:58:20 +0545"),
        (1_700_000_000, -480, "2023-11-14 14:13:20 -0800"),
        (951_782_400, 0, "2000-02-29 00:00:00 +0000"),
        (4_107_542_400, 0, "2100-03-01 00:00:00 +0000"),
        (253_402_300_799, 60, "10000-01-01 00:59:59 +0100"),
        (-62_135_596_800, 0, "0001-01-01 00:00:00 +0000"),
        (1_700_000_000, 5999, "2023-11-19 02:12:20 +9959"),
    ] {
        assert_eq!(date_and_time(&Time::new(seconds, offset)), text);
    }
}

#[test]
fn a_date_beyond_all_calendars_is_still_printed() {
    for seconds in [i64::MAX, i64::MIN] {
        for offset in [i32::MAX, i32::MIN] {
            assert!(!date_and_time(&Time::new(seconds, offset)).is_empty());
        }
    }
}

#[test]
fn stock_git_prints_the_same() {
    let git = StockGit::new();
    for date in [
        "@100000000 +0000",
        "1700000000 +0545",
        "1700000000 -0030",
        "1709164799 +1400",
        "@4102358399 -1200",
    ] {
        let mut commit = git.command(&["commit", "-q", "--allow-empty", "-m", "x"]);
        assert!(
            commit.env("GIT_COMMITTER_DATE", date).status().unwrap().success(),
            "{date}"
        );
        let time = git
            .repo()
            .head()
            .unwrap()
            .peel_to_commit()
            .unwrap()
            .committer()
            .when();
        for style in [
            "iso8601",
            "iso",
            "iso8601-strict",
            "iso-strict",
            "rfc2822",
            "rfc",
            "short",
            "raw",
            "unix",
            "default",
            "local",
            "iso-local",
            "iso-strict-local",
            "rfc-local",
            "short-local",
            "raw-local",
            "unix-local",
            "default-local",
        ] {
            let shown = git.run(&["log", "-1", &format!("--date={style}"), "--format=%cd"]);
            let own = DateStyle::named(style).unwrap().show(&time, 0);
            // Later versions of git write Z for UTC in the strict style.
            let shown = shown.trim_end().replace('Z', "+00:00");
            assert_eq!(own, shown, "{style} of {date}");
        }
    }
}

/// Stock git with a clock that stands still.
#[test]
fn stock_git_says_the_same_of_the_past() {
    let git = StockGit::new();
    let now = 1_700_000_000_i64;
    for before in [
        -7200,
        -1,
        0,
        1,
        89,
        90,
        91,
        3600,
        5399,
        5400,
        7200,
        129_599,
        129_600,
        200_000,
        400_000,
        432_000,
        500_000,
        1_209_599,
        1_209_600,
        5_000_000,
        6_047_999,
        6_100_000,
        20_000_000,
        31_535_999,
        31_536_000,
        50_000_000,
        63_000_000,
        157_000_000,
        157_680_000,
        300_000_000,
    ] {
        for zone in ["+0000", "+0545", "-0800"] {
            let date = format!("{} {zone}", now - before);
            let mut commit = git.command(&["commit", "-q", "--allow-empty", "-m", "x"]);
            assert!(
                commit
                    .env("GIT_COMMITTER_DATE", &date)
                    .status()
                    .unwrap()
                    .success()
            );
            let head = git.repo().head().unwrap().peel_to_commit().unwrap().id();
            let time = git.repo().find_commit(head).unwrap().committer().when();
            for style in [
                "relative",
                "human",
                "human-local",
                "format:%Y-%m-%dT%H:%M:%S%z",
                "format:%a,%e.%b/%y_%j%%",
                "format-local:%c|%D|%T|%s|%Z|",
                "format:%s%Z",
                "format:",
                "format:plain",
            ] {
                let mut log = git.command(&["log", "-1", &format!("--date={style}"), "--format=%cd"]);
                let shown = log.env("GIT_TEST_DATE_NOW", now.to_string()).output().unwrap();
                let shown = String::from_utf8(shown.stdout).unwrap();
                let own = DateStyle::named(style).unwrap().show(&time, now);
                assert_eq!(own, shown.trim_end_matches('\n'), "{style} of {date}");
            }
        }
    }
}

#[test]
fn a_pattern_that_is_none_is_named() {
    for name in ["format:%Q", "format:%", "format:a b", "relativ", "human ", ""] {
        let problem = DateStyle::named(name).unwrap_err().to_string();
        assert!(problem.starts_with("params.timestamp_format: "), "{problem}");
    }
}
