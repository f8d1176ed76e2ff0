//! The integration tests: one binary, a module for each subject.

mod git_check_random;
mod support;
