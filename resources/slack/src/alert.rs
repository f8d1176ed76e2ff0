//! Ready-made messages: what became of a build, good-looking without configuration.

use std::time::Duration;

use concourse_resource_sdk::BuildMetadata;
use concourse_resource_sdk::build::BuildStatus;
use serde_json::{Map, Value, json};

/// What is told of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alert {
    Success,
    Failed,
    Errored,
    Aborted,
    Started,
    Fixed,
    Broke,
}

/// What is known besides the build.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts<'a> {
    /// More to say.
    pub(crate) text: Option<&'a str>,
    /// How long ago the message was sent that this one answers or replaces.
    pub(crate) took: Option<Duration>,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

impl Alert {
    /// The value of `params.alert` that means the build's own status.
    pub(crate) const AUTO: &'static str = "auto";

    pub(crate) const ALL: [Self; 7] = [
        Self::Success,
        Self::Failed,
        Self::Errored,
        Self::Aborted,
        Self::Started,
        Self::Fixed,
        Self::Broke,
    ];

    /// The value of `params.alert`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::Aborted => "aborted",
            Self::Started => "started",
            Self::Fixed => "fixed",
            Self::Broke => "broke",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alert| alert.name() == name)
    }

    /// The alert of a status that Concourse gives.
    pub(crate) fn of(status: BuildStatus) -> Self {
        match status {
            BuildStatus::Success => Self::Success,
            BuildStatus::Failure => Self::Failed,
            BuildStatus::Errored => Self::Errored,
            BuildStatus::Aborted => Self::Aborted,
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Success => "succeeded",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::Aborted => "was aborted",
            Self::Started => "started",
            Self::Fixed => "is fixed",
            Self::Broke => "broke",
        }
    }

    /// As Concourse's own pages colour it.
    fn colour(self) -> &'static str {
        match self {
            Self::Success | Self::Fixed => "#11c560",
            Self::Failed | Self::Broke => "#ed4b35",
            Self::Errored => "#f5a623",
            Self::Aborted => "#8b572a",
            Self::Started => "#fad43b",
        }
    }

    /// The message, as the one attachment that Slack and Mattermost both know how to show.
    pub(crate) fn attachment(self, build: &BuildMetadata, facts: Facts<'_>) -> Value {
        let title = format!("{} {}", subject(build), self.verb());
        let mut attachment = Map::new();
        let mut set = |key: &str, value: Value| drop(attachment.insert(key.to_owned(), value));
        set("color", self.colour().into());
        set("title", escaped(&title).into());
        match build.url() {
            Some(url) => {
                set("fallback", escaped(&format!("{title}: {url}")).into());
                set("title_link", url.into());
            }
            None => set("fallback", escaped(&title).into()),
        }
        if let Some(text) = facts.text {
            set("text", text.into());
        }
        set("fields", fields(self, build, facts).into());
        set("footer", "Concourse".into());
        set("ts", facts.now.into());
        Value::Object(attachment)
    }
}

/// What the message is about: `deploy #12`, or what is known of it.
fn subject(build: &BuildMetadata) -> String {
    match (&build.job, &build.name, &build.id) {
        (Some(job), Some(name), _) => format!("{job} #{name}"),
        (Some(job), None, _) => job.clone(),
        (None, Some(name), _) => format!("Build #{name}"),
        (None, None, Some(id)) => format!("Build {id}"),
        (None, None, None) => "A build".to_owned(),
    }
}

fn fields(alert: Alert, build: &BuildMetadata, facts: Facts<'_>) -> Vec<Value> {
    let took = facts.took.filter(|_| alert != Alert::Started).map(duration);
    [
        ("Pipeline", pipeline(build)),
        ("Duration", took),
        ("Started by", build.created_by.clone()),
    ]
    .into_iter()
    .filter_map(|(title, value)| Some(json!({ "title": title, "value": escaped(&value?), "short": true })))
    .collect()
}

/// `team/pipeline`, with instance variables as Concourse writes them.
fn pipeline(build: &BuildMetadata) -> Option<String> {
    let pipeline = build.pipeline.as_deref()?;
    let team = build
        .team
        .as_deref()
        .map(|team| format!("{team}/"))
        .unwrap_or_default();
    let vars: Vec<_> = build
        .instance_vars
        .iter()
        .flatten()
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}:{text}"),
            other => format!("{name}:{other}"),
        })
        .collect();
    let vars = if vars.is_empty() {
        String::new()
    } else {
        format!(" ({})", vars.join(", "))
    };
    Some(format!("{team}{pipeline}{vars}"))
}

/// `2 h 5 min`, `3 min 5 s`, `8 s`.
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours} h {minutes} min")
    } else if minutes > 0 {
        format!("{minutes} min {rest} s")
    } else {
        format!("{rest} s")
    }
}

/// The three characters that mean something to Slack.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(variables: &[(&str, &str)]) -> BuildMetadata {
        BuildMetadata::from_variables(|name| {
            let found = variables.iter().find(|variable| variable.0 == name);
            found.map(|variable| variable.1.to_owned())
        })
    }

    #[test]
    fn a_message_says_what_happened_to_what_and_links_to_it() {
        let build = build(&[
            ("BUILD_NAME", "12"),
            ("BUILD_JOB_NAME", "deploy & <test>"),
            ("BUILD_PIPELINE_NAME", "site"),
            ("BUILD_PIPELINE_INSTANCE_VARS", r#"{"branch":"x","n":1}"#),
            ("BUILD_TEAM_NAME", "core"),
            ("BUILD_CREATED_BY", "ada"),
            ("BUILD_URL", "https://ci.test/b?x=1&y=2"),
        ]);
        let facts = Facts {
            text: Some("see the *runbook*"),
            took: Some(Duration::from_secs(185)),
            now: 1_700_000_000,
        };
        assert_eq!(
            Alert::Failed.attachment(&build, facts),
            json!({
                "color": "#ed4b35",
                "title": "deploy &amp; &lt;test&gt; #12 failed",
                "fallback": "deploy &amp; &lt;test&gt; #12 failed: https://ci.test/b?x=1&amp;y=2",
                "title_link": "https://ci.test/b?x=1&y=2",
                "text": "see the *runbook*",
                "fields": [
                    { "title": "Pipeline", "value": "core/site (branch:x, n:1)", "short": true },
                    { "title": "Duration", "value": "3 min 5 s", "short": true },
                    { "title": "Started by", "value": "ada", "short": true },
                ],
                "footer": "Concourse",
                "ts": 1_700_000_000,
            })
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        for (variables, title) in [
            (&[][..], "A build started"),
            (&[("BUILD_ID", "9")][..], "Build 9 started"),
            (&[("BUILD_ID", "9"), ("BUILD_NAME", "2")][..], "Build #2 started"),
            (&[("BUILD_JOB_NAME", "j")][..], "j started"),
        ] {
            let facts = Facts {
                took: Some(Duration::from_secs(1)),
                ..Facts::default()
            };
            let attachment = Alert::Started.attachment(&build(variables), facts);
            assert_eq!(attachment["title"], title);
            assert_eq!(attachment["fallback"], title);
            assert_eq!(attachment["fields"], json!([]));
            assert_eq!(attachment.get("title_link"), None);
        }
    }

    #[test]
    fn every_alert_has_a_name_of_its_own() {
        for alert in Alert::ALL {
            assert_eq!(Alert::named(alert.name()), Some(alert));
        }
        assert_eq!(Alert::named("great"), None);
        assert_eq!(Alert::named(Alert::AUTO), None);
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3599, "59 min 59 s"),
            (90_061, "25 h 1 min"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }
}
