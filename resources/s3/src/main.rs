//! The `s3` resource as an executable.

fn main() -> std::process::ExitCode {
    concourse_resource_sdk::main(s3_resource::S3Resource)
}
