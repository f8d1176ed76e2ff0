//! Follows files on a shelf: nested configuration with an enum and a list, and a version of two fields:
//! `{ shelf: { path: /shelf, order: largest }, items: [{ name: app.tar }] }`.

use concourse_resource_sdk::{Check, Config, Context, NoParams, Resource, Result, ResultExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

struct Inventory;
#[derive(Deserialize, JsonSchema)]
struct Source {
    shelf: Shelf,
    items: Vec<Item>,
}
impl Config for Source {}
#[derive(Deserialize, JsonSchema)]
struct Shelf {
    path: std::path::PathBuf,
    order: Order,
}
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Order {
    Given,
    Largest,
}
#[derive(Deserialize, JsonSchema)]
struct Item {
    name: String,
}
#[derive(Serialize, Deserialize)]
struct Version {
    item: String,
    bytes: u64,
}
impl Resource for Inventory {
    const NAME: &'static str = "inventory";
    const ABOUT: &'static str = "Follows files on a shelf.";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Source = Source;
    type GetParams = NoParams;
    type PutParams = NoParams;
    type Version = Version;
    async fn check(&self, _: &Context, check: Check<Self>) -> Result<Vec<Version>> {
        let mut found = Vec::new();
        for Item { name: item } in check.source.items {
            let file = std::fs::metadata(check.source.shelf.path.join(&item)).config("source.items")?;
            found.push((item, file.len()));
        }
        if let Order::Largest = check.source.shelf.order {
            found.sort_by_key(|(_, bytes)| *bytes);
        }
        Ok(found
            .into_iter()
            .map(|(item, bytes)| Version { item, bytes })
            .collect())
    }
}
fn main() -> std::process::ExitCode {
    concourse_resource_sdk::main(Inventory)
}
