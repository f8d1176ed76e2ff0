//! What a get that fails or is aborted leaves: nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use concourse_resource_sdk::{Context, Result};

/// How often the destination is emptied while the work goes on.
const TICK: Duration = Duration::from_millis(15);
/// Work that wrote nothing for so many ticks waits for the network, and writes nothing after it.
const QUIET_TICKS: u32 = 6;

/// Runs work that writes below `dest`, which is empty or not there. A failure empties it again, so that the next try finds it as this one did; so does
/// an abort, although the work cannot be stopped at once.
pub fn or_nothing<T>(cx: &Context, dest: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let working = Arc::new(());
    let abort = cx.on_abort(keep_empty(dest.to_owned(), Arc::downgrade(&working)));
    let result = work();
    // The work may also have seen the abort before the clean-ups began, which are taken back here.
    if result.is_err() {
        empty(dest);
    }
    drop(working);
    drop(abort);
    result
}

/// Empties a directory until nobody writes to it any more.
async fn keep_empty(dest: PathBuf, working: Weak<()>) {
    let mut quiet = 0;
    loop {
        let ended = working.strong_count() == 0;
        quiet = if empty(&dest) == 0 { quiet + 1 } else { 0 };
        if ended || quiet == QUIET_TICKS {
            return;
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Removes what is in a directory, as far as possible; `HEAD` first: without it nobody takes the rest for a repository.
/// Answers how much there was.
pub(crate) fn empty(directory: &Path) -> usize {
    let _ = fs::remove_file(directory.join(".git/HEAD"));
    let mut count = 0;
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        count += 1;
        let path = entry.path();
        let _ = if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
    }
    count
}
