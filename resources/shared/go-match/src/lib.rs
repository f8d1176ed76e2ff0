//! Patterns as Go reads them: globs as its `path/filepath` has them, and the syntax of its regular expressions (RE2).

mod class;
mod glob;
mod pattern;

pub use glob::{BadGlob, Glob};
pub use pattern::{BadPattern, Pattern};
