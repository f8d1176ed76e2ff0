use super::*;

fn context() -> Context {
    Context::builder("x", Step::Check).finish()
}

#[test]
fn a_dropped_guard_takes_its_clean_up_back_but_not_after_the_abort() {
    let cx = context();
    let kept = cx.on_abort(async {});
    drop(cx.on_abort(async {}));
    assert_eq!(cx.inner.cleanups.lock().len(), 1);
    let taken = cx.take_cleanups();
    drop(kept);
    assert_eq!(taken.len(), 1);
}

#[test]
fn a_clean_up_may_own_a_guard() {
    let cx = context();
    let inner = cx.on_abort(async {});
    let outer = cx.on_abort(async move { drop(inner) });
    drop(outer);
    assert!(cx.take_cleanups().is_empty());
}

#[tokio::test]
async fn cancellation_is_seen_in_every_way() {
    let cx = context();
    let clone = cx.clone();
    assert!(!clone.is_cancelled());
    cx.cancel();
    clone.cancelled().await;
    assert!(clone.is_cancelled() && clone.interrupt().load(Ordering::SeqCst));
}

#[test]
fn there_is_a_cache_only_where_it_was_allowed() {
    let tmp = tempfile::tempdir().unwrap();
    let builder = || Context::builder("x", Step::Check).tmp(tmp.path());
    assert!(builder().finish().cache().is_none());
    assert!(builder().cached(serde_json::json!({})).finish().cache().is_some());
}
