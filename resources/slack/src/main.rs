//! The `slack` resource as an executable.

fn main() -> std::process::ExitCode {
    concourse_resource_sdk::main(slack_resource::Slack)
}
