"""What the proofs tell real processes to do, and how they listen to them."""

#: Lets a process stop right before or after a method, and say so.
PAUSE = """
def pause(when, model, method, turn=1):
    import functools, time
    owner = env.registry[model]
    original = getattr(owner, method)
    calls = []
    @functools.wraps(original)
    def wrapped(*args, **kwargs):
        calls.append(1)
        here = len(calls) == turn
        if here and when == "before":
            print("paused", flush=True)
            time.sleep(300)
        result = original(*args, **kwargs)
        if here and when == "after":
            print("paused", flush=True)
            time.sleep(300)
        return result
    setattr(owner, method, wrapped)
"""

#: Lets a process wait until a file is there.
WAIT = """
def wait(path):
    import os, time
    print("waiting", flush=True)
    while not os.path.exists(path):
        time.sleep(0.002)
"""

#: Runs a step as a request does: again, where the database asks for it.
RETRY = """
from odoo.service.model import retrying
def step(function):
    result = retrying(function, env)
    env.cr.commit()
    return result
"""


def heard(process, word):
    """Read what a process says until it says ``word``."""
    for line in process.stdout:
        if line.strip() == word:
            return
    raise AssertionError(f"the process ended without {word!r}: {process.stderr.read()}")


def finish(*processes):
    outputs = []
    for process in processes:
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        outputs.append(output)
    return outputs
