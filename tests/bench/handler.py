"""Times the handler beside a plain boto3 one and a bootstrap that does nothing: handler.py TARGET [all | profile BINARY].

All talk to the same stub of AWS, on loopback, over TLS, each answer 20 ms late. Says what it measured and asserts
nothing about time; but it fails where a candidate does not rotate what is due. `all` adds what takes half an hour. `profile`
only says where a handler that has its symbols spends its time.
`make bench` prepares TARGET and calls this.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import certificate
import cost
import cpu_share
import package
import samples
from process import Candidate, Process, Run
from runtime_api import RuntimeApi
from stub import Stub
from stub_account import SUBSCRIBER, TOPIC

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "tests/bench"
TARGET = Path(sys.argv[1]).resolve()
PACKAGE = TARGET / "lambda" / platform.machine() / "lambda/bootstrap.zip"
PYTHON = TARGET / "bench/python"
LATENCY = 0.02  # Seconds.
MEMORY = 128  # MB, as in rotation.yaml.
ROUNDS = 7


@dataclass(frozen=True)
class Fleet:
    """Users, some of them due, in an account that accepts `rate` calls a second, or any number if that is None."""

    users: int
    due: int
    rate: int | None
    rounds: int

    def __str__(self):
        throttled = f", {self.rate} calls a second" if self.rate else ""
        return f"{self.users:,} user{'s' * (self.users > 1)}, {self.due:,} due{throttled}"


ONE, WIDE = Fleet(1, 1, None, ROUNDS), Fleet(200, 200, None, 3)
HEALTHY = Fleet(200, 0, None, 3)
LARGE = Fleet(5000, 50, None, 1)
FLEETS = [ONE, Fleet(1, 0, None, ROUNDS), WIDE, HEALTHY, LARGE]
THROTTLED = [Fleet(200, 20, 20, 3), Fleet(5000, 50, 20, 1)]
MEMORIES = [128, 192, 256, 384, 512, 1024]  # MB.


def variables(configuration):
    """The environment that the template gives the function, with the stub's topic and a key lifetime that suits the stub."""
    command = [TARGET / "release/synth", "template", "--format", "json", "--config", ROOT / configuration]
    done = subprocess.run([*command, "--emails", SUBSCRIBER], check=True, capture_output=True, text=True)
    function = json.loads(done.stdout)["Resources"]["Function"]["Properties"]
    return function["Environment"]["Variables"] | {"TOPIC_ARN": TOPIC, "ROTATE_AFTER": "60d", "DIGEST": "never"}


def two_events(candidate):
    """Measures a start and two events with one user due. Returns the seconds, the peak memory and the first event's calls."""
    stub.begin(users=1, due=1, latency=LATENCY)
    with Process(candidate, ONE, api, log) as process:
        first, (calls, waited) = process.event(), stub.calls()
        expect(process, candidate, calls, 1)
        stub.begin(users=1, due=1, latency=LATENCY)
        return process.ready, first, process.event(), process.peak(), calls.total(), first - waited


def one_event(candidate, fleet, memory=MEMORY, latency=LATENCY, watch=lambda process: nullcontext()):
    stub.begin(users=fleet.users, due=fleet.due, latency=latency, rate=fleet.rate)
    # Each process has its own group, so that the end of one does not use the share of the next one.
    with cpu_share.share(memory) as confine, Process(candidate, fleet, api, log) as process:
        if confine:
            confine(process.id)
        with watch(process.id):
            took = process.event()
        peak, (calls, waited) = process.peak(), stub.calls()
        if fleet.rate is None:  # A throttled candidate may leave users to the next run.
            expect(process, candidate, calls, fleet.due)
    return Run(process.ready, took, process.busy, peak, calls, waited)


def expect(process, candidate, calls, due):
    if candidate.rotates and calls["CreateAccessKey"] != due:
        process.fail(f"it created {calls['CreateAccessKey']} keys where {due} were due")


def figures(values):
    return " | ".join(f"{value:,.1f}" for value in (min(values), median(values), max(values)))


def ratio(runs, name):
    """The baseline's median divided by the candidate's."""
    return median(runs[BASELINE.name]) / median(runs[name])


def table(title, unit, runs, scale=1):
    print(f"\n| {title} | runs | min {unit} | median {unit} | max {unit} | Python's is × |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, values in runs.items():
        scaled = [value * scale for value in values]
        print(f"| {name} | {len(values)} | {figures(scaled)} | {ratio(runs, name):,.1f} |")


if not Path("/proc/self/status").exists():
    print("\n## The handler\n\nSkipped: only Linux tells a process's peak memory while it runs.")
    sys.exit()

folder = tempfile.TemporaryDirectory()
work = Path(folder.name)
log = str(work / "output")
if not PACKAGE.exists():
    sys.exit(f"{PACKAGE} is missing. Run: make build-local")
zipfile.ZipFile(PACKAGE).extract("bootstrap", work)
(work / "bootstrap").chmod(0o755)
subprocess.run(["rustc", "-O", "--edition", "2024", "-o", work / "floor", BENCH / "floor.rs"], check=True)
server, authorities = certificate.make(work)
stub, api = Stub(server), RuntimeApi()

LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY),
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
    "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "SSL_CERT_FILE": str(authorities),
    "AWS_CA_BUNDLE": str(authorities),
    # In Lambda, the folder of a function's code is read-only.
    "PYTHONDONTWRITEBYTECODE": "1",
} | {f"AWS_ENDPOINT_URL_{service}": f"https://127.0.0.1:{port}" for service, port in stub.ports.items()}
NOTHING = Candidate("does nothing", [work / "floor"], LAMBDA, rotates=False)
MAIL = Candidate("handler, key by mail", [work / "bootstrap"], LAMBDA | variables("examples/article.yaml"), finds=True)
SECRETS = Candidate("handler, Secrets Manager", [work / "bootstrap"], LAMBDA | variables("rotation.yaml"), finds=True)
BASELINE = Candidate("Python", [PYTHON / "bin/python", BENCH / "runtime.py"], LAMBDA | {"TOPIC_ARN": TOPIC})
ROTATORS = [MAIL, SECRETS, BASELINE]

if sys.argv[2:3] == ["profile"]:
    if not samples.available():
        sys.exit("perf is missing; on Debian: apt-get install linux-perf")
    profiled = Candidate(SECRETS.name, [Path(sys.argv[3]).resolve()], SECRETS.environment, finds=True)
    file = str(work / "perf.data")
    run = one_event(profiled, WIDE, cpu_share.ONE_PROCESSOR, watch=lambda process: samples.taken(process, file))
    share = cpu_share.ONE_PROCESSOR / MEMORY
    print(f"""# Where the time goes

{WIDE}, with Secrets Manager and a whole processor: {run.took:,.1f} s, {run.calls.total():,} calls, {run.busy * 1000:,.0f} ms of a processor,
{run.busy / run.calls.total() * 1e6:,.0f} µs a call. With the share of {MEMORY} MB, only that takes {run.busy * share:,.1f} s. `make profile` writes this file.

| part, by the function that was at work | % |
|---|--:|""")
    for part, percent in samples.by_part(file):
        print(f"| {part} | {percent:.1f} |")
    sys.exit()

print(f"""
## The handler

Measured with {os.getloadavg()[0]:.1f} other processes running; the candidates take turns. Each candidate is a process
that gets events from a stub of Lambda's Runtime API. AWS is a stub on loopback over TLS, with a port for each service.
Each answer is {LATENCY * 1000:.0f} ms late. "Python" is tests/bench/baseline.py on boto3: one user after the other, no
journal, no verification, no second read. The handler is measured with examples/article.yaml, which has the same result,
and with rotation.yaml. With more than one user, it finds them itself (`users: [/]`). It sends no digest, because the
baseline has none, and a second mail to one address waits a quarter of a second. "Does nothing" is the least that a
bootstrap can do.""", flush=True)

ready, first, second, peak, calls, free = measured = [defaultdict(list) for _ in range(6)]
for _ in range(ROUNDS):
    for candidate in [NOTHING, *ROTATORS]:
        for values, value in zip(measured, two_events(candidate)):
            values[candidate.name].append(value)
table("process start until it asks for an event", "ms", ready, 1000)
table("first event, one user due", "ms", first, 1000)
table("second event, one user due", "ms", second, 1000)
table("peak memory after both", "MB", peak)

print("\n### What Lambda would run\n")
with cpu_share.share(MEMORY) as confine:
    confines = confine is not None
if confines:
    print(f"""A process's first event. From its request for the event on, the process has the share of a processor of {MEMORY} MB:
{MEMORY}/{cpu_share.ONE_PROCESSOR:,}, given every {cpu_share.PERIOD // 1000} ms. Before that, it has all that it can use.""")
else:
    print("""A process's first event, with whole processors. This machine does not allow a control group, which needs
root and the cpu controller.""")
print("\n| one event | runs | min ms | median ms | max ms | Python's is × | calls | throttled | rotated | CPU ms | MB |")
print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|", flush=True)
events = []
for fleet in FLEETS:
    runs = {candidate.name: [] for candidate in ROTATORS}
    for _ in range(fleet.rounds):
        for candidate in ROTATORS:
            runs[candidate.name].append(one_event(candidate, fleet))
    took = {name: [run.took * 1000 for run in done] for name, done in runs.items()}
    for name, done in runs.items():
        made, busy = done[-1].calls, median(run.busy for run in done) * 1000
        told = f"{len(done)} | {figures(took[name])} | {ratio(took, name):,.1f}"
        counts = f"{made.total() - made['throttled']:,} | {made['throttled']:,} | {made['CreateAccessKey']:,}"
        used = f"{busy:,.0f} | {max(run.peak for run in done):,.1f}"
        print(f"| {fleet}: {name} | {told} | {counts} | {used} |", flush=True)
    events.append((fleet, runs, took))
# With a whole processor and no latency, only the time of the handler and the stub is left.
quick = one_event(MAIL, WIDE, cpu_share.ONE_PROCESSOR, latency=0)
(_, one_runs, one), (_, wide_runs, wide) = (event for event in events if event[0] in (ONE, WIDE))

print("""
CPU is the time of the process, including its start. Calls are those of the last run.

### When AWS throttles

AWS accepts this many calls a second, of all services together. So the accepted calls take at least their number divided by
this rate. Python is measured with the small fleet only: for 5,000 users, its calls take four minutes at least.

| one event | runs | min ms | median ms | max ms | accepted calls | throttled | calls' own ms | event is × |
|---|--:|--:|--:|--:|--:|--:|--:|--:|""", flush=True)
throttled = {}
for fleet in THROTTLED:
    candidates = ROTATORS if fleet.users == 200 or "all" in sys.argv[2:] else [MAIL, SECRETS]
    runs = {candidate.name: [] for candidate in candidates}
    for _ in range(fleet.rounds):
        for candidate in candidates:
            runs[candidate.name].append(one_event(candidate, fleet))
    for name, done in runs.items():
        ratios = [run.took * fleet.rate / (run.calls.total() - run.calls["throttled"]) for run in done]
        throttled[fleet, name] = median(ratios)
        last = done[-1]
        accepted = last.calls.total() - last.calls["throttled"]
        told = f"{len(done)} | {figures([run.took * 1000 for run in done])} | {accepted:,} | {last.calls['throttled']:,}"
        print(f"| {fleet}: {name} | {told} | {accepted / fleet.rate * 1000:,.0f} | {median(ratios):.2f} |", flush=True)

print("""
### Memory

A function with more memory has a larger share of a processor, and costs more for each second. Here the handler runs with
Secrets Manager. The cost is that of one event, beside the cost with 128 MB.

| function MB |""", " | ".join(f"{fleet}: ms | cost ×" for fleet in (ONE, WIDE, LARGE)), "|")
print("|--:|" + "--:|--:|" * 3, flush=True)
least, affordable = {}, []
for memory in MEMORIES:
    cells = []
    for fleet in (ONE, WIDE, LARGE):
        took = median(one_event(SECRETS, fleet, memory).took for _ in range(3))
        cost_ratio = took * memory / least.setdefault(fleet, took * memory)
        cells.append(f"{took * 1000:,.0f} | {cost_ratio:.2f}")
        if fleet == WIDE and cost_ratio < 1.015:  # The figures vary by some percent.
            affordable.append((took, memory))
    print(f"| {memory:,} |", " | ".join(cells), "|", flush=True)

print("""
### Beyond AWS's own time

The calls for one user wait for each other. So a first event takes AWS's time (from the last byte of each request to the
first byte of its answer), and the time of the candidate and its connections.

| one user due | calls | AWS's own, ms | first event beyond it, ms | with its share of a processor, ms |
|---|--:|--:|--:|--:|""")
beyond = {}
for name, runs in events[0][1].items():
    beyond[name] = median(run.took - run.waited for run in runs) * 1000
    least = median(run.waited for run in runs) * 1000
    print(f"| {name} | {median(calls[name]):.0f} | {least:,.0f} | {median(free[name]) * 1000:,.1f} | {beyond[name]:,.1f} |")

size = PACKAGE.stat().st_size
print(f"""
### Package

| package | bytes |
|---|--:|
| handler | {size:,} |
| Python, with the boto3 that Lambda has | {package.baseline():,} |
| Python, with a boto3 of its own | {package.baseline_with_boto3(PYTHON):,} |

### Cost

The cost of Lambda for {cost.RUNS} runs a month, by AWS's list prices for arm64 in us-east-1 (${cost.PER_GB_SECOND:.10f} a
GB-second, ${cost.PER_REQUEST * 1e6:.2f} a million requests), without the free tier. The billed time is the median for the start and the
event, as measured above on this machine, in the smallest function that holds the peak.

| each run | candidate | function MB | billed ms | $ a month | Python's is × |
|---|---|--:|--:|--:|--:|""")
for fleet, runs, _ in events:
    memory = {name: cost.memory_for(max(run.peak for run in done)) for name, done in runs.items()}
    billed = {name: median(run.ready + run.took for run in done) * 1000 for name, done in runs.items()}
    dollars = {name: [cost.per_month(billed[name], memory[name])] for name in runs}
    for name, [price] in dollars.items():
        told = f"{memory[name]} | {billed[name]:,.0f} | {price:.6f} | {ratio(dollars, name):,.1f}"
        print(f"| {fleet} | {name} | {told} |")

print(f"""
### Promises

The stub is not the bottleneck: without latency it answered {quick.calls.total() / quick.took:,.0f} calls a second.

| promise, by the median | candidate | measured | in this run |
|---|---|--:|---|""")


def promise(text, name, told, holds, why=""):
    verdict = "holds" if holds else f"does NOT hold: {why}" if why else "does NOT hold"
    print(f"| {text} | {name} | {told} | {verdict} |")


python_runs = wide_runs[BASELINE.name]
python_call = median(run.busy for run in python_runs) / python_runs[-1].calls.total() * 1e6
for name in (MAIL.name, SECRETS.name):
    start, event, memory = ratio(ready, name), ratio(one, name), ratio(peak, name)
    rotations = median(wide[name]) / 1000
    share = cpu_share.ONE_PROCESSOR / MEMORY
    answers = median(run.waited for run in one_runs[name]) * 1000
    busy = median(run.busy for run in wide_runs[name])
    promise("starts 30 times as quickly as Python", name, f"{start:,.1f} ×", start >= 30)
    eighth = median(one[BASELINE.name]) / 8
    why = f"only AWS's answers take {answers:,.0f} ms, an eighth of Python's event is {eighth:,.0f} ms"
    promise(f"first event at {MEMORY} MB 8 times as quickly", name, f"{event:,.1f} ×", event >= 8, why)
    promise("and within 20 ms of its calls' latency", name, f"{beyond[name]:,.1f} ms", beyond[name] <= 20)
    promise("a fifth of Python's peak memory", name, f"1/{memory:,.1f}", memory >= 5)
    made = wide_runs[name][-1].calls.total()
    a_call = busy / made * 1e6
    # A figure in µs depends on the machine, so Python's one stands beside it.
    why = f"on this machine, Python needs {python_call:,.0f} µs a call"
    promise("300 µs of a processor a call, in 200 rotations", name, f"{a_call:,.0f} µs", a_call <= 300, why)
    why = f"{made:,} calls take {busy * share:,.1f} s with this share of a processor (PROFILE.md)"
    promise(f"200 rotations at {MEMORY} MB in 10 s", name, f"{rotations:,.1f} s", rotations <= 10, why)
    for fleet in THROTTLED:
        times = throttled[fleet, name]
        promise(f"{fleet}: 1.10 × the calls' own time", name, f"{times:.2f} ×", times <= 1.1)
took, memory = min(affordable)
why = "the SDK's own work for a call is most of the time (PROFILE.md)"
promise("200 rotations in 3 s for no more money than at 128 MB", SECRETS.name, f"{took:,.1f} s at {memory} MB", took <= 3, why)
promise("a package of 2.5 MB at most", "both", f"{size / 1e6:,.2f} MB", size <= 2.5e6)
