//! What happens to the content of a path on its way between the repository and the work tree.

use std::borrow::Cow;

use git2::Config;

use super::encoding::{Failure, WorkTreeEncoding};
use super::eol::{self, Action, End};
use super::{Attributes, State, ident};

/// How the content of paths is converted: attributes, and the configuration that counts with them.
#[derive(Debug, Default)]
pub struct Conversions {
    attributes: Attributes,
    /// `core.autocrlf`.
    auto: Option<End>,
    /// How lines of text end where nothing says it.
    text_end: Option<End>,
}

/// What is done to the content of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    eol: Action,
    ident: bool,
    encoding: Option<WorkTreeEncoding>,
    filter: Option<Vec<u8>>,
    /// `working-tree-encoding` without a name.
    is_nonsense: bool,
}

impl Conversions {
    /// Those of a repository's own configuration, and of attributes.
    #[must_use]
    pub fn new(config: &Config, attributes: Attributes) -> Self {
        let auto = match config.get_string("core.autocrlf") {
            Ok(value) if value.eq_ignore_ascii_case("input") => Some(End::Lf),
            Ok(_) if config.get_bool("core.autocrlf").unwrap_or(false) => Some(End::CrLf),
            _ => None,
        };
        let is_crlf = config
            .get_string("core.eol")
            .is_ok_and(|eol| eol.eq_ignore_ascii_case("crlf"));
        Self {
            attributes,
            auto,
            // `core.autocrlf` wins over `core.eol`.
            text_end: auto.or(is_crlf.then_some(End::CrLf)),
        }
    }

    /// Whether no content is ever converted, and no path has a filter.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.attributes.is_empty() && self.auto.is_none()
    }

    /// What is done to a path.
    #[must_use]
    pub fn of(&self, path: &[u8]) -> Conversion {
        let [text, crlf, eol, ident, encoding, filter] = self.attributes.states(
            path,
            [
                b"text",
                b"crlf",
                b"eol",
                b"ident",
                b"working-tree-encoding",
                b"filter",
            ],
        );
        let asked = text
            .as_ref()
            .and_then(action)
            .or_else(|| crlf.as_ref().and_then(action));
        let end = match eol {
            Some(State::Value(value)) if value == b"lf" => Some(End::Lf),
            Some(State::Value(value)) if value == b"crlf" => Some(End::CrLf),
            _ => None,
        };
        let default = self.text_end.unwrap_or(End::Lf);
        let eol = match (asked, end) {
            (Some(Asked::Binary), _) => Action::None,
            (Some(Asked::Auto), end) => Action::Auto(end.unwrap_or(default)),
            (_, Some(end)) => Action::Text(end),
            (Some(Asked::Input), None) => Action::Text(End::Lf),
            (Some(Asked::Text), None) => Action::Text(default),
            (None, None) => self.auto.map_or(Action::None, Action::Auto),
        };
        let (encoding, is_nonsense) = match encoding {
            Some(State::Value(name)) if !name.is_empty() => (WorkTreeEncoding::new(&name), false),
            Some(State::Set | State::Unset) => (None, true),
            _ => (None, false),
        };
        Conversion {
            eol,
            ident: ident == Some(State::Set),
            encoding,
            filter: match filter {
                Some(State::Value(name)) => Some(name),
                _ => None,
            },
            is_nonsense,
        }
    }
}

/// What `text`, or the older `crlf`, says.
enum Asked {
    Text,
    Binary,
    Auto,
    Input,
}

fn action(state: &State) -> Option<Asked> {
    match state {
        State::Set => Some(Asked::Text),
        State::Unset => Some(Asked::Binary),
        State::Value(value) if value == b"auto" => Some(Asked::Auto),
        State::Value(value) if value == b"input" => Some(Asked::Input),
        State::Value(_) | State::Unspecified => None,
    }
}

impl Conversion {
    /// Whether content stays as it is.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.eol == Action::None && !self.ident && self.encoding.is_none() && !self.is_nonsense
    }

    /// The filter driver that is asked for. None is run here.
    #[must_use]
    pub fn filter(&self) -> Option<&[u8]> {
        self.filter.as_deref()
    }

    /// What is written into the work tree. Text that its encoding cannot hold is written as it is, and said with `warn`, as git does.
    ///
    /// # Errors
    /// Fails, in git's words, where the attribute makes no sense.
    pub fn to_worktree<'a>(
        &self,
        path: &[u8],
        content: &'a [u8],
        warn: &mut dyn FnMut(String),
    ) -> Result<Cow<'a, [u8]>, String> {
        self.refuse_nonsense()?;
        let mut content = Cow::Borrowed(content);
        let expanded = match self.ident {
            true if self.needs_all() => ident::expand(&content),
            true => ident::expand_passing(&content),
            false => None,
        };
        if let Some(expanded) = expanded {
            content = Cow::Owned(expanded);
        }
        if let Some(converted) = eol::to_worktree(self.eol, &content) {
            content = Cow::Owned(converted);
        }
        if let (Some(encoding), false) = (&self.encoding, content.is_empty()) {
            match encoding.to_worktree(&content) {
                Ok(encoded) => content = Cow::Owned(encoded),
                Err(_) => warn(failed(path, "UTF-8", encoding.name())),
            }
        }
        Ok(content)
    }

    /// What is stored in the repository; `stored` is what the index has at that path.
    ///
    /// # Errors
    /// Fails, in git's words, where the content is not in the encoding that is asked for.
    pub fn to_git<'a>(
        &self,
        path: &[u8],
        content: &'a [u8],
        stored: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<Cow<'a, [u8]>, String> {
        self.refuse_nonsense()?;
        let mut content = Cow::Borrowed(content);
        if let (Some(encoding), false) = (&self.encoding, content.is_empty()) {
            let decoded = encoding.to_git(&content).map_err(|failure| {
                let (path, name) = (shown(path), encoding.name());
                match failure {
                    Failure::MarkProhibited => format!("BOM is prohibited in '{path}' if encoded as {name}"),
                    Failure::MarkRequired => format!("BOM is required in '{path}' if encoded as {name}"),
                    Failure::Unfit => failed(path.as_bytes(), name, "UTF-8"),
                }
            })?;
            content = Cow::Owned(decoded);
        }
        if let Some(converted) = eol::to_git(self.eol, &content, stored) {
            content = Cow::Owned(converted);
        }
        let collapsed = if self.ident {
            ident::collapse(&content)
        } else {
            None
        };
        Ok(collapsed.map_or(content, Cow::Owned))
    }

    /// Whether all of the content has to be there before anything can be written.
    fn needs_all(&self) -> bool {
        self.encoding.is_some() || self.eol == Action::Auto(End::CrLf)
    }

    fn refuse_nonsense(&self) -> Result<(), String> {
        if self.is_nonsense {
            return Err("true/false are no valid working-tree-encodings".to_owned());
        }
        Ok(())
    }
}

fn failed(path: &[u8], from: &str, to: &str) -> String {
    format!("failed to encode '{}' from {from} to {to}", shown(path))
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).escape_debug().to_string()
}
