# Recipes of the project. Without `just`: `./justw RECIPE` finds or installs it.
# `just demo` shows the main job; `just test` runs every test, the real cluster included.

set shell := ["bash", "-euo", "pipefail", "-c"]

cache := env("XDG_CACHE_HOME", home_directory() / ".cache") / "todostack"

cargo_deny_version := "0.20.2"
cargo_deny := cache / "cargo-deny-" + cargo_deny_version

# List the recipes.
default:
    @just --list --unsorted

# What random tests begin with, so that a change, not luck, makes them fail; `cargo test` and
# `just fuzz` by themselves look elsewhere each time.
seed := "20261121"

# The end-to-end test's features go along everywhere: Cargo compiles what is asked for with other
# features anew.
all := "--workspace --all-targets --features todostack-e2e/cluster"

# Run the platform on an embedded Postgres and watch reminders arrive.
demo *args: (prepare "--compiler")
    web/build --if-possible
    cargo run --quiet --package todostack -- dev -f examples/quickstart.yaml {{ args }}

# The demo without hands: a reminder 3 s ahead arrives as a signed webhook.
smoke *args: (prepare "--compiler")
    cargo run --quiet --package todostack -- smoke {{ args }}

# Every test: format, lints, unit and property tests, real Postgres, the real cluster.
test: (prepare) test-no-cluster transports faults-short test-parts test-cluster

# Everything that needs no cluster.
test-no-cluster: (prepare "--build") web fmt manifests lint deny
    cargo build --quiet {{ all }}
    PROPTEST_RNG_SEED={{ seed }} cargo test --quiet --workspace --features todostack-e2e/harness
    target/debug/todostack smoke
    "{{ just_executable() }}" openapi-conformance
    "{{ just_executable() }}" typescript-client
    web/check
    "{{ just_executable() }}" mcp-conformance
    "{{ just_executable() }}" monitoring
    "{{ just_executable() }}" recurrence-oracle --check
    "{{ just_executable() }}" fuzz 30 {{ seed }}

# What takes parts built from source, with Go, and no cluster: output bindings of a real Dapr, manifests
# on a real API server.
test-parts: (prepare "--build") examples-apply operator-apply
    e2e/parts/build dapr
    TODOSTACK_TEST_DAPR="$(source e2e/parts/lib.sh && part_dir dapr)" \
        cargo test --quiet --workspace --features todostack-e2e/harness --test stack -- --ignored

# The end-to-end test on a real cluster: ours, or that of E2E_KUBECONFIG.
test-cluster:
    e2e/run

# Make, remove or show the one-node test cluster.
cluster verb *args:
    e2e/cluster/{{ verb }} {{ args }}

# Real Kafka, Redis and Dapr on this machine, no cluster.
# Hold every transport of events to the same laws; see docs/events.md.
transports *args: (prepare)
    e2e/transports {{ args }}

# Install what the tests need and this machine lacks.
prepare *args:
    @e2e/cluster/packages {{ args }}

# Check the format.
fmt:
    cargo fmt --all --check

# Clippy, warnings denied.
lint:
    cargo clippy --quiet {{ all }} -- -D warnings

# Write the chart's CRDs from the types.
crds:
    cargo run --quiet --package todostack-crds --bin crdgen charts/todostack-operator/templates/crds

# Fail when the chart's CRDs differ from the types.
crds-check:
    cargo run --quiet --package todostack-crds --bin crdgen -- --check charts/todostack-operator/templates/crds

# Workflows, chart and examples: everything that needs no compiled code of ours.
manifests: workflows chart-check examples-check

# Lint the workflows of GitHub Actions.
workflows:
    .github/lint

# Hold the chart to its golden files, its README to its values, and its objects to Kubernetes' own schemas.
# `--write`: make the golden files and the table of the README anew.
chart-check *args:
    charts/check {{ args }}

# Hold the examples to the types that they are of, other projects' included.
examples-check:
    examples/check

# Try what the spec of a stack asks for on a real API server, by an operator with the rights of the chart.
operator-apply:
    cargo build --quiet --workspace --features todostack-e2e/cluster --bin todostack-operator
    operator/tests/api-server target/debug/todostack-operator

# Apply the examples to a real API server, and put the chart through upgrade, rollback and uninstall there.
examples-apply:
    examples/apply

# One file for `kubectl apply --server-side`: namespace, types, operator. Takes options of `helm template`.
[positional-arguments]
install-yaml *args:
    @charts/install-yaml "$@"

# Licences, duplicates and sources of the dependencies.
deny: (_cargo-deny "check licenses bans sources")

# Known vulnerabilities of the dependencies; needs the way to the RustSec database on GitHub.
advisories: (_cargo-deny "check advisories")

_cargo-deny args:
    @test -x {{ cargo_deny }}/bin/cargo-deny || cargo install --quiet --locked --version {{ cargo_deny_version }} --root {{ cargo_deny }} cargo-deny
    @{{ cargo_deny }}/bin/cargo-deny --log-level error --locked {{ args }}

# Hold the gateway to its OpenAPI document, by Schemathesis.
openapi-conformance *args:
    api-gateway/conformance/run {{ seed }} {{ args }}

# Build the web page, which Cargo then takes into the gateway.
web: (prepare "--build")
    web/build

# Check the types of the page, test its pure code, and use it in a browser against `todostack dev`.
web-test *args: web
    web/check {{ args }}

# Make the TypeScript client of the OpenAPI document and try it on a real gateway.
typescript-client:
    clients/typescript/check

# Hold `/mcp` and `todostack mcp` to the official conformance suite and the official inspector.
mcp-conformance:
    mcp/conformance/check

# Metrics, their page, alert rules with their tests and runbooks, dashboards, chart: all of one mind.
monitoring: (prepare "--build")
    monitoring/check

# Ask a Prometheus each query of dashboards, docs and rules; names those that it refuses, or has no answer to.
monitoring-ask url:
    python3 monitoring/ask.py {{ url }}

# Write the chart's Grafana dashboards anew.
dashboards:
    python3 monitoring/dashboards.py

# Make the expectations of the recurrence tests anew from python-dateutil and zoneinfo; `--check`: compare.
recurrence-oracle *args:
    domain/oracle/run {{ args }}

# Throw made-up input at recurrence rules, quick add and filters, some seconds each, optimised, 10 ms a call.
fuzz seconds="60" *seed: (_fuzz "recurrence-fuzz" seconds seed) (_fuzz "quick-add-fuzz" seconds seed) (_fuzz "filter-fuzz" seconds seed) (_fuzz "transfer-fuzz" seconds seed)

_fuzz target seconds *seed:
    CARGO_PROFILE_DEV_OPT_LEVEL=2 CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false cargo run --quiet --target-dir target/fuzz --package todostack-domain --example {{ target }} -- {{ seconds }} {{ seed }}

# Measure recurrence beside the rrule crate and python-dateutil.
bench-recurrence:
    bench/recurrence/run

# Measure the release build beside what its parts can do; `--help` names the rows. Tables: target/bench.
bench *args: (prepare "--build")
    cargo build --release --bins --package todostack-gateway --package todostack-services --package todostack --package todostack-bench
    target/release/todostack-bench {{ args }}

# Delays, memory and image sizes of a stack on the test cluster, as Markdown.
measure *args:
    e2e/measure {{ args }}

# The same stack under ten times the load of the end-to-end test, or one stage of it.
measure-load *stage:
    e2e/measure load {{ stage }}

# Kill and pause the parts of the stack on the test cluster, and see what becomes of its reminders.
faults-cluster:
    e2e/measure faults

# Real Postgres, Kafka and Dapr on this machine, no cluster; also `--only FAULT`, `--list`.
# Break a stack under load and check what comes of it: `--minutes N --seed S`; see docs/faults.md.
faults *args: (prepare)
    e2e/faults/run {{ args }}

# The same in three minutes.
faults-short: (faults "--minutes" "3" "--seed" seed)

# Broken products: each must make the checker of `faults` object.
faults-sabotage: (faults "sabotage")

# The images of this machine's kind, as archives: options of images/build.
[positional-arguments]
images *args: (prepare "--build")
    images/build "$@"

# Push the archives of all kinds of machines and join them: REGISTRY TAG FOLDER ARCHITECTURE...
[positional-arguments]
images-publish *args:
    @images/publish "$@"

# The command line of this machine's kind, as an archive in this folder.
binary folder *args: (prepare "--compiler")
    release/binary "{{ folder }}" {{ args }}

# The other files of a release: chart, install.yaml, bill of materials.
[positional-arguments]
release-files *args:
    release/files "$@"

# The crates of what a stack runs, as CycloneDX.
sbom:
    @release/sbom

# Whether this tag may become a release; prints the version.
[positional-arguments]
release-check tag:
    @release/check "$1"

# What CHANGELOG.md says of a version.
[positional-arguments]
release-notes version:
    @awk -v want="## [$1]" '/^## /{on = index($0, want) == 1; next} /^\[.*\]: /{next} on' CHANGELOG.md

# The operator on the cluster of KUBECONFIG: `upgrade CHART`, `rollback [REVISION]`, `smoke [NAMESPACE/STACK]`.
[positional-arguments]
deploy *args:
    @release/deploy "$@"
