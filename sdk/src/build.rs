//! The metadata of the build that a step runs in.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

/// What stays as it is in a segment of a URL's path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What Concourse tells of the build, through environment variables. Every value is optional: one-off builds lack names,
/// and `check` has none at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildMetadata {
    /// `BUILD_ID`: the build's number in the whole installation.
    pub id: Option<String>,
    /// `BUILD_NAME`: the build's number in its job.
    pub name: Option<String>,
    /// `BUILD_JOB_NAME`.
    pub job: Option<String>,
    /// `BUILD_PIPELINE_NAME`.
    pub pipeline: Option<String>,
    /// `BUILD_PIPELINE_INSTANCE_VARS`, parsed. None where it is not a JSON object.
    pub instance_vars: Option<Map<String, Value>>,
    /// `BUILD_PIPELINE_INSTANCE_VARS`, as it was given.
    pub instance_vars_raw: Option<String>,
    /// `BUILD_TEAM_NAME`.
    pub team: Option<String>,
    /// `BUILD_CREATED_BY`: only on put, and on request.
    pub created_by: Option<String>,
    /// `BUILD_STATUS`: only on hook steps, since Concourse 8.2.
    pub status: Option<BuildStatus>,
    /// `ATC_EXTERNAL_URL`, without a trailing slash.
    pub atc_external_url: Option<String>,
    /// `BUILD_URL`.
    url: Option<String>,
}

/// How a build ended, or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildStatus {
    /// All steps succeeded.
    Success,
    /// A step failed.
    Failure,
    /// Somebody stopped it.
    Aborted,
    /// Concourse could not run it.
    Errored,
}

impl BuildMetadata {
    /// Reads the environment of this process.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Reads variables; empty ones count as absent.
    #[must_use]
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        Self {
            id: get("BUILD_ID"),
            name: get("BUILD_NAME"),
            job: get("BUILD_JOB_NAME"),
            pipeline: get("BUILD_PIPELINE_NAME"),
            instance_vars: get("BUILD_PIPELINE_INSTANCE_VARS")
                .and_then(|text| serde_json::from_str(&text).ok()),
            instance_vars_raw: get("BUILD_PIPELINE_INSTANCE_VARS"),
            team: get("BUILD_TEAM_NAME"),
            created_by: get("BUILD_CREATED_BY"),
            status: get("BUILD_STATUS").and_then(|status| match status.as_str() {
                "success" | "succeeded" => Some(BuildStatus::Success),
                "failure" | "failed" => Some(BuildStatus::Failure),
                "aborted" => Some(BuildStatus::Aborted),
                "errored" => Some(BuildStatus::Errored),
                _ => None,
            }),
            atc_external_url: get("ATC_EXTERNAL_URL").map(|url| url.trim_end_matches('/').to_owned()),
            url: get("BUILD_URL"),
        }
    }

    /// The build's page: `BUILD_URL`, or made from the other values; None when they do not suffice.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        if self.url.is_some() {
            return self.url.clone();
        }
        let atc = self.atc_external_url.as_deref()?;
        let (Some(team), Some(pipeline), Some(job), Some(name)) =
            (&self.team, &self.pipeline, &self.job, &self.name)
        else {
            return Some(format!("{atc}/builds/{}", encoded(self.id.as_deref()?)));
        };
        let (team, pipeline, job, name) = (encoded(team), encoded(pipeline), encoded(job), encoded(name));
        let query = self.instance_query();
        Some(format!(
            "{atc}/teams/{team}/pipelines/{pipeline}/jobs/{job}/builds/{name}{query}"
        ))
    }

    /// `?vars.name="value"` as Concourse's own pages have it.
    fn instance_query(&self) -> String {
        let mut query = String::new();
        for (name, value) in self.instance_vars.iter().flatten() {
            push_var(&mut query, &format!("vars.{}", var_name(name)), value);
        }
        query
    }
}

/// A nested object is written as dotted names, everything else as JSON.
fn push_var(query: &mut String, name: &str, value: &Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (field, value) in fields {
                push_var(query, &format!("{name}.{}", var_name(field)), value);
            }
        }
        _ => {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.extend([encoded(name).as_str(), "=", encoded(&value.to_string()).as_str()]);
        }
    }
}

/// A name that would be read as several is quoted.
fn var_name(name: &str) -> String {
    if name.contains(['.', ':', '/', ' ']) {
        format!("\"{name}\"")
    } else {
        name.to_owned()
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(variables: &[(&str, &str)]) -> BuildMetadata {
        BuildMetadata::from_variables(|name| {
            variables
                .iter()
                .find(|variable| variable.0 == name)
                .map(|variable| variable.1.to_owned())
        })
    }

    #[test]
    fn the_url_is_made_from_what_is_there() {
        let atc = ("ATC_EXTERNAL_URL", "https://ci.example.org/");
        let job = [
            atc,
            ("BUILD_TEAM_NAME", "main"),
            ("BUILD_PIPELINE_NAME", "a b"),
            ("BUILD_JOB_NAME", "c/d"),
            ("BUILD_NAME", "7"),
        ];
        assert_eq!(
            build(&job).url().as_deref(),
            Some("https://ci.example.org/teams/main/pipelines/a%20b/jobs/c%2Fd/builds/7")
        );
        let mut instance = job.to_vec();
        instance.push((
            "BUILD_PIPELINE_INSTANCE_VARS",
            r#"{"branch":"x","n":{"x":1,"y.z":[true]}}"#,
        ));
        assert!(
            build(&instance)
                .url()
                .unwrap()
                .ends_with("/builds/7?vars.branch=%22x%22&vars.n.x=1&vars.n.%22y.z%22=%5Btrue%5D")
        );
        assert_eq!(
            build(&[atc, ("BUILD_ID", "42")]).url().as_deref(),
            Some("https://ci.example.org/builds/42")
        );
        assert_eq!(build(&[atc]).url(), None);
        assert_eq!(
            build(&[atc, ("BUILD_URL", "https://x")]).url().as_deref(),
            Some("https://x")
        );
        assert_eq!(build(&[("BUILD_ID", "42")]).url(), None);
    }

    #[test]
    fn what_is_malformed_or_empty_is_absent() {
        let build = build(&[
            ("BUILD_PIPELINE_INSTANCE_VARS", "{"),
            ("BUILD_STATUS", "great"),
            ("BUILD_JOB_NAME", ""),
        ]);
        let instance_vars_raw = Some("{".to_owned());
        assert_eq!(
            build,
            BuildMetadata {
                instance_vars_raw,
                ..BuildMetadata::default()
            }
        );
    }
}
