//! The committed schemas and README tables say what the configuration types say.

use pool_lock_resource::PoolLock;

#[test]
fn schemas_and_readme_tables_are_current() {
    if let Err(outdated) = concourse_resource_sdk::docs::current(&PoolLock, env!("CARGO_MANIFEST_DIR")) {
        panic!("{outdated}");
    }
}
