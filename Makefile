# The only door. `make` says what there is.

.DEFAULT_GOAL := help
.PHONY: help demo test lint images image-test bench docs

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## Build, and show the resource types at work on what is made on the spot
	@tests/scripts/install demo
	@tests/scripts/demo

test: ## Install what the tests need, then run everything: lint, unit, integration, doc and image tests
	@tests/scripts/install test
	@tests/scripts/install-python
	@tests/scripts/test

lint: ## Formatting, clippy, the SDK with fewer features, its documentation and public API
	@tests/scripts/install build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	@tests/scripts/lint-sdk

images: ## Build the images into target/images
	@tests/scripts/install images
	@for name in $$(images/names); do images/build $$name || exit 1; done

image-test: images ## Run the images as Concourse would
	@tests/scripts/install test
	@for name in $$(images/names); do images/test $$name || exit 1; done

bench: ## Measure against the stock git client, and print a table
	@tests/scripts/install bench
	@tests/scripts/bench
	@tests/scripts/bench-pool

docs: ## Write schemas and README tables anew from the configuration types
	UPDATE_DOCS=1 cargo test --workspace --quiet --locked --test docs
