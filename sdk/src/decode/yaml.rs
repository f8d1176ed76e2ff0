//! Requests as people write them: YAML, whose scalars keep their text where the schema has a string.
//!
//! A parser that decides what a scalar is before anyone has looked at the schema takes the commit `7e04338` for a number. What a word
//! means where no string is wanted is as in the pipelines of Concourse: YAML 1.2, and the truth values of YAML 1.1.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Number, Value};

use super::schemas::{Schemas, takes};

/// How deep lists and objects may stand in each other, as in JSON.
const DEEPEST: usize = 128;
/// How many values there may be: references to references grow without end.
const MOST_VALUES: usize = 100_000;

/// A value of which the scalars are not decided.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// A text that means what it says.
    Text(String),
    /// A text that may be a number, a truth value or nothing.
    Plain(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// What is wrong, without quoting the text; lines and columns from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct YamlError {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) text: String,
}

/// Reads one document.
pub(super) fn parse(text: &str) -> Result<Node, YamlError> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        count: 0,
    };
    let mut document = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(_) if document.is_some() => {
                return Err(wrong(span, "there is a second document"));
            }
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            event => document = Some(reader.node(event, span, 0)?),
        }
    }
    Ok(document.unwrap_or_else(|| Node::Plain(String::new())))
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    count: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), YamlError> {
        let next = self.parser.next_event();
        next.unwrap_or_else(|| Ok((Event::StreamEnd, Span::default())))
            .map_err(|error| scanned(&error))
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, YamlError> {
        self.count += 1;
        if depth > DEEPEST || self.count > MOST_VALUES {
            return Err(wrong(span, "there is too much in it"));
        }
        let (anchor, node) = match event {
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor);
                let node = known
                    .ok_or_else(|| wrong(span, "an alias stands for what contains it"))?
                    .clone();
                self.count += size(&node);
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, scalar(text.into_owned(), style, tag.as_deref()))
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                }
                (anchor, Node::List(items))
            }
            Event::MappingStart(anchor, _) => (anchor, Node::Object(self.fields(depth)?)),
            _ => return Err(wrong(span, "the document ends too early")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn fields(&mut self, depth: usize) -> Result<Vec<(String, Node)>, YamlError> {
        let mut fields: Vec<(String, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let (Node::Text(key) | Node::Plain(key)) = self.node(event, at, depth + 1)? else {
                return Err(wrong(at, "a key is a list or an object"));
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if key == "<<" {
                merged.push(value);
            } else if fields.iter().any(|(known, _)| *known == key) {
                return Err(wrong(at, "the key stands there twice"));
            } else {
                fields.push((key, value));
            }
        }
        // What an object says itself wins over what it takes from others.
        let others = merged.into_iter().flat_map(|node| match node {
            Node::List(nodes) => nodes,
            node => vec![node],
        });
        for (key, value) in others.flat_map(|node| match node {
            Node::Object(fields) => fields,
            _ => Vec::new(),
        }) {
            if !fields.iter().any(|(known, _)| *known == key) {
                fields.push((key, value));
            }
        }
        Ok(fields)
    }
}

fn size(node: &Node) -> usize {
    match node {
        Node::Text(_) | Node::Plain(_) => 1,
        Node::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Node::Object(fields) => 1 + fields.iter().map(|(_, node)| size(node)).sum::<usize>(),
    }
}

fn scalar(text: String, style: ScalarStyle, tag: Option<&Tag>) -> Node {
    let says_string = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    if style == ScalarStyle::Plain && !says_string {
        Node::Plain(text)
    } else {
        Node::Text(text)
    }
}

fn wrong(at: Span, text: &str) -> YamlError {
    YamlError {
        line: at.start.line(),
        column: at.start.col() + 1,
        text: text.to_owned(),
    }
}

fn scanned(error: &ScanError) -> YamlError {
    // One of the parser's texts quotes a character.
    let text = match error.info().split_once('`') {
        Some((before, _)) => before.trim_end_matches([':', ' ']),
        None => error.info(),
    };
    YamlError {
        line: error.marker().line(),
        column: error.marker().col() + 1,
        text: text.to_owned(),
    }
}

impl Node {
    /// The field of an object.
    pub(super) fn take(&mut self, key: &str) -> Option<Node> {
        let Node::Object(fields) = self else { return None };
        let at = fields.iter().position(|(known, _)| known == key)?;
        Some(fields.remove(at).1)
    }

    /// The value, decided by its schema.
    pub(super) fn along(self, schema: &Value) -> Value {
        let schemas = Schemas::new(schema);
        self.decided(schemas, &schemas.top())
    }

    /// The value, in which every scalar keeps its text but for nothing.
    pub(super) fn texts(self) -> Value {
        self.along(&serde_json::json!({ "additionalProperties": { "type": "string" } }))
    }

    fn decided<'a>(self, schemas: Schemas<'a>, here: &[&'a Value]) -> Value {
        match self {
            Node::Text(text) => text.into(),
            Node::Plain(text) => plain(text, here),
            Node::List(items) => {
                let items = items.into_iter().enumerate();
                items
                    .map(|(index, item)| item.decided(schemas, &schemas.items(here, index)))
                    .collect()
            }
            Node::Object(fields) => {
                let fields = fields.into_iter().map(|(key, node)| {
                    let value = node.decided(schemas, &schemas.fields(here, &key));
                    (key, value)
                });
                Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }
}

fn plain(text: String, here: &[&Value]) -> Value {
    if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    let is_known = ["string", "boolean", "number", "integer"]
        .iter()
        .any(|kind| takes(here, kind));
    if (!is_known || takes(here, "boolean"))
        && let Some(flag) = truth(&text)
    {
        return flag.into();
    }
    if takes(here, "string") {
        return text.into();
    }
    match number(&text) {
        // Where nobody knows what is wanted, the text may be.
        Some(number) if takes(here, "number") || takes(here, "integer") || number.to_string() == text => {
            number.into()
        }
        _ => text.into(),
    }
}

/// The truth values of YAML 1.1, which the pipelines of Concourse have.
fn truth(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let flag = match lower.as_str() {
        "true" | "yes" | "on" => true,
        "false" | "no" | "off" => false,
        _ => return None,
    };
    let is_usual = text == text.to_ascii_uppercase() || text[1..] == lower[1..];
    is_usual.then_some(flag)
}

fn number(text: &str) -> Option<Number> {
    let digits = text.replace('_', "");
    let (sign, unsigned) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits.strip_prefix('+').unwrap_or(&digits)),
    };
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = unsigned.strip_prefix(prefix) {
            return i64::from_str_radix(&format!("{sign}{rest}"), radix)
                .ok()
                .map(Number::from);
        }
    }
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    if let Ok(whole) = digits.parse::<u64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = digits.parse::<i64>() {
        return Some(whole.into());
    }
    digits.parse().ok().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests;
