"""Processes side by side: each computes in one thread and ends with its parent."""

import os
import signal
import sys
import time
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from graphlib import TopologicalSorter
from importlib import import_module
from multiprocessing import get_all_start_methods, get_context, parent_process
from multiprocessing.reduction import ForkingPickler
from threading import Thread

import psutil

from cardiosynth.study.ending import reason
from cardiosynth.study.provenance import one_thread


def pool(workers: int, preload: Iterable[str] = ()) -> ProcessPoolExecutor:
    """A pool of processes. preload: modules that each has loaded, once for all where the system can fork and none was forked before."""
    method = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
    context = get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([*preload])
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=([*preload],))


def _begin(preload: list[str]) -> None:
    """A worker computes in one thread; it ends without a word at Ctrl-C, as its parent says one, and when its parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for module in preload:  # before the threads are set, which are those of what is loaded
        import_module(module)
    one_thread()
    end_with_parent()


def end_with_parent() -> None:
    """Let this process end when the one that started it does, even when that is killed, which tells it nothing."""
    parent = parent_process()

    def wait_for_end() -> None:
        if parent:
            parent.join()
            os._exit(1)

    Thread(target=wait_for_end, daemon=True).start()


def end_with(parent: int) -> None:
    """Let this process, and all that it has started, end when its parent of that number does, even when that is killed."""

    def wait_for_end() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):  # it may have ended by itself
                process.kill()
        os._exit(1)

    Thread(target=wait_for_end, daemon=True).start()


def run_in_order(jobs: dict, call: Callable, workers: int, preload: Iterable[str] = ()) -> None:
    """Call a function of every job in a pool, each after those that it needs, otherwise in the order given.

    jobs: to each job the jobs that must be done before it. The first error is said at once and ends the run, when the jobs at work have ended.
    """
    order = TopologicalSorter(jobs)
    order.prepare()
    ready: list[Hashable] = []
    running: dict[Future, Hashable] = {}
    with pool(workers, preload) as processes:
        while order.is_active():
            ready += order.get_ready()
            while ready and len(running) < workers:  # no more, or they would all have to end after an error
                job = ready.pop(0)
                running[processes.submit(partial(_call, call), job)] = job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                error = future.exception()
                if running and isinstance(error, Exception) and not isinstance(error, BrokenProcessPool):  # in which all have ended
                    print(f"    {reason(error)}\n    (waiting for {len(running)} at work)", file=sys.stderr, flush=True)
                future.result()
                order.done(job)


def _call(call: Callable, job: Hashable) -> None:
    """Do a job in a worker. An error that cannot travel to the parent does so as its words, or it would look like a killed worker."""
    try:
        call(job)
    except Exception as error:
        try:
            ForkingPickler.loads(ForkingPickler.dumps(error))
        except Exception:
            raise RuntimeError(f"{type(error).__name__}: {error}") from error
        raise
