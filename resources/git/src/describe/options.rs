//! `describe_ref_options`.

use concourse_resource_sdk::Error;

use git_source::wildmatch::{Mode, Pattern};

/// The options of `git describe`.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of git's, on or off by itself"
)]
pub(crate) struct Options {
    /// Tags without a tag object count, too.
    pub(super) tags: bool,
    /// Every ref counts.
    pub(super) all: bool,
    pub(super) always: bool,
    pub(super) long: bool,
    pub(super) first_parent: bool,
    /// What is put after the description of a commit whose files were changed.
    pub(super) dirty: Option<String>,
    pub(super) broken: bool,
    /// How many digits of the id are shown at least; none for git's own choice, 0 for no id.
    pub(super) abbrev: Option<u32>,
    /// How many tags are compared; with 0, the commit has to have one itself.
    pub(super) candidates: usize,
    pub(super) matching: Vec<Pattern>,
    pub(super) excluded: Vec<Pattern>,
}

const CANDIDATES: usize = 10;

impl Default for Options {
    /// CONTRACT 5.1: `--always --dirty --broken`.
    fn default() -> Self {
        Self {
            always: true,
            dirty: Some("-dirty".to_owned()),
            broken: true,
            ..Self::none()
        }
    }
}

impl Options {
    fn none() -> Self {
        Self {
            tags: false,
            all: false,
            always: false,
            long: false,
            first_parent: false,
            dirty: None,
            broken: false,
            abbrev: None,
            candidates: CANDIDATES,
            matching: Vec::new(),
            excluded: Vec::new(),
        }
    }

    /// Reads options, separated by blanks.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let mut options = Self::none();
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word, None),
            };
            match (name, value) {
                ("--match" | "--exclude" | "--candidates", None) => {
                    let value = words
                        .next()
                        .ok_or_else(|| problem(word, "needs a value after it"))?;
                    options.set_value(word, name, value)?;
                }
                (_, Some(value)) => options.set_value(word, name, value)?,
                (_, None) => options.set(name)?,
            }
        }
        Ok(options)
    }

    fn set(&mut self, name: &str) -> Result<(), Error> {
        let (plain, on) = match name.strip_prefix("--no-") {
            Some(plain) => (plain, false),
            None => (name.strip_prefix("--").unwrap_or_default(), true),
        };
        match plain {
            "tags" => self.tags = on,
            "all" => self.all = on,
            "always" => self.always = on,
            "long" => self.long = on,
            "first-parent" => self.first_parent = on,
            "dirty" => self.dirty = on.then(|| "-dirty".to_owned()),
            "broken" => self.broken = on,
            "abbrev" => self.abbrev = if on { None } else { Some(0) },
            "exact-match" => self.candidates = if on { 0 } else { CANDIDATES },
            "match" if !on => self.matching.clear(),
            "exclude" if !on => self.excluded.clear(),
            "contains" => {
                return Err(problem(
                    name,
                    "is not supported: it would name the commit after a later tag",
                ));
            }
            _ => return Err(problem(name, "is no option of git describe that is known here")),
        }
        Ok(())
    }

    fn set_value(&mut self, word: &str, name: &str, value: &str) -> Result<(), Error> {
        let number = || value.parse::<u32>().map_err(|_| problem(word, "needs a number"));
        match name {
            "--match" => self
                .matching
                .push(Pattern::new(value.as_bytes(), Mode::default())),
            "--exclude" => self
                .excluded
                .push(Pattern::new(value.as_bytes(), Mode::default())),
            "--candidates" => self.candidates = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--abbrev" => self.abbrev = Some(number()?),
            "--dirty" => self.dirty = Some(value.to_owned()),
            // A repository that is broken fails before it is described.
            "--broken" => self.broken = true,
            _ => return Err(problem(word, "is no option of git describe that is known here")),
        }
        Ok(())
    }

    /// Whether a ref counts by its name, which lacks `refs/tags/` and the like.
    pub(super) fn takes(&self, name: &[u8]) -> bool {
        let is_excluded = self.excluded.iter().any(|pattern| pattern.matches(name));
        !is_excluded
            && (self.matching.is_empty() || self.matching.iter().any(|pattern| pattern.matches(name)))
    }
}

fn problem(word: &str, what: &str) -> Error {
    Error::config("params.describe_ref_options", format!("\"{word}\" {what}"))
}
