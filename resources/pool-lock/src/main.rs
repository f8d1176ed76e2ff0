//! The `pool-lock` resource as an executable.

fn main() -> std::process::ExitCode {
    concourse_resource_sdk::main(pool_lock_resource::PoolLock)
}
