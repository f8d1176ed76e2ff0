//! The `grafana-annotation` resource as an executable.

fn main() -> std::process::ExitCode {
    concourse_resource_sdk::main(grafana_annotation_resource::GrafanaAnnotation)
}
