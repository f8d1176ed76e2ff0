//! The committed schemas and README tables say what the configuration types say.

use s3_resource::S3Resource;

#[test]
fn schemas_and_readme_tables_are_current() {
    if let Err(outdated) = concourse_resource_sdk::docs::current(&S3Resource, env!("CARGO_MANIFEST_DIR")) {
        panic!("{outdated}");
    }
}
