"""How much sooner two workers end than one: `python -m benchmarks.scaling titanic --seeds 20`.

Each executor computes the same groups; workers have begun, and loaded torch, before the clock starts. What is not done
by workers is the serial part.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipelines.data.sources import locate
from pipelines.data.tables import read
from pipelines.executors.cluster import Cluster
from pipelines.executors.processes import Processes
from pipelines.executors.threads import Executor
from pipelines.features.frames import make_features
from pipelines.settings.knobs import Knobs
from pipelines.settings.lookup import folder_of, load
from pipelines.settings.plan import make_plan
from pipelines.validation.crossval import Plan, cross_validate


def executors(slug: str, most: int) -> dict[str, Callable[[], Executor]]:
    """Those that are compared, one worker and several."""
    made: dict[str, Callable[[], Executor]] = {"threads": Executor}
    for n in (1, most):
        made[f"--jobs {n}"] = lambda n=n: Processes(n)  # type: ignore[misc]
        made[f"--cluster local:{n}"] = lambda n=n: Cluster(f"local:{n}", folder_of(slug))  # type: ignore[misc]
    return made


@contextmanager
def open_seconds(executor: Executor) -> Iterator[list[float]]:
    """The seconds that each pool of an executor is open."""
    found, plain = list[float](), executor.open

    @contextmanager
    def timed(*args: Any) -> Iterator[Any]:
        started = time.perf_counter()
        with plain(*args) as opened:
            yield opened
        found.append(time.perf_counter() - started)

    executor.open = timed  # type: ignore[method-assign]
    yield found


def measure(competition: Any, features: Any, plan: Plan, executor: Executor) -> dict[str, Any]:
    """One cross-validation, after one of an epoch that all workers begin with."""
    with executor, open_seconds(executor) as opened:
        began = time.perf_counter()
        variants = {name: replace(v, recipe=replace(v.recipe, epochs=1)) for name, v in plan.networks.items()}
        cross_validate(competition, features, replace(plan, executor=executor, variants=variants, seeds=1))
        ready = time.perf_counter()
        opened.clear()
        result = cross_validate(competition, features, replace(plan, executor=executor))
        seconds = time.perf_counter() - ready
    said = hashlib.sha256(result.oof.tobytes() + result.test.tobytes()).hexdigest()[:12]
    return {"begin": ready - began, "seconds": seconds, "serial": seconds - sum(opened), "bytes": said}


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure, print a line each, and JSON in the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="a part of the names of executors")
    given = parser.parse_args()
    competition = load(given.name)
    knobs = Knobs(data=given.data, seeds=given.seeds, epochs=given.epochs, shares=given.workers, device="cpu")
    plan, started = make_plan(competition, knobs), time.perf_counter()
    features = make_features(competition, read(competition, locate(competition, knobs.data)))
    found: dict[str, Any] = {"reading": time.perf_counter() - started}
    say(f"{'reading and features':<22}{found['reading']:8.1f} s")
    for name, make in executors(competition.slug, given.workers).items():
        if given.only in name:
            found[name] = each = measure(competition, features, plan, make())
            say(
                f"{name:<22}{each['seconds']:8.1f} s, of which serial {each['serial']:.1f} s; bytes {each['bytes']}; "
                f"before it, to begin: {each['begin']:.1f} s"
            )
    say(json.dumps(found))


if __name__ == "__main__":
    main()
