//! pool-lock: checks beside stock git on random histories.

use tests::git;

use crate::pool_support::{Locks, Way};

#[test]
fn checks_answer_as_stock_git_does_on_random_histories() {
    for seed in 1..=12_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut below = |limit: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % limit
        };
        let mut stream = Vec::new();
        for number in 1..=40_u64 {
            stream.push(format!("commit refs/heads/c{number}\nmark :{number}\n"));
            stream.push(format!(
                "committer A <a@b> {} +0000\ndata 1\nx\n",
                1_700_000_000 + number * 60
            ));
            if number > 1 {
                let first = number - 1 - below(number.min(4) - 1).min(number - 2);
                stream.push(format!("from :{first}\n"));
                if number > 3 && below(4) == 0 && first != number - 2 {
                    stream.push(format!("merge :{}\n", number - 2));
                }
            }
            if below(2) == 0 {
                let pool = ["cars", "cars2", "vans"][usize::try_from(below(3)).expect("small")];
                stream.push(format!(
                    "M 100644 inline {pool}/unclaimed/l{}\ndata 2\n{}\n",
                    below(3),
                    below(10)
                ));
            }
        }
        stream.push("reset refs/heads/main\nfrom :40\n".to_owned());
        let repo = tests::GitRepo::new();
        repo.fast_import(&stream.concat());
        let locks = Locks::serving(repo, Way::Https);
        for number in [1_u64, 5, 20, 33, 39, 40] {
            let from = git(&locks.bare, &["rev-parse", &format!("c{number}")]);
            let on_branch = git(&locks.bare, &["rev-list", "main"]).contains(&from);
            let range = match (on_branch, number) {
                // A clone of the branch does not know it: CONTRACT 5.
                (false, _) => vec!["-1", "main"],
                (true, 1) => vec!["--reverse", "main"],
                (true, _) => vec!["--reverse", "main", "--not"],
            };
            let excluded = format!("{from}^");
            let not = (on_branch && number > 1).then_some(excluded.as_str());
            let args: Vec<&str> = ["rev-list"]
                .into_iter()
                .chain(range)
                .chain(not)
                .chain(["--", "cars"])
                .collect();
            let stock = git(&locks.bare, &args);
            let stock: Vec<&str> = stock.lines().collect();
            assert_eq!(locks.check(Some(&from)), stock, "seed {seed}, from c{number}");
        }
    }
}

/// The merge has what a commit below the excluded one has, and yet all that changed the pool is told.
#[test]
fn a_merge_that_goes_back_to_what_is_excluded_hides_nothing() {
    let commit = |number: u32, parents: &[u32], content: Option<&str>| {
        let date = 1_700_000_000 + number;
        let head =
            format!("commit refs/heads/main\nmark :{number}\ncommitter A <a@b> {date} +0000\ndata 1\nx\n");
        let ways = ["from", "merge", "merge"];
        let below = ways
            .iter()
            .zip(parents)
            .map(|(way, parent)| format!("{way} :{parent}\n"));
        let file = content.map(|content| format!("M 100644 inline cars/unclaimed/red\ndata 1\n{content}\n"));
        [head].into_iter().chain(below).chain(file).collect::<String>()
    };
    let repo = tests::GitRepo::new();
    repo.fast_import(
        &[
            commit(1, &[], Some("a")),
            commit(2, &[1], None),
            commit(3, &[2], Some("b")),
            commit(4, &[1], Some("c")),
            commit(5, &[4, 1, 3], Some("a")),
        ]
        .concat(),
    );
    let locks = Locks::serving(repo, Way::Https);
    let from = git(&locks.bare, &["rev-parse", "main^3"]);
    let range = format!("{from}^..main");
    let stock = git(&locks.bare, &["rev-list", "--reverse", &range, "--", "cars"]);
    assert_eq!(stock.lines().count(), 3);
    assert_eq!(locks.check(Some(&from)), stock.lines().collect::<Vec<_>>());
}
