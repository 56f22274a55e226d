"""Files of strangers, by the hundred thousand: each is a model or a FileFormatError.

``python -m tests.campaigns.files [--count 1000000] [--seed 1] [--minutes 20]``

Four parts: every bit of a small file of each format flipped, and every length; a few edits at
random, of whole files and of members, with corrected sums; files made by atheris, guided by the
lines of minidl that a file reaches; and the same for data files. Any other error, more than 10 s
for a file, or more than 512 MiB beyond the imports' memory, ends the campaign with the cause.
Loaded models are also used, saved and loaded again.

Needs atheris: ``pip install 'minidl[fuzz]'``.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.campaigns import write

INSTRUMENTED = ["minidl.saving", "minidl.datasets", "minidl.checks", "minidl.layers"]
MORE, SECONDS = 512 << 20, 10


def exhaust() -> dict[str, int]:
    """Every bit and every length of both examples; results by name and how many."""
    from tests.saving import hostile

    results: Counter[str] = Counter()
    for number, content in hostile.FILES.items():
        for place in range(8 * len(content)):
            changed = bytearray(content)
            changed[place // 8] ^= 1 << place % 8
            results[f"format {number}, a bit: {hostile.load_file(bytes(changed))}"] += 1
        for length in range(len(content)):
            results[f"format {number}, cut: {hostile.load_file(content[:length])}"] += 1
    return dict(results)


def scatter(count: int, seed: int, seconds: float) -> dict[str, int]:
    """Files with one to four edits at random; results by name and how many."""
    from tests.saving import hostile

    chance, results = random.Random(seed), Counter[str]()
    end = time.monotonic() + seconds
    for number in range(count):
        if time.monotonic() > end:
            break
        # Of whole files, of one member, of entries of the configuration; of both formats.
        kind = (1, 5, 3)[number % 3] + hostile.KINDS * chance.randrange(2)
        place = chance.randbytes(1) if number % 3 == 1 else b""
        data = bytes([kind]) + place + chance.randbytes(4 * chance.randrange(1, 5))
        results[hostile.load(data)] += 1
    return dict(results)


def fuzz(target: str, results: Path, options: list[str]) -> None:
    """Let atheris make files, in a separate process, which ends with atheris."""
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED):
        from tests.saving import hostile

    run = hostile.load if target == "models" else hostile.read_data
    counts: Counter[str] = Counter()
    run(hostile.seeds()[target][0])  # what is made once, is now
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MORE,) * 2)

    def one(data: bytes) -> None:
        counts[run(data)] += 1
        if counts.total() % 500 == 0:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            results.write_text(json.dumps({**counts, "most memory, MiB": memory}))

    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


def fuzzed(target: str, count: int, seed: int, seconds: int) -> dict[str, int]:
    """Outcomes of ``count`` files, or of as many as the time allows."""
    from tests.saving import hostile

    with tempfile.TemporaryDirectory() as folder:
        corpus, results = Path(folder) / "corpus", Path(folder) / "results.json"
        corpus.mkdir()
        for number, data in enumerate(hostile.seeds()[target]):
            (corpus / f"seed-{number}").write_bytes(data)
        options = [
            *(f"-runs={count}", f"-seed={seed}", f"-max_total_time={seconds}"),
            *(f"-timeout={SECONDS}", "-rss_limit_mb=0", "-max_len=8192", "-verbosity=0"),
            *(f"-artifact_prefix={Path.cwd()}/failed-{target}-", str(corpus)),
        ]
        command = [sys.executable, "-m", "tests.campaigns.files", "--fuzz", target, str(results)]
        done = subprocess.run([*command, *options])
        if done.returncode:
            raise SystemExit(f"{target}: see the file failed-{target}-… in this folder")
        found: dict[str, int] = json.loads(results.read_text())
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=20)
    given = parser.parse_args()
    start = time.monotonic()
    figures = {"every bit, every length": exhaust()}
    print(figures, flush=True)
    left = given.count - sum(figures["every bit, every length"].values())
    end = start + 60 * given.minutes

    def seconds(share: float) -> int:
        return max(int(share * (end - time.monotonic())), 10)

    figures["edits at random"] = scatter(left // 2, given.seed, seconds(0.4))
    print(figures["edits at random"], flush=True)
    left -= sum(figures["edits at random"].values())
    for target, share in (("models", 0.75), ("data", 1.0)):
        wanted = max(int(share * left), 1000)
        figures[target] = fuzzed(target, wanted, given.seed, seconds(share))
        left -= figures[target].get("loaded", 0) + figures[target].get("refused", 0)
        print(target, figures[target], flush=True)
    total = sum(n for part in figures.values() for name, n in part.items() if "MiB" not in name)
    print(f"{total:,} files in {time.monotonic() - start:.0f} s")
    options = f"--count {given.count} --seed {given.seed} --minutes {given.minutes:g}"
    command = f"python -m tests.campaigns.files {options}"
    write("files", command, given.seed, {"files": total, **figures})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fuzz"]:
        fuzz(sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
    else:
        main()
