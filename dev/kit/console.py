"""What a person sees: steps with their time, and failures in one sentence."""

import contextlib
import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import layout

HEARTBEAT = 15  # seconds between two signs of life where there is no terminal


class Failure(Exception):
    """An expected failure; its text is the one sentence that says what to do."""


class DiskFull(Failure):
    """The one failure that no other way around helps against."""

    def __init__(self):
        super().__init__(
            f"The disk of {layout.DEV} is full: free a few gigabytes and run this again."
        )


def say(text=""):
    """Print one line at once, also into a pipe."""
    print(text, flush=True)


def note(text):
    """Print a remark that stops nothing."""
    say(f"  note: {text}")


@contextlib.contextmanager
def step(title):
    """Show that a long step runs, and how long it took once it has ended."""
    started = time.monotonic()
    ended = threading.Event()
    ticker = threading.Thread(target=_tick, args=(title, started, ended), daemon=True)
    live = sys.stdout.isatty()
    print(f"{title} ...", end="" if live else "\n", flush=True)
    ticker.start()
    outcome = "failed after"
    try:
        yield
        outcome = "done in"
    finally:
        ended.set()
        ticker.join()
        seconds = time.monotonic() - started
        say(f"{chr(13) if live else ''}{title}: {outcome} {seconds:.1f} s")


def _tick(title, started, ended):
    live = sys.stdout.isatty()
    while not ended.wait(1 if live else HEARTBEAT):
        seconds = int(time.monotonic() - started)
        if live:
            print(f"\r{title} ... {seconds} s", end="", flush=True)
        else:
            say(f"  still at it after {seconds} s")


def run(command, log, advice, **options):
    """Run a command quietly into ``.dev/logs/<log>.log``.

    :param advice: what to do when it fails; ends up in the one sentence
    :raise Failure: when the command is missing or returns non-zero
    """
    path = layout.LOGS / f"{log}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as output:
        output.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        output.flush()
        start = output.tell()
        options.setdefault("stdin", subprocess.DEVNULL)
        try:
            code = subprocess.run(
                command, stdout=output, stderr=subprocess.STDOUT, check=False, **options
            ).returncode
        except FileNotFoundError as error:
            raise Failure(f"The program {command[0]} was not found: {advice}.") from error
    if code:
        _raise_known_cause(path, start)
        raise Failure(f"{advice[0].upper()}{advice[1:]} (log: {path}).")


def _raise_known_cause(path, start):
    """Recognise the causes that call for other advice than the command's own."""
    with path.open("rb") as file:
        file.seek(start)
        text = file.read().decode(errors="replace").lower()
    if "no space left on device" in text:
        raise DiskFull
    if "temporary failure in name resolution" in text or "network is unreachable" in text:
        raise Failure(f"There is no network: connect this machine and run this again ({path}).")


def guarded(main):
    """Run a command's ``main`` and turn expected failures into one sentence.

    :return: the exit code
    """
    try:
        return main(sys.argv[1:]) or 0
    except Failure as failure:
        sentence = str(failure)
    except BrokenPipeError:  # who read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sentence = str(DiskFull())
        elif isinstance(error, PermissionError) and error.filename:
            sentence = f"{error.filename} belongs to another account: run this as its owner."
        else:
            raise
    except KeyboardInterrupt:
        sentence = "Stopped."
    print(sentence, file=sys.stderr, flush=True)
    return 1


def pid_alive(pid):
    """Tell whether a process of this id exists (it may be another account's)."""
    return Path("/proc", str(pid)).exists() or _answers(pid)


def _answers(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
