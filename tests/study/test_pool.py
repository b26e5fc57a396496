"""Jobs in processes: errors arrive as what they are, no job begins after one, and no worker outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import psutil
import pytest

from cardiosynth.study.errors import InputError
from cardiosynth.study.pool import pool, run_in_order

pytestmark = pytest.mark.slow  # processes start


class Unreadable(Exception):
    """An error that can be sent and not received: it is made of two values and keeps one."""

    def __init__(self, place, words):
        super().__init__(f"{place}: {words}")


def fail_unreadably(job):
    raise Unreadable("here", job)


def test_an_error_that_cannot_travel_arrives_as_its_words():
    with pytest.raises(RuntimeError, match="Unreadable: here: job"):
        run_in_order({"job": set()}, fail_unreadably, workers=1)


def work(folder, job):
    (folder / job).touch()
    if job == "bad":
        raise InputError("bad.csv: no such file")
    time.sleep(2)


def test_an_error_is_said_at_once_and_only_the_jobs_at_work_end_after_it(tmp_path, capsys):
    with pytest.raises(InputError, match="bad.csv"):
        run_in_order({name: set() for name in ("slow", "bad", "third", "fourth")}, partial(work, tmp_path), workers=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "slow"]
    assert capsys.readouterr().err == "    bad.csv: no such file\n    (waiting for 1 at work)\n"


def test_a_job_waits_for_those_that_it_needs(tmp_path):
    order = {"second": {"first"}, "first": set(), "third": {"second"}}
    run_in_order(order, partial(work, tmp_path), workers=2)
    assert sorted(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns) == [tmp_path / name for name in ("first", "second", "third")]


def interrupt(_):
    return signal.getsignal(signal.SIGINT) == signal.SIG_DFL


def test_ctrl_c_ends_a_worker_without_a_traceback():
    with pool(1) as processes:
        assert processes.submit(interrupt, None).result()


def test_workers_end_with_a_parent_that_is_killed():
    program = (
        "import os, time; from cardiosynth.study.pool import pool\n"
        "if __name__ == '__main__':\n"
        "    with pool(2) as processes:\n"
        "        print(processes.submit(os.getpid).result(), flush=True)\n"
        "        processes.submit(time.sleep, 60).result()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, encoding="utf-8") as parent:
        worker = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
        gone, alive = psutil.wait_procs([worker], timeout=10)
    assert gone and not alive


def test_a_process_and_what_it_started_end_with_the_parent_that_it_watches():
    watching = (
        "import os, subprocess, sys, time; from cardiosynth.study.pool import end_with; end_with(os.getppid())\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(os.getpid(), child.pid, flush=True); time.sleep(60)\n"
    )
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {watching!r}])"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, encoding="utf-8") as parent:
        processes = [psutil.Process(int(number)) for number in parent.stdout.readline().split()]
        parent.kill()
        assert len(processes) == 2 and not psutil.wait_procs(processes, timeout=10)[1]
