//! The metadata of the build that a step runs in.

// SKELETON: design.md section 3 "Build metadata".

/// Every value is optional.
#[derive(Debug, Clone, Default)]
pub struct BuildMetadata { /* id, name, job, pipeline, team, instance_vars, atc_external_url, created_by, status, url() */ }
