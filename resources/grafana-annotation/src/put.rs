//! `out`: creates an annotation, or ends one (CONTRACT 4.3 to 4.5).

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::UNIX_EPOCH;

use concourse_resource_sdk::{Context, Error, Outcome, Result, Validator};

use crate::annotation::Annotation;
use crate::api::Grafana;
use crate::config::{AnnotationVersion, PutParams, Source};
use crate::inputs;
use crate::tags;
use crate::template::expand;

/// CONTRACT 3.
const DEFAULT_TEMPLATE: &str = "${BUILD_ID} ${ATC_EXTERNAL_URL}/teams/${BUILD_TEAM_NAME}/pipelines/${BUILD_PIPELINE_NAME}/jobs/${BUILD_JOB_NAME}/builds/${BUILD_NAME}";

pub(crate) async fn put(
    cx: &Context,
    source: &Source,
    params: &PutParams,
    sources: &Path,
) -> Result<Outcome<AnnotationVersion>> {
    let (text, time, time_end, now) = texts(cx, source, params, sources)?;
    let tags = tags::union(&source.tags, &params.tags);
    let annotation = match &params.path {
        None => {
            let (dashboard, panel) = place(source, params);
            Annotation {
                time: Some(time.unwrap_or(now)),
                time_end,
                tags,
                text,
                dashboard,
                panel,
            }
        }
        Some(_) => Annotation {
            time,
            time_end: Some(time_end.unwrap_or(now)),
            tags,
            text,
            ..Annotation::default()
        },
    };
    refuse_reversed(&annotation)?;
    let id = match &params.path {
        None => {
            let id = Grafana::of(cx, source)?.create(&annotation.body()).await?;
            write_id(cx, sources, &id.to_string());
            cx.log().line(format!("created annotation {id}"));
            id
        }
        Some(path) => {
            let id = inputs::id(sources, path)?;
            Grafana::of(cx, source)?.update(id, &annotation.body()).await?;
            cx.log().line(format!("updated annotation {id}"));
            id
        }
    };
    let outcome = Outcome::new(AnnotationVersion::of(id))
        .row(("id", id.to_string()))
        .row(("tags", annotation.tags.join(", ")))
        .row(("text", &annotation.text));
    Ok(outcome)
}

/// What is wrong with the params in the light of the source.
pub(crate) fn validate(source: &Source, params: &PutParams, v: &mut Validator<'_>) {
    let has_dashboard = !params.dashboard_uid.is_empty() || !source.dashboard_uid.is_empty();
    if params.panel_id.is_some() && params.path.is_none() && !has_dashboard {
        v.at("panel_id")
            .refuse("needs dashboard_uid, in params or source");
    }
}

/// The dashboard, empty if there is none, and its panel: those of the params win.
fn place<'a>(source: &'a Source, params: &'a PutParams) -> (&'a str, Option<u32>) {
    if params.dashboard_uid.is_empty() {
        (&source.dashboard_uid, params.panel_id.or(source.panel_id))
    } else {
        (&params.dashboard_uid, params.panel_id)
    }
}

/// Text, begin, end and now, the times in milliseconds since 1970.
type Texts = (String, Option<i64>, Option<i64>, i64);

/// Puts the variables in.
fn texts(cx: &Context, source: &Source, params: &PutParams, sources: &Path) -> Result<Texts> {
    let unset = RefCell::new(BTreeSet::new());
    let expand = |template: &str| expand_with(source, params, template, &unset);
    let text = if params.text_file.is_empty() {
        expand(params.template.as_deref().unwrap_or(DEFAULT_TEMPLATE))
    } else {
        expand(&inputs::text(sources, &params.text_file)?)
    };
    // CONTRACT 4.3: whole seconds, in milliseconds.
    let now = cx.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = i64::try_from(now).unwrap_or_default() * 1000;
    let time = params.time.resolve("time", expand)?;
    let time_end = params.time_end.resolve("time_end", expand)?;
    let unset = unset.into_inner();
    if !unset.is_empty() {
        let names: Vec<_> = unset.iter().map(|name| format!("${name}")).collect();
        let names = names.join(", ");
        cx.log()
            .warn(format!("nobody set {names}: there is \"nil\" instead"));
    }
    Ok((text, time, time_end, now))
}

/// CONTRACT 3.1: params, then source, then the environment.
fn expand_with(
    source: &Source,
    params: &PutParams,
    template: &str,
    unset: &RefCell<BTreeSet<String>>,
) -> String {
    let environment: std::collections::BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    expand(template, |name| {
        [&params.env, &source.env, &environment]
            .into_iter()
            .find_map(|variables| variables.get(name))
            .map(String::as_str)
            .or_else(|| {
                unset.borrow_mut().insert(name.to_owned());
                None
            })
    })
}

fn refuse_reversed(annotation: &Annotation<'_>) -> Result<()> {
    match (annotation.time, annotation.time_end) {
        (Some(time), Some(end)) if end < time => {
            let text = format!("{end} ms since 1970 is before the beginning, params.time, at {time} ms");
            Err(Error::config("params.time_end", text))
        }
        _ => Ok(()),
    }
}

/// CONTRACT 4.3 and F5: for parity; that it cannot be written must not lose the id of what was created.
fn write_id(cx: &Context, sources: &Path, id: &str) {
    let path = sources.join(inputs::ID_FILE);
    if let Err(error) = std::fs::write(&path, id) {
        cx.log()
            .warn(format!("failed to write {}: {error}", path.display()));
    }
}
