//! The `git` resource as an executable.

fn main() -> std::process::ExitCode {
    concourse_resource_sdk::main(git_resource::Git)
}
