//! The committed schemas and README tables say what the configuration types say.

use grafana_annotation_resource::GrafanaAnnotation;

#[test]
fn schemas_and_readme_tables_are_current() {
    if let Err(outdated) =
        concourse_resource_sdk::docs::current(&GrafanaAnnotation, env!("CARGO_MANIFEST_DIR"))
    {
        panic!("{outdated}");
    }
}
