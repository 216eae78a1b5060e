#!/usr/bin/env bash
# Times `mailsleuth report` beside zcat and what administrators use today, on the same files, in one run.
#
#   cargo bench --bench generate -- FOLDER --domains 251
#   benches/compare.sh FOLDER [ROUNDS]
#
# Commands take turns, so that a machine's moods meet all of them; the table has medians.
set -euo pipefail
folder=${1:?a folder that benches/generate.rs made}
rounds=${2:-5}
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
cargo build --release --quiet
exec python3 - "$folder" "$rounds" "$target/release/mailsleuth" <<'PYTHON'
import os, shlex, shutil, statistics, subprocess, sys, time

folder, rounds, program = sys.argv[1], int(sys.argv[2]), sys.argv[3]
files = f"{shlex.quote(folder)}/mail.log*"
commands = {
    "zcat": f"zcat -f {files}",
    "mailsleuth report": f"{program} report {shlex.quote(folder)}",
    "mailsleuth report, 1 thread": f"{program} report --threads 1 {shlex.quote(folder)}",
    "zgrep sasl_username, sort, uniq": f"zgrep -ho 'sasl_username=.*' {files} | sort | uniq -c",
}
if shutil.which("pflogsumm"):
    commands["pflogsumm"] = f"zcat -f {files} | pflogsumm"
else:
    print("(pflogsumm is not installed: left out)", file=sys.stderr)

def run(command):
    """Wall seconds, CPU seconds, peak memory in MiB of the largest process."""
    begin = time.monotonic()
    child = subprocess.Popen(["/bin/sh", "-c", f"{command} >/dev/null"])
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{command}: status {status}")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024

lines = int(subprocess.check_output(f"zcat -f {files} | wc -l", shell=True))
runs = {name: [] for name in commands}
for round in range(rounds + 1):
    for name, command in commands.items():
        if name == "pflogsumm" and round > 1:
            continue
        measured = run(command)
        # The first round warms the cache.
        if round:
            runs[name].append(measured)
zcat = statistics.median(wall for wall, _, _ in runs["zcat"])
print(f"{lines} lines, {os.cpu_count()} processors, {rounds} rounds, medians\n")
print("| command | wall s | of zcat | CPU s | peak MiB | lines/s |")
print("| --- | --: | --: | --: | --: | --: |")
for name, measured in runs.items():
    wall, cpu, memory = (statistics.median(column) for column in zip(*measured))
    print(f"| {name} | {wall:.2f} | {wall / zcat:.2f} | {cpu:.2f} | {memory:.0f} | {lines / wall:,.0f} |")
PYTHON
