"""What the Python sides share."""
import json
import sys
import time


def run(jobs, whole):
    """
    Does the job that the first argument names, as JSON. A job of `whole` is done once. One of `jobs` gives back its work and a few words about
    how it is done; the work is done for every "go" on stdin, and its seconds are the answer.
    """
    job = json.loads(sys.argv[1])
    if job["job"] in whole:
        whole[job["job"]](job)
        return
    work, how = jobs[job["job"]](job)
    print(json.dumps({"ready": how}), flush=True)
    for _ in sys.stdin:
        before = time.process_time()
        seconds = seconds_of(work)
        print(json.dumps({"seconds": seconds, "busy": time.process_time() - before}), flush=True)


def fastest(ways):
    """The fastest of several ways, by name, to do the same work: one call to warm up, then the best of two."""
    times = {}
    for name, work in ways.items():
        work()
        times[name] = min(seconds_of(work) for _ in range(2))
    best = min(times, key=times.get)
    return ways[best], best


def seconds_of(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
