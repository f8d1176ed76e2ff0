//! Flags, which people write as booleans and as texts (CONTRACT F1).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A flag: `true`, `false`, or one of them as a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor)
    }
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Flag, E> {
        Ok(Flag(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Flag, E> {
        match value {
            "true" => Ok(Flag(true)),
            "false" | "" => Ok(Flag(false)),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(value), &self)),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<Flag, E> {
        Ok(Flag(false))
    }
}

/// A flag that overrides another, as the text that was written; it is judged only where it is looked at (CONTRACT 6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Override(String);

impl Override {
    /// What it says; none if it says nothing.
    ///
    /// # Errors
    /// Gives the text that is neither.
    pub(crate) fn value(&self) -> Result<Option<bool>, &str> {
        match self.0.as_str() {
            "" => Ok(None),
            "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(Some(true)),
            "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(Some(false)),
            other => Err(other),
        }
    }
}

impl<'de> Deserialize<'de> for Override {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OverrideVisitor)
    }
}

struct OverrideVisitor;

impl Visitor<'_> for OverrideVisitor {
    type Value = Override;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Override, E> {
        Ok(Override(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Override, E> {
        Ok(Override(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Override, E> {
        Ok(Override::default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn flags_are_booleans_or_their_texts() {
        for (value, flag) in [
            (json!(true), true),
            (json!("true"), true),
            (json!("false"), false),
            (json!(""), false),
        ] {
            assert_eq!(from_value::<Flag>(value.clone()).unwrap(), Flag(flag), "{value}");
        }
        for value in [json!("yes"), json!(1), json!([true])] {
            assert!(from_value::<Flag>(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn an_override_is_judged_late() {
        for (value, flag) in [
            (json!(true), Ok(Some(true))),
            (json!("T"), Ok(Some(true))),
            (json!("0"), Ok(Some(false))),
            (json!(""), Ok(None)),
            (json!("maybe"), Err("maybe")),
        ] {
            assert_eq!(
                from_value::<Override>(value.clone()).unwrap().value(),
                flag,
                "{value}"
            );
        }
    }
}
