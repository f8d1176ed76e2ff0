//! Answers as tables, for people.

use serde_json::Value;

/// The answer of a command: the versions of a check, one a row; or version and metadata of a get or put.
pub(crate) fn answer(answer: &Value) -> String {
    match answer {
        Value::Array(versions) if versions.is_empty() => "no versions".to_owned(),
        Value::Array(versions) => table(&versions_as_rows(versions), true),
        _ => table(&outcome_as_rows(answer), false),
    }
}

fn versions_as_rows(versions: &[Value]) -> Vec<Vec<String>> {
    let mut keys: Vec<&str> = Vec::new();
    for key in versions
        .iter()
        .filter_map(Value::as_object)
        .flat_map(|version| version.keys())
    {
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    let heading = keys.iter().map(|key| (*key).to_owned()).collect();
    let row = |version: &Value| keys.iter().map(|key| text(&version[*key])).collect();
    std::iter::once(heading).chain(versions.iter().map(row)).collect()
}

fn outcome_as_rows(answer: &Value) -> Vec<Vec<String>> {
    let version = answer["version"].as_object().into_iter().flatten();
    let metadata = answer["metadata"].as_array().into_iter().flatten();
    let rows = version.map(|(key, value)| vec!["version".to_owned(), key.clone(), text(value)]);
    let further = answer.as_object().into_iter().flatten();
    rows.chain(metadata.map(|row| vec!["metadata".to_owned(), text(&row["name"]), text(&row["value"])]))
        .chain(
            further
                .filter(|(key, _)| !matches!(key.as_str(), "version" | "metadata"))
                .map(|(key, value)| vec![key.clone(), String::new(), text(value)]),
        )
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        // What somebody wrote into a commit must not steer the terminal.
        Value::String(text) => text.replace(|c: char| c.is_control() && c != '\n', " "),
        other => other.to_string(),
    }
}

/// Columns as wide as their widest cell. A cell of several lines is continued below itself.
fn table(rows: &[Vec<String>], has_heading: bool) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .flat_map(|cell| cell.lines())
            .map(|line| line.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut lines = Vec::new();
    for row in rows {
        let height = row
            .iter()
            .map(|cell| cell.lines().count())
            .max()
            .unwrap_or_default()
            .max(1);
        for index in 0..height {
            lines.push(line(
                row.iter().map(|cell| cell.lines().nth(index).unwrap_or_default()),
                &widths,
            ));
        }
    }
    if has_heading {
        let rule = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>();
        lines.insert(1, line(rule.iter().map(String::as_str), &widths));
    }
    lines.join("\n")
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let padded: Vec<String> = cells
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"))
        .collect();
    padded.join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn versions_are_rows_under_their_keys() {
        let versions = json!([{ "ref": "abc" }, { "ref": "d", "branch": "main" }]);
        assert_eq!(answer(&versions), "ref  branch\n---  ------\nabc\nd    main");
        assert_eq!(answer(&json!([])), "no versions");
    }

    #[test]
    fn version_and_metadata_are_rows_and_long_text_goes_on_below() {
        let outcome = json!({
            "version": { "ref": "abc" },
            "metadata": [{ "name": "message", "value": "one\ntwo" }, { "name": "empty", "value": "" }]
        });
        assert_eq!(
            answer(&outcome),
            "version   ref      abc\nmetadata  message  one\n                   two\nmetadata  empty"
        );
    }
}
