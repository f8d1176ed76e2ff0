//! Who signs the requests.

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use concourse_resource_sdk::Result;

use crate::settings::{Credentials, Settings, StaticKeys};
use crate::wire::Wire;

/// The configuration of the AWS clients: the standard variables and files, beneath what the source says.
pub(crate) async fn config(settings: &Settings, wire: Wire, attempts: u32) -> Result<SdkConfig> {
    let loader = || {
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .http_client(wire.clone())
            .retry_config(aws_config::retry::RetryConfig::standard().with_max_attempts(attempts))
            // Ours fails a transfer on which nothing moves; a slow one goes on.
            .stalled_stream_protection(
                aws_config::stalled_stream_protection::StalledStreamProtectionConfig::disabled(),
            )
    };
    let config = with(loader(), &settings.credentials).load().await;
    let Some(role) = &settings.role_arn else {
        return Ok(config);
    };
    // Credentials of a role are fetched when they are first needed, and again before they expire.
    let role = AssumeRoleProvider::builder(role)
        .configure(&config)
        .session_name(session_name());
    let role = match config.credentials_provider() {
        Some(base) => role.build_from_provider(base).await,
        None => role.build().await,
    };
    let config = config
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(role));
    Ok(config.build())
}

fn with(loader: ConfigLoader, credentials: &Credentials) -> ConfigLoader {
    match credentials {
        Credentials::Anonymous => loader.no_credentials(),
        Credentials::DefaultChain => loader,
        Credentials::Static(keys) => loader.credentials_provider(static_keys(keys)),
    }
}

fn static_keys(keys: &StaticKeys) -> aws_credential_types::Credentials {
    aws_credential_types::Credentials::new(
        keys.access_key_id.expose(),
        keys.secret_access_key.expose(),
        keys.session_token.as_ref().map(|token| token.expose().to_owned()),
        None,
        "source",
    )
}

fn session_name() -> String {
    format!("concourse-{:08x}", fastrand::u32(..))
}
