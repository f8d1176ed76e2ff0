//! Slack's limits for Block Kit, as <https://docs.slack.dev/reference/block-kit> gives them: a message that breaks one is
//! refused as a whole, with a word that does not say where.

use concourse_resource_sdk::Error;
use serde_json::{Map, Value};

const MOST_BLOCKS: usize = 50;
const MARKDOWN_CHARACTERS: usize = 12_000;

/// Everything that Slack would refuse. `path` is the field that holds the blocks.
///
/// Types of blocks and keys that are not known here pass: Slack adds new ones.
pub(crate) fn problems(blocks: &[Value], path: &str) -> Vec<Error> {
    let mut found = Found::default();
    found.count(path, blocks.len(), MOST_BLOCKS, "blocks");
    let mut ids: Vec<&str> = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(fields) = found.object(&path, Some(block)) else {
            continue;
        };
        found.block(&path, fields);
        if let Some(id) = fields.get("block_id").and_then(Value::as_str) {
            if ids.contains(&id) {
                found.add(
                    format!("{path}.block_id"),
                    format!("\"{id}\" is used by two blocks"),
                );
            }
            ids.push(id);
        }
    }
    found.markdown(path, blocks);
    found.problems
}

#[derive(Default)]
struct Found {
    problems: Vec<Error>,
}

impl Found {
    fn block(&mut self, path: &str, block: &Map<String, Value>) {
        self.characters(path, block, "block_id", 255);
        match block.get("type").and_then(Value::as_str) {
            None => self.add(
                format!("{path}.type"),
                "expected the type of the block, such as \"section\"",
            ),
            Some("header") => self.text(path, block, "text", 150, true),
            Some("section") => self.section(path, block),
            Some("context") => self.context(path, block),
            Some("actions") => self.actions(path, block),
            Some("image") => self.image(path, block),
            Some("video") => {
                self.characters(path, block, "alt_text", 2000);
                self.characters(path, block, "title_url", 3000);
                self.text_if_given(path, block, "title", 200);
                self.text_if_given(path, block, "description", 200);
            }
            Some("table") => self.table(path, block),
            Some(_) => {}
        }
    }

    fn section(&mut self, path: &str, block: &Map<String, Value>) {
        match block.get("fields") {
            None | Some(Value::Null) => self.text(path, block, "text", 3000, false),
            Some(Value::Array(fields)) => {
                self.text_if_given(path, block, "text", 3000);
                self.count(&format!("{path}.fields"), fields.len(), 10, "fields");
                for (index, field) in fields.iter().enumerate() {
                    self.text_object(&format!("{path}.fields[{index}]"), field, 2000, false);
                }
            }
            Some(_) => self.add(format!("{path}.fields"), "expected a list"),
        }
        if let Some(Value::Object(accessory)) = block.get("accessory") {
            self.element(&format!("{path}.accessory"), accessory);
        }
    }

    fn context(&mut self, path: &str, block: &Map<String, Value>) {
        for (path, element) in self.elements(path, block, 10) {
            match element.get("type").and_then(Value::as_str) {
                Some("image") => self.image(&path, &element),
                _ => self.text_object(&path, &Value::Object(element), 3000, false),
            }
        }
    }

    fn actions(&mut self, path: &str, block: &Map<String, Value>) {
        for (path, element) in self.elements(path, block, 25) {
            self.element(&path, &element);
        }
    }

    /// The elements of a block, each with its path.
    fn elements(
        &mut self,
        path: &str,
        block: &Map<String, Value>,
        most: usize,
    ) -> Vec<(String, Map<String, Value>)> {
        let path = format!("{path}.elements");
        let Some(Value::Array(elements)) = block.get("elements") else {
            self.add(path, "expected a list");
            return Vec::new();
        };
        self.count(&path, elements.len(), most, "elements");
        if elements.is_empty() {
            self.add(path.clone(), "expected at least one element");
        }
        let mut objects = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if let Some(element) = self.object(&path, Some(element)) {
                objects.push((path, element.clone()));
            }
        }
        objects
    }

    fn element(&mut self, path: &str, element: &Map<String, Value>) {
        self.characters(path, element, "action_id", 255);
        if element.get("type").and_then(Value::as_str) == Some("button") {
            self.text(path, element, "text", 75, true);
            self.characters(path, element, "value", 2000);
            self.characters(path, element, "url", 3000);
        }
    }

    fn image(&mut self, path: &str, block: &Map<String, Value>) {
        if !["image_url", "slack_file"]
            .iter()
            .any(|key| block.contains_key(*key))
        {
            self.add(
                format!("{path}.image_url"),
                "an image needs image_url or slack_file",
            );
        }
        if !block.get("alt_text").is_some_and(Value::is_string) {
            self.add(
                format!("{path}.alt_text"),
                "an image needs a text that stands for it",
            );
        }
        self.characters(path, block, "image_url", 3000);
        self.characters(path, block, "alt_text", 2000);
        self.text_if_given(path, block, "title", 2000);
    }

    fn table(&mut self, path: &str, block: &Map<String, Value>) {
        let Some(Value::Array(rows)) = block.get("rows") else {
            self.add(format!("{path}.rows"), "expected a list");
            return;
        };
        self.count(&format!("{path}.rows"), rows.len(), 100, "rows");
        for (index, row) in rows.iter().enumerate() {
            let cells = row.as_array().map_or(0, Vec::len);
            self.count(&format!("{path}.rows[{index}]"), cells, 20, "cells");
        }
    }

    /// All `markdown` blocks together.
    fn markdown(&mut self, path: &str, blocks: &[Value]) {
        let texts = blocks.iter().filter(|block| block["type"] == "markdown");
        let length: usize = texts
            .filter_map(|block| block["text"].as_str())
            .map(characters)
            .sum();
        if length > MARKDOWN_CHARACTERS {
            let text = format!(
                "the markdown blocks have {length} characters together, Slack takes {MARKDOWN_CHARACTERS}"
            );
            self.add(path, text);
        }
    }

    fn text(&mut self, path: &str, block: &Map<String, Value>, key: &str, most: usize, plain: bool) {
        let path = format!("{path}.{key}");
        match block.get(key) {
            None | Some(Value::Null) => self.add(path, "a text is missing"),
            Some(text) => self.text_object(&path, text, most, plain),
        }
    }

    fn text_if_given(&mut self, path: &str, block: &Map<String, Value>, key: &str, most: usize) {
        if let Some(text) = block.get(key).filter(|text| !text.is_null()) {
            self.text_object(&format!("{path}.{key}"), text, most, false);
        }
    }

    /// A text object: `{"type": "mrkdwn", "text": "…"}`.
    fn text_object(&mut self, path: &str, text: &Value, most: usize, plain: bool) {
        let Some(fields) = self.object(path, Some(text)) else {
            return;
        };
        match fields.get("type").and_then(Value::as_str) {
            Some("plain_text") => {}
            Some("mrkdwn") if !plain => {}
            _ => {
                let expected = if plain {
                    "\"plain_text\""
                } else {
                    "\"plain_text\" or \"mrkdwn\""
                };
                self.add(format!("{path}.type"), format!("expected {expected}"));
            }
        }
        match fields.get("text") {
            Some(Value::String(text)) if text.is_empty() => {
                self.add(format!("{path}.text"), "expected at least one character");
            }
            Some(Value::String(_)) => self.characters(path, fields, "text", most),
            _ => self.add(format!("{path}.text"), "expected a string"),
        }
    }

    fn object<'v>(&mut self, path: &str, value: Option<&'v Value>) -> Option<&'v Map<String, Value>> {
        let object = value.and_then(Value::as_object);
        if object.is_none() {
            self.add(path, "expected an object");
        }
        object
    }

    fn characters(&mut self, path: &str, object: &Map<String, Value>, key: &str, most: usize) {
        let length = object.get(key).and_then(Value::as_str).map_or(0, characters);
        if length > most {
            let text = format!("has {length} characters, Slack takes {most}");
            self.add(format!("{path}.{key}"), text);
        }
    }

    fn count(&mut self, path: &str, count: usize, most: usize, what: &str) {
        if count > most {
            self.add(path, format!("has {count} {what}, Slack takes {most}"));
        }
    }

    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Error::config(path, message));
    }
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(blocks: &Value) -> Vec<String> {
        let problems = problems(blocks.as_array().unwrap(), "params.blocks");
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_message_that_slack_takes_has_no_problem() {
        let text = json!({ "type": "mrkdwn", "text": "x" });
        let plain = json!({ "type": "plain_text", "text": "x".repeat(75), "emoji": true });
        assert_eq!(
            found(&json!([
                { "type": "header", "text": plain },
                { "type": "section", "text": text, "block_id": "a" },
                { "type": "section", "fields": [text, text], "accessory": { "type": "button", "text": plain, "action_id": "b" } },
                { "type": "divider" },
                { "type": "context", "elements": [text, { "type": "image", "image_url": "https://x", "alt_text": "" }] },
                { "type": "actions", "elements": [{ "type": "button", "text": plain, "url": "https://x" }] },
                { "type": "image", "image_url": "https://x", "alt_text": "x", "title": plain },
                { "type": "markdown", "text": "y".repeat(12_000) },
                { "type": "table", "rows": [[text], [text]] },
                { "type": "of the future", "text": 7 },
            ])),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_slack_refuses_is_named_with_its_place() {
        let text = |length: usize| json!({ "type": "mrkdwn", "text": "é".repeat(length) });
        let plain = |length: usize| json!({ "type": "plain_text", "text": "é".repeat(length) });
        for (block, problem) in [
            (json!(7), ": expected an object"),
            (
                json!({}),
                ".type: expected the type of the block, such as \"section\"",
            ),
            (
                json!({ "type": "header", "text": plain(151) }),
                ".text.text: has 151 characters, Slack takes 150",
            ),
            (
                json!({ "type": "header", "text": text(1) }),
                ".text.type: expected \"plain_text\"",
            ),
            (json!({ "type": "section" }), ".text: a text is missing"),
            (
                json!({ "type": "section", "text": "x" }),
                ".text: expected an object",
            ),
            (
                json!({ "type": "section", "text": text(0) }),
                ".text.text: expected at least one character",
            ),
            (
                json!({ "type": "section", "text": text(3001) }),
                ".text.text: has 3001 characters, Slack takes 3000",
            ),
            (
                json!({ "type": "section", "fields": [text(1), text(2001)] }),
                ".fields[1].text: has 2001 characters, Slack takes 2000",
            ),
            (
                json!({ "type": "section", "fields": vec![text(1); 11] }),
                ".fields: has 11 fields, Slack takes 10",
            ),
            (
                json!({ "type": "section", "text": text(1), "block_id": "i".repeat(256) }),
                ".block_id: has 256 characters, Slack takes 255",
            ),
            (
                json!({ "type": "context", "elements": [] }),
                ".elements: expected at least one element",
            ),
            (
                json!({ "type": "context", "elements": vec![text(1); 11] }),
                ".elements: has 11 elements, Slack takes 10",
            ),
            (
                json!({ "type": "context", "elements": [{ "type": "image", "image_url": "x" }] }),
                ".elements[0].alt_text: an image needs a text that stands for it",
            ),
            (
                json!({ "type": "actions", "elements": vec![json!({ "type": "datepicker" }); 26] }),
                ".elements: has 26 elements, Slack takes 25",
            ),
            (
                json!({ "type": "actions", "elements": [{ "type": "button", "text": plain(76) }] }),
                ".elements[0].text.text: has 76 characters, Slack takes 75",
            ),
            (
                json!({ "type": "image", "alt_text": "x" }),
                ".image_url: an image needs image_url or slack_file",
            ),
            (
                json!({ "type": "table", "rows": vec![json!([]); 101] }),
                ".rows: has 101 rows, Slack takes 100",
            ),
        ] {
            assert_eq!(
                found(&json!([block])),
                [format!("params.blocks[0]{problem}")],
                "{block}"
            );
        }
        assert_eq!(
            found(&json!(vec![json!({ "type": "divider" }); 51])),
            ["params.blocks: has 51 blocks, Slack takes 50"]
        );
        assert_eq!(
            found(&json!([{ "type": "divider", "block_id": "a" }, { "type": "divider", "block_id": "a" }])),
            ["params.blocks[1].block_id: \"a\" is used by two blocks"]
        );
        let half = json!({ "type": "markdown", "text": "x".repeat(6001) });
        assert_eq!(
            found(&json!([half, half])),
            ["params.blocks: the markdown blocks have 12002 characters together, Slack takes 12000"]
        );
    }
}
