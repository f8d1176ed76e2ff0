//! What a pathspec may say in front of its path.

/// How wildcards in a path are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Wildcard {
    #[default]
    CrossesSlash,
    StopsAtSlash,
    Literal,
}

/// The magic of a pathspec.
#[derive(Debug, Default)]
pub(super) struct Magic {
    pub(super) exclude: bool,
    pub(super) icase: bool,
    /// The path is taken from the top of the repository, as it is.
    pub(super) top: bool,
    pub(super) wildcard: Wildcard,
}

impl Magic {
    /// Splits a pathspec into its magic and its path.
    pub(super) fn parse(text: &str) -> Result<(Self, &str), String> {
        let Some(rest) = text.strip_prefix(':') else {
            return Ok((Self::default(), text));
        };
        match rest.strip_prefix('(') {
            Some(rest) => Self::parse_long(rest),
            None => Self::parse_short(rest),
        }
    }

    fn set(&mut self, wildcard: Wildcard) -> Result<(), String> {
        if self.wildcard != Wildcard::CrossesSlash && self.wildcard != wildcard {
            return Err("\"literal\" and \"glob\" exclude each other".into());
        }
        self.wildcard = wildcard;
        Ok(())
    }

    fn parse_long(text: &str) -> Result<(Self, &str), String> {
        let (words, path) = text
            .split_once(')')
            .ok_or("the ) after its magic words is missing")?;
        let mut magic = Self::default();
        for word in words.split(',') {
            match word {
                "" => {}
                "top" => magic.top = true,
                "exclude" => magic.exclude = true,
                "glob" => magic.set(Wildcard::StopsAtSlash)?,
                "icase" => magic.icase = true,
                "literal" => magic.set(Wildcard::Literal)?,
                other => return Err(format!("the magic word {other:?} is not supported")),
            }
        }
        Ok((magic, path))
    }

    fn parse_short(text: &str) -> Result<(Self, &str), String> {
        let mut magic = Self::default();
        let mut path = text;
        while let Some(sign) = path.chars().next() {
            match sign {
                ':' => {
                    path = &path[1..];
                    break;
                }
                '!' | '^' => magic.exclude = true,
                '/' => magic.top = true,
                // The signs that git keeps for magic to come.
                '"' | '#' | '%' | '&' | '\'' | ',' | '-' | ';' | '<' | '=' | '>' | '@' | '_' | '`' | '~' => {
                    return Err(format!("the magic sign {sign:?} is not supported"));
                }
                _ => break,
            }
            path = &path[1..];
        }
        Ok((magic, path))
    }
}

/// Takes `.`, `..` and doubled slashes out. `None`: the path leads out of the repository.
pub(super) fn normalise(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    // `a/`, `a/.` and `a/b/..` are directories only.
    let is_directory = matches!(path.rsplit('/').next(), Some("" | "." | "..")) && !parts.is_empty();
    Some(parts.join("/") + if is_directory { "/" } else { "" })
}
