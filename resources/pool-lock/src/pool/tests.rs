use super::*;

fn file(content: &str) -> File {
    super::file(content.as_bytes(), 0o100_644).unwrap()
}

/// A pool with these locks; `name=content`.
fn pool(claimed: &[&str], unclaimed: &[&str]) -> Pool {
    let files = |list: &[&str]| {
        let entries = list
            .iter()
            .map(|entry| entry.split_once('=').unwrap_or((entry, "")));
        entries
            .map(|(name, content)| (name.as_bytes().to_vec(), file(content)))
            .collect()
    };
    Pool {
        exists: true,
        claimed: files(claimed),
        unclaimed: files(unclaimed),
    }
}

fn name(name: &str) -> Name {
    name.as_bytes().to_vec()
}

fn turn(operation: &Operation, pool: &Pool) -> Turn {
    operation.turn(pool, &Marked::Expired(Expired::new()), &mut |_| 0)
}

/// What a change makes of a pool.
fn applied(pool: &Pool, turn: Turn) -> (Pool, Vec<String>) {
    let Turn::Ready(change) = turn else {
        panic!("{turn:?}")
    };
    let mut pool = pool.clone();
    let mut subjects = Vec::new();
    for commit in change.commits {
        for edit in commit.edits {
            let (state, name, file) = match edit {
                Edit::Set(state, name, file) => (state, name, Some(file)),
                Edit::Delete(state, name) => (state, name, None),
            };
            let files = match state {
                State::Claimed => &mut pool.claimed,
                State::Unclaimed => &mut pool.unclaimed,
            };
            match file {
                Some(file) => files.insert(name, file),
                None => files.remove(&name),
            };
        }
        subjects.push(commit.subject);
    }
    (pool, subjects)
}

#[test]
fn a_claim_and_a_release_move_the_file_as_it_is() {
    let free = pool(&[".gitkeep"], &[".gitkeep", "red=r"]);
    let (claimed, subjects) = applied(&free, turn(&Operation::Claim(name("red")), &free));
    assert_eq!(claimed, pool(&[".gitkeep", "red=r"], &[".gitkeep"]));
    assert_eq!(subjects, ["claiming: red"]);
    let (again, subjects) = applied(&claimed, turn(&Operation::Release(name("red")), &claimed));
    assert_eq!(again, free);
    assert_eq!(subjects, ["unclaiming: red"]);
}

#[test]
fn any_free_lock_is_acquired_but_no_dot_file() {
    let free = pool(&["x"], &[".gitkeep", "a", "b", "c"]);
    for (drawn, lock) in [(0, "a"), (1, "b"), (2, "c")] {
        let mut asked = Vec::new();
        let turn = Operation::Acquire.turn(&free, &Marked::Expired(Expired::new()), &mut |count| {
            asked.push(count);
            drawn
        });
        assert_eq!(asked, [3]);
        assert_eq!(applied(&free, turn).1, [format!("claiming: {lock}")]);
    }
    let none = pool(&["a"], &[".gitkeep"]);
    assert_eq!(turn(&Operation::Acquire, &none), Turn::Wait(Wait::NoneFree));
    assert_eq!(
        turn(&Operation::Acquire, &Pool::default()),
        Turn::Wait(Wait::NoPool)
    );
}

#[test]
fn a_lock_in_both_states_is_held_until_a_release_mends_it() {
    let both = pool(&["red=held"], &["red=free"]);
    assert_eq!(both.doubles().collect::<Vec<_>>(), [&name("red")]);
    assert_eq!(turn(&Operation::Acquire, &both), Turn::Wait(Wait::NoneFree));
    let held = Turn::Wait(Wait::While(State::Claimed, name("red")));
    assert_eq!(turn(&Operation::Claim(name("red")), &both), held);
    let (mended, _) = applied(&both, turn(&Operation::Release(name("red")), &both));
    assert_eq!(mended, pool(&[], &["red=held"]));
}

#[test]
fn what_is_not_claimed_cannot_be_released_or_removed() {
    let free = pool(&[], &["red"]);
    for operation in [Operation::Release, Operation::Remove] {
        let text = |lock: &str| turn(&operation(name(lock)), &free);
        assert_eq!(
            text("red"),
            Turn::Impossible("lock red is not claimed".to_owned())
        );
        assert_eq!(text("x"), Turn::Impossible("there is no lock x".to_owned()));
    }
    let claimed = pool(&["red"], &[]);
    let (left, subjects) = applied(&claimed, turn(&Operation::Remove(name("red")), &claimed));
    assert_eq!(
        (left, subjects),
        (pool(&[], &[]), vec!["removing: red".to_owned()])
    );
}

#[test]
fn an_added_lock_is_executable_unless_it_was_there() {
    let free = pool(&[], &["old=1"]);
    let add = |lock: &str, content: &str| Operation::Add(State::Unclaimed, name(lock), content.into());
    let (more, subjects) = applied(&free, turn(&add("new", "2"), &free));
    assert_eq!(more.unclaimed[&name("new")].mode, 0o100_755);
    assert_eq!(subjects, ["adding unclaimed: new"]);
    let (changed, _) = applied(&free, turn(&add("old", "2"), &free));
    assert_eq!(changed, pool(&[], &["old=2"]));
    let same = Turn::Unchanged(State::Unclaimed, name("old"));
    assert_eq!(turn(&add("old", "1"), &free), same);
    let claimed = Operation::Add(State::Claimed, name("new"), Vec::new());
    assert_eq!(applied(&free, turn(&claimed, &free)).1, ["adding claimed: new"]);
    assert_eq!(turn(&claimed, &Pool::default()), Turn::Wait(Wait::NoPool));
}

#[test]
fn an_update_waits_for_a_claim_and_always_makes_the_file_executable() {
    let update = Operation::Update(name("red"), b"2".to_vec());
    let free = pool(&[], &["red=1"]);
    let (updated, subjects) = applied(&free, turn(&update, &free));
    assert_eq!(subjects, ["updating: red"]);
    assert_eq!(updated.unclaimed[&name("red")].mode, 0o100_755);
    assert_eq!(
        turn(&update, &updated),
        Turn::Unchanged(State::Unclaimed, name("red"))
    );
    let absent = pool(&[], &[]);
    assert_eq!(
        applied(&absent, turn(&update, &absent)).1,
        ["adding unclaimed: red"]
    );
    let held = Turn::Wait(Wait::While(State::Claimed, name("red")));
    assert_eq!(turn(&update, &pool(&["red=1"], &[])), held);
}

#[test]
fn a_check_waits_for_a_lock_to_leave_a_state() {
    let held = pool(&["red"], &["blue"]);
    for (state, waits, reached) in [(State::Claimed, "red", "blue"), (State::Unclaimed, "blue", "red")] {
        let check = |lock: &str| turn(&Operation::Check(state, name(lock)), &held);
        assert_eq!(check(waits), Turn::Wait(Wait::While(state, name(waits))));
        assert_eq!(check(reached), Turn::Reached(name(reached)));
        assert_eq!(check("neither"), Turn::Reached(name("neither")));
    }
}

#[test]
fn an_expired_claim_is_taken_over_in_two_commits_but_only_where_nothing_is_free() {
    let held = pool(&["red=r"], &[]);
    let expired = Expired::from([(name("red"), "Expired: since noon".to_owned())]);
    for operation in [Operation::Acquire, Operation::Claim(name("red"))] {
        let turn = operation.turn(&held, &Marked::Expired(expired.clone()), &mut |_| 0);
        let Turn::Ready(change) = &turn else {
            panic!("{turn:?}")
        };
        assert_eq!(change.commits[0].note.as_deref(), Some("Expired: since noon"));
        assert_eq!(change.commits[1].note, None);
        let (after, subjects) = applied(&held, turn);
        assert_eq!(after, held);
        assert_eq!(subjects, ["unclaiming: red", "claiming: red"]);
    }
    let more = pool(&["red=r"], &["blue"]);
    let turn = Operation::Acquire.turn(&more, &Marked::Expired(expired.clone()), &mut |_| 0);
    assert_eq!(applied(&more, turn).1, ["claiming: blue"]);
}
