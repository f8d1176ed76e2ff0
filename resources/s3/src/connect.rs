//! The client that a source describes (CONTRACT 3).

use concourse_resource_sdk::{Context, Result, Secret};
use s3_client::{Addressing, Checksums, Credentials, S3, Settings, StaticKeys};

use crate::config::Source;

pub(crate) const DEFAULT_REGION: &str = "us-east-1";

/// The region of a source.
pub(crate) fn region(source: &Source) -> &str {
    if source.region_name.is_empty() {
        DEFAULT_REGION
    } else {
        &source.region_name
    }
}

/// Makes the client.
pub(crate) async fn connect(cx: &Context, source: &Source) -> Result<S3> {
    let endpoint = match source.endpoint.as_str() {
        "" => None,
        endpoint => Some(s3_client::endpoint_url(
            "source.endpoint",
            endpoint,
            source.disable_ssl.0,
        )?),
    };
    let given = |secret: &Secret| (!secret.is_empty()).then(|| secret.clone());
    let settings = Settings {
        bucket: source.bucket.clone(),
        region: region(source).to_owned(),
        endpoint,
        credentials: credentials(source),
        role_arn: Some(source.aws_role_arn.clone()).filter(|role| !role.is_empty()),
        addressing: if source.use_path_style.0 {
            Addressing::Path
        } else {
            Addressing::VirtualHost
        },
        checksums: if source.skip_s3_checksums.0 {
            Checksums::WhenRequired
        } else {
            Checksums::WhenSupported
        },
        ca_bundle: given(&source.ca_bundle),
        skip_tls_verification: source.skip_ssl_verification.0,
    };
    S3::new(cx, &settings).await
}

/// A whole pair of keys, else the default chain where it is asked for, else nobody. Half a pair counts as none.
fn credentials(source: &Source) -> Credentials {
    let given = |secret: &Secret| (!secret.is_empty()).then(|| secret.clone());
    match (given(&source.access_key_id), given(&source.secret_access_key)) {
        (Some(access_key_id), Some(secret_access_key)) => Credentials::Static(StaticKeys {
            access_key_id,
            secret_access_key,
            session_token: given(&source.session_token),
        }),
        _ if !source.aws_role_arn.is_empty() || source.enable_aws_creds_provider.0 => {
            Credentials::DefaultChain
        }
        _ => Credentials::Anonymous,
    }
}
