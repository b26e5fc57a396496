"""Kernels that begin as a copy of a process with the libraries loaded, where the system can fork: a page then starts at once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from multiprocessing import get_all_start_methods, get_context

from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from cardiosynth.study.pool import end_with_parent

NAME = "preloaded"
PRELOAD = ("ipykernel.kernelapp", "pandas", "seaborn", "cardiosynth.figures.style", "cardiosynth.figures.formatting", "torch")


class Preloaded(LocalProvisioner):
    """Launches a kernel by a fork instead of a command."""

    async def launch_kernel(self, cmd, **kwargs):
        """Start the kernel of the command's connection file, in its folder and environment."""
        self.process = _Kernel(cmd[cmd.index("-f") + 1], kwargs.get("cwd"), kwargs.get("env", {}))
        self.pid = self.process.pid
        return self.connection_info


@contextmanager
def preloaded() -> Iterator[None]:
    """Kernels that are started within the block are copies, where the system can fork."""
    factory = KernelProvisionerFactory.instance()
    usual = factory.default_provisioner_name
    if "forkserver" in get_all_start_methods():
        factory.provisioners[NAME] = EntryPoint(NAME, f"{__name__}:{Preloaded.__name__}", factory.GROUP_NAME)
        factory.default_provisioner_name = NAME
    try:
        yield
    finally:
        factory.default_provisioner_name = usual


class _Kernel:
    """A process with the part of ``subprocess.Popen`` that a provisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, connection_file: str, folder: str | None, environment: dict):
        context = get_context("forkserver")
        context.set_forkserver_preload([*PRELOAD])  # a worker of a pool has a server of its own
        self.process = context.Process(target=_serve, args=(connection_file, folder, environment), daemon=True)
        self.process.start()
        self.pid = self.process.pid

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self) -> int | None:
        self.process.join()
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()


def _serve(connection_file: str, folder: str | None, environment: dict) -> None:
    from ipykernel.kernelapp import IPKernelApp

    end_with_parent()
    os.environ.update(environment)
    if folder:
        os.chdir(folder)
    # a parent named spares the terminal the words on how to connect
    IPKernelApp.launch_instance(argv=["-f", connection_file, f"--IPKernelApp.parent_handle={os.getppid()}"])
