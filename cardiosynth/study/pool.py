"""Processes side by side: each computes in one thread and ends with its parent."""

import os
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from graphlib import TopologicalSorter
from importlib import import_module
from multiprocessing import get_all_start_methods, get_context, parent_process
from threading import Thread

from cardiosynth.study.provenance import one_thread


def pool(workers: int, preload: Iterable[str] = ()) -> ProcessPoolExecutor:
    """A pool of processes. preload: modules that each has loaded, once for all where the system can fork and none was forked before."""
    method = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
    context = get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([*preload])
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=([*preload],))


def _begin(preload: list[str]) -> None:
    """A worker computes in one thread, and ends when its parent is killed, which tells it nothing."""
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


def run_in_order(jobs: dict, call: Callable, workers: int, preload: Iterable[str] = ()) -> None:
    """Call a function of every job in a pool, each after those that it needs, otherwise in the order given.

    jobs: to each job the jobs that must be done before it. The first error ends the run, when the jobs begun have ended.
    """
    order = TopologicalSorter(jobs)
    order.prepare()
    running: dict[Future, Hashable] = {}
    with pool(workers, preload) as processes:
        try:
            while order.is_active():
                running |= {processes.submit(call, job): job for job in order.get_ready()}
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    future.result()
                    order.done(running.pop(future))
        finally:
            processes.shutdown(cancel_futures=True)
