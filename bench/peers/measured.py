"""Runs a command and prints, as JSON, its seconds, those of all its threads, its peak memory in megabytes and the JSON that it said last."""
import json
import os
import subprocess
import sys
import time

started = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
output = child.stdout.read()
_, status, usage = os.wait4(child.pid, 0)
seconds = time.perf_counter() - started
said = [line for line in output.splitlines() if line.startswith("{")]
# In kilobytes on Linux, in bytes on macOS.
megabytes = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
busy = usage.ru_utime + usage.ru_stime
print(json.dumps({"seconds": seconds, "busy": busy, "megabytes": megabytes, "said": json.loads(said[-1]) if said else {}}))
sys.exit(os.waitstatus_to_exitcode(status))
