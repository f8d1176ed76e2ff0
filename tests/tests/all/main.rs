//! The integration tests: one binary, a module for each subject.

mod git_abort;
mod git_cache;
mod git_check;
mod git_check_random;
mod git_disk;
mod git_get;
mod git_hostile;
mod git_put;
mod git_refusals;
mod git_robust;
mod git_ssh;
mod git_stock;
mod git_transports;
mod git_trouble;
mod grafana_cases;
mod grafana_delivery;
mod grafana_params;
mod grafana_support;
mod slack_bot;
mod slack_cases;
mod slack_content;
mod slack_delivery;
mod slack_support;
mod support;
