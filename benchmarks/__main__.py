"""Runs benchmarks and says which goals they reach."""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import sys
import sysconfig
from importlib import import_module
from pathlib import Path

import psutil

from benchmarks.result import Result, table

ALL = (
    *("latency", "everything", "throughput", "tickets", "nothing_new", "history", "growth"),
    *("memory", "sweep", "rate", "models", "lake"),
)
# An hour or two: only if it is named.
LONG = ("tens_of_millions",)


def forget_libraries() -> None:
    """Has the kernel read shared libraries anew, as on any day after they were installed.

    What was just written lies in its page cache in large pieces, and it maps whole ones: 45 MB more
    of resident memory, for nothing.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    os.sync()
    for library in Path(sysconfig.get_path("platlib")).rglob("*.so*"):
        with library.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def compile_modules() -> None:
    """Has Python compile what it imports, as an installation or a first run does.

    Where PYTHONDONTWRITEBYTECODE is set, and the installation did not, each command would compile
    Dagster again: five seconds of processor time.
    """
    for folder in (sysconfig.get_path("platlib"), Path(__file__).parents[1] / "intercom_assets"):
        compileall.compile_dir(folder, quiet=2)


def main() -> None:
    """Runs those that are named, or all but the long ones.

    Raises:
        SystemExit: With 1 when a goal was missed.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "name", nargs="*", help=f"{', '.join((*ALL, *LONG))}; all but the last by default"
    )
    names = parser.parse_args().name or ALL
    if unknown := set(names) - {*ALL, *LONG}:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    compile_modules()
    forget_libraries()
    results: list[Result] = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        for result in import_module(f"benchmarks.{name}").run():
            results.append(result)
            print(table([result]).splitlines()[-1], file=sys.stderr, flush=True)
    memory = psutil.virtual_memory().total / 2**30
    print(
        f"\n{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}\n"
    )
    print(table(results))
    sys.exit(not all(result.reached for result in results))


if __name__ == "__main__":
    main()
