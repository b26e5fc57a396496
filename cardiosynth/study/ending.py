"""How a command ends: whatever went wrong is one sentence on the error stream and an exit status, never a traceback."""

import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from cardiosynth.study.errors import InputError

UNEXPECTED, BAD_INPUT, INTERRUPTED = 1, 2, 130
LOG = "cardiosynth-error.log"
MEMORY = "not enough memory; close other programs, use fewer --workers or --cores, or a machine with more"
KILLED = "a worker process was killed, most often because memory ran out; use fewer --workers, or a machine with more memory"
NAME = "a file or folder has a name that is no UTF-8 here; rename it, or call the command with LC_ALL=C.UTF-8"
ADVICE = {
    "EACCES": "you may not read or write there: name another place, or have the permission changed",
    "EPERM": "you may not read or write there: name another place, or have the permission changed",
    "EROFS": "name a folder that can be written",
    "ENOSPC": "make room there, or name a folder on another disk",
    "EDQUOT": "make room within your quota, or name a folder elsewhere",
    "EFBIG": "raise the limit on the size of files (ulimit -f), or name a folder on another disk",
    "ENAMETOOLONG": "give it a shorter name",
    "EEXIST": "something of that name is there already: name another",
    "ENOTDIR": "a file stands where a folder is needed",
    "EISDIR": "a folder stands where a file is needed",
    "ENOENT": "check the name",
    "ENOTEMPTY": "another program is writing there: name another folder",
    "ELOOP": "links lead in a circle: name the file itself",
    "EMFILE": "raise the limit on open files (ulimit -n), or use fewer --workers",
    "ENFILE": "close other programs, or use fewer --workers",
    "EBUSY": "another program uses it: close that first",
    "EIO": "the disk or network drive cannot be read: copy the files elsewhere",
    "ESTALE": "the network drive has lost it: call the command again",
}


def guarded(command: Callable[[], None]) -> int:
    """Call a command and return its exit status: 0 (or it leaves by SystemExit with its own), 2 for bad input and for what the system
    refuses, 130 for an interruption, 1 for what nobody expected, whose traceback goes to a file."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a sign that the terminal lacks ends nothing
    try:
        try:
            command()
        finally:
            if sys.stdout:  # there is none where it was closed
                sys.stdout.flush()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _say("interrupted")
        raise
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # nobody reads on, as after '| head'
        _let_go()
        return UNEXPECTED
    except Exception as error:
        _let_go()
        known = expected(error)
        _say(reason(error) if known else f"{reason(error)}; {_kept(error)}")
        return BAD_INPUT if known else UNEXPECTED
    return 0


def expected(error: Exception) -> bool:
    """Whether the error is the user's to mend, rather than the program's: bad input, what the system refuses, memory."""
    return isinstance(error, InputError) or isinstance(error, OSError) and error.errno is not None or _known(error) is not None


def reason(error: Exception) -> str:
    """What went wrong, in one sentence: an InputError's own, a file with what the system says of it and what to do, or the error's type."""
    if isinstance(error, InputError):
        return str(error)
    if known := _known(error):
        return known
    if isinstance(error, OSError) and error.errno is not None:
        name = error.filename if isinstance(error.filename, (str, os.PathLike)) else os.fsdecode(error.filename or b"reading or writing a file")
        advice = ADVICE.get(errno.errorcode.get(error.errno, ""))
        return f"{name}: {(error.strerror or str(error)).lower()}" + (f"; {advice}" if advice else "")
    return f"unexpected {type(error).__name__}" + (f": {text}" if (text := " ".join(str(error).split())) else "")


def _known(error: Exception) -> str | None:
    """The sentence for want of memory, in the forms that Python, torch and a pool of processes give it, and for names that cannot be written."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error):
        return MEMORY
    if isinstance(error, UnicodeEncodeError) and "surrogates not allowed" in str(error):
        return NAME
    return KILLED if type(error).__name__ == "BrokenProcessPool" else None


def _kept(error: Exception) -> str:
    """Where the traceback was written: the working folder, else the temporary one."""
    text = "".join(traceback.format_exception(error))
    for folder in (os.getcwd, tempfile.gettempdir):
        try:
            path = Path(folder()) / LOG
            with open(path, "a", encoding="utf-8", errors="backslashreplace") as log:
                log.write(f"$ {' '.join(sys.argv)}\n{text}\n")
            return f"please report it with {path}, which says where"
        except OSError:
            continue
    return f"please report it ({text.splitlines()[-2].strip()})"


def _let_go() -> None:
    """Keep Python from complaining, at its end, of a standard output that takes nothing more."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(sentence: str) -> None:
    print(f"cardiosynth: {sentence}", file=sys.stderr, flush=True)
