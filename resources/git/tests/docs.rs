//! The committed schemas and README tables say what the configuration types say.

use git_resource::Git;

#[test]
fn schemas_and_readme_tables_are_current() {
    if let Err(outdated) = concourse_resource_sdk::docs::current(&Git, env!("CARGO_MANIFEST_DIR")) {
        panic!("{outdated}");
    }
}
