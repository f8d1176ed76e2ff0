//! The committed schemas and README tables say what the configuration types say.

use slack_resource::Slack;

#[test]
fn schemas_and_readme_tables_are_current() {
    if let Err(outdated) = concourse_resource_sdk::docs::current(&Slack, env!("CARGO_MANIFEST_DIR")) {
        panic!("{outdated}");
    }
}
