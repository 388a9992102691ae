"""Times `synth template` beside AWS CDK and troposphere, which make the same stack: bench.py TARGET.

Says what it measured and asserts nothing about time; but it fails where the templates differ, because to compare programs that
do different things is worthless. `make bench` prepares TARGET and calls this.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(sys.argv[1]).resolve()
CDK = TARGET / "bench/cdk"
ROUNDS = 5
REPEATS = 10  # The number of runs in each round, for quick commands.

SYNTH, CDK_SYNTH, TRUE = "synth template", "cdk synth", "/bin/true"
QUICK = {
    TRUE: [shutil.which("true")],
    SYNTH: [TARGET / "release/synth", "template", "--config", ROOT / "rotation.yaml"],
    "troposphere": [TARGET / "bench/python/bin/python", ROOT / "tests/bench/stack.py"],
}
SLOW = {}
if (CDK / "node_modules").is_dir() and (node := shutil.which("node")):
    SLOW["CDK app alone"] = [node, CDK / "app.js"]
    SLOW[CDK_SYNTH] = [node, CDK / "node_modules/aws-cdk/bin/cdk", "synth"]
COMMANDS = QUICK | SLOW
# The CDK must not look anything up. Only the app writes, to the folder that the CLI gives it.
ENVIRONMENT = os.environ | {
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CDK_DISABLE_VERSION_CHECK": "1",
    "CDK_OUTDIR": str(CDK / "cdk.out"),
}


def template(name):
    """The template that the command generates, read as YAML 1.1 into JSON with long-form intrinsic functions."""
    done = subprocess.run(COMMANDS[name], env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{name} failed:\n{done.stderr}")
    text = done.stdout or (CDK / "cdk.out/access-key-rotation.template.json").read_text()
    reader = [sys.executable, ROOT / "synth/tests/python/read.py", "plain"]
    read = subprocess.run(reader, input=json.dumps(text), stdout=subprocess.PIPE, text=True, check=True)
    answer = json.loads(read.stdout)
    return answer[0] if isinstance(answer, list) else sys.exit(f"{name}: {answer}")


# Only people read these. So a better sentence in synth needs no change here.
PROSE = {"Description", "AlarmDescription"}


def differences(ours, theirs, path=""):
    """The places where two templates differ. The order of keys and the words of descriptions do not count."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours | theirs:
            if key in PROSE and key in ours and key in theirs:
                continue
            yield from differences(ours.get(key, "(absent)"), theirs.get(key, "(absent)"), f"{path}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs)):
            yield from differences(*pair, f"{path}/{index}")
    elif type(ours) is not type(theirs) or ours != theirs:
        yield f"  {path}: {json.dumps(theirs)} instead of {json.dumps(ours)}"


def measure(name):
    """Runs one process. Returns the milliseconds from before its start until its end, and its peak memory in MB."""
    command = [str(word) for word in COMMANDS[name]]
    silent = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, ENVIRONMENT, file_actions=silent)
    _, status, usage = os.wait4(child, 0)
    took = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{name} failed, which worked a moment ago")
    return took * 1000, usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if SLOW:
    os.chdir(CDK)  # cdk.json is read from here.
    shutil.rmtree("cdk.out", ignore_errors=True)
else:
    print("Without Node.js and npm there is no AWS CDK: its rows are skipped.")

ours = template(SYNTH)
for resource in ours["Resources"].values():
    resource.pop("Metadata", None)  # Our answers to a linter; AWS ignores them.
for name in [*COMMANDS][2:]:  # All commands except /bin/true and synth itself.
    if found := list(differences(ours, template(name))):
        sys.exit(f"{name} does not make the stack that synth makes; mend tests/bench:\n" + "\n".join(found))
print("## Generating the template\n")
print(f"All candidates make the same template: {len(ours['Resources'])} resources, equal except in the words of descriptions.")

load = os.getloadavg()[0]
print(f"Measured on {os.cpu_count()} processors, with {load:.1f} other processes running ({ROUNDS} rounds).\n", flush=True)
runs = {name: [] for name in COMMANDS}
for _ in range(ROUNDS):
    for name in [*QUICK] * REPEATS + [*SLOW]:
        runs[name].append(measure(name))

middle = {name: median(took for took, _ in each) for name, each in runs.items()}
print("| whole process | runs | min ms | median ms | max ms | × synth | peak MB |")
print("|---|--:|--:|--:|--:|--:|--:|")
for name, each in runs.items():
    times, memory = zip(*each)
    figures = f"{min(times):,.2f} | {middle[name]:,.2f} | {max(times):,.2f} | {middle[name] / middle[SYNTH]:,.1f}"
    print(f"| {name} | {len(each)} | {figures} | {median(memory):,.0f} |")
print(f"\n{TRUE} shows what it costs to start any process. Linux counts the memory of the starting process as the")
print("started process's own. So a peak like that of /bin/true is only an upper limit.")

holds, beside = middle[SYNTH] <= 3, ""
if SLOW:
    share = middle[CDK_SYNTH] / middle[SYNTH]
    holds, beside = holds or share >= 1000, f", 1/{share:,.0f} of cdk synth"
print(f"The promise (a median of at most 3 ms, or 1/1,000 of cdk synth) {'holds' if holds else 'does NOT hold'} in this run:")
print(f"{middle[SYNTH]:.2f} ms{beside}.")
