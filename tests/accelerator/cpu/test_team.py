"""Teams: every part runs its share of every list, awake or asleep."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from minidl.accelerator.cpu.commands import Command, listed
from minidl.accelerator.cpu.elementwise import elementwise
from minidl.accelerator.cpu.machine.machine_code import generated
from minidl.accelerator.cpu.shares import COLUMNS, ROWS
from minidl.accelerator.cpu.team import mail
from minidl.accelerator.cpu.team.team import Team, wanted_parts
from minidl.accelerator.cpu.team.team import team as the_team
from minidl.backend import fused
from minidl.backend.addresses import address

team_module = sys.modules["minidl.accelerator.cpu.team.team"]
PARTS = 5  # the most that a test has


# Parts and threads.
@pytest.fixture(params=[(1, 1), (2, 2), (3, 3), (5, 5), (5, 2), (3, 1)], ids=str)
def team(request):
    made = Team(*request.param)
    assert (made.parts, made.threads) == request.param
    yield made
    made.stop()


def run(team, commands):
    words = listed(commands)
    run_words(team, words)


def run_words(team, words, times=1):
    record = np.array([address(words), len(words), times, 7, team.parts, 0])
    team.run(address(record))
    assert record[mail.TIMES] == (7 if times else 0)  # how often it is to run the next time


MARK = """
from minidl.accelerator.cpu.machine.lowlevel import at
from minidl.accelerator.cpu.machine.values import int64


def command(block, part, parts):
    # Count the calls of each part; note how many there are.
    words = at(block, int64)
    words[8 * part] += 1
    words[8 * part + 1] = parts
"""


def marks():
    return Command("mark", generated("mark", MARK), np.zeros(8 * (PARTS + 1), np.int64), [], None)


@fused
def one_more(x):
    return x + 1


def stairs(steps):
    """Commands that bring x from 0 to ``steps``, each of which has to wait for the last."""
    x, y = np.zeros((80, 80)), np.zeros((80, 80))
    up = elementwise(one_more.program([x], [y]), {0: x}, [y], axis=ROWS)
    back = elementwise(one_more.program([y], [x]), {0: y}, [x], axis=COLUMNS)
    commands = [up, back] * (steps // 2)
    assert listed(commands)[1:, 2].all()
    return x, commands


def climb(team, times, steps=20):
    x, commands = stairs(steps)
    words = listed(commands)
    for k in range(times):
        run_words(team, words)
        assert np.all(x == steps * (k + 1))


def asleep(team):
    """How many of its threads sleep."""
    return int(team._memory[mail.SLEEPERS // 8])


def wait_until_asleep(team):
    end = time.monotonic() + 60
    while asleep(team) < team.threads - 1:
        assert time.monotonic() < end, "the team does not go to sleep"
        time.sleep(0.001)


def test_each_part_runs_each_command_once(team):
    made = marks()
    for k in range(1, 50):
        run(team, [made] * 3)
        calls = made.block.reshape(-1, 8)
        assert calls[: team.parts, 0].tolist() == [3 * k] * team.parts
        assert calls[: team.parts, 1].tolist() == [team.parts] * team.parts
        assert not calls[team.parts :].any()


def test_an_empty_list(team):
    for _ in range(10):
        run(team, [])
    climb(team, 1)


def test_a_list_runs_as_often_as_its_record_says(team):
    made = marks()
    words = listed([made] * 2)
    for times in (3, 0, 1):
        made.block[:] = 0
        run_words(team, words, times)
        assert made.block.reshape(-1, 8)[: team.parts, 0].tolist() == [2 * times] * team.parts


def test_parts_wait_where_the_list_says(team):
    climb(team, 100)


def test_it_wakes_up(team):
    for _ in range(5):
        climb(team, 2)
        wait_until_asleep(team)
        climb(team, 1)


def test_it_may_be_called_when_it_is_about_to_sleep(team):
    """Pauses of about as long as a part looks for the next list: some sleep, others do not yet."""
    x, commands = stairs(4)
    words = listed(commands)
    rng = np.random.default_rng(0)
    for k in range(300):
        run_words(team, words)
        assert np.all(x == 4 * (k + 1))
        time.sleep(rng.uniform(0, 0.003))


def system_threads():
    return len(os.listdir("/proc/self/task"))


def become(count: int) -> bool:
    """Whether there are so many threads of the process within ten seconds, or fewer."""
    until = time.monotonic() + 10
    while system_threads() > count and time.monotonic() < until:
        time.sleep(0.01)
    return system_threads() <= count


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="no list of threads in /proc")
@pytest.mark.parametrize("state", ["awake", "asleep", "never called"])
@pytest.mark.parametrize("parts", [1, 2, PARTS])
def test_stop_ends_its_threads(parts, state):
    before = system_threads()
    team = Team(parts, parts)
    assert system_threads() == before + parts - 1
    if state != "never called":
        climb(team, 1)
    if state == "asleep":
        wait_until_asleep(team)
    team.stop()
    assert become(before)  # a thread that compiles may end meanwhile
    assert team.threads == 1
    climb(team, 2)  # by the caller alone


def test_where_the_system_makes_no_thread_the_caller_does_all(monkeypatch):
    class Library:
        """The C library, which makes one thread and no more."""

        made = 0

        def __init__(self, library):
            self.library = library

        def __getattr__(self, name):
            return getattr(self.library, name)

        def pthread_create(self, *arguments):
            self.made += 1
            return self.library.pthread_create(*arguments) if self.made == 1 else 11

    library = Library(team_module._library())
    monkeypatch.setattr(team_module, "_library", lambda: library)
    team = Team(3, 3)
    assert (team.parts, team.threads, library.made) == (3, 1, 2)
    climb(team, 2)
    monkeypatch.setattr(team_module, "_library", lambda: None)
    team = Team(3, 3)
    assert (team.parts, team.threads) == (3, 1)
    climb(team, 2)
    team.hold()
    team.release()
    team.stop()


def test_a_list_waits_while_lists_are_held_back(team):
    x, commands = stairs(2)
    team.hold()
    thread = threading.Thread(target=run, args=(team, commands))
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    assert np.all(x == 0)
    team.release()
    thread.join()
    assert np.all(x == 2)
    team.release()  # once more: nothing is held
    climb(team, 1)


def test_threads_of_python_take_turns(team):
    failed = []

    def work():
        try:
            climb(team, 100)
        except AssertionError as error:
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failed


def test_teams_beside_each_other():
    teams = [Team(2, 2), Team(3, 3)]
    for _ in range(5):
        for team in teams:
            climb(team, 2)
    for team in teams:
        team.stop()


def test_the_process_has_one_team(parts):
    assert the_team() is the_team()
    assert the_team().parts == parts
    climb(the_team(), 3)


# Processes ---------------------------------------------------------------------------------

FORK = """
import os, sys
from minidl.accelerator.cpu.team.team import team
sys.modules["minidl.accelerator.cpu.team.team"].processors = lambda: 8
from tests.accelerator.cpu.test_team import climb, wait_until_asleep

parts, sleeps = int(sys.argv[1]), sys.argv[2] == "asleep"
first = team()
assert first.parts == parts
climb(first, 2)
if sleeps:
    wait_until_asleep(first)
child = os.fork()
if child == 0:
    assert team() is not first and team().parts == parts
    climb(team(), 3)
    print("child", flush=True)
    sys.exit(7)  # the ordinary way, with all that happens at exit
climb(first, 2)
assert team() is first
status = os.waitpid(child, 0)[1]
assert os.waitstatus_to_exitcode(status) == 7
print("parent", flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork")
@pytest.mark.parametrize("state", ["awake", "asleep"])
@pytest.mark.parametrize("parts", [1, 3], ids=str)
def test_a_forked_child_makes_a_team_of_its_own(parts, state):
    made = subprocess.run(
        [sys.executable, "-c", FORK, str(parts), state],
        env={**os.environ, "OMP_NUM_THREADS": str(parts)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (made.stdout.split(), made.returncode) == (["child", "parent"], 0), made.stderr


# How many ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "count"),
    [("1", 1), ("2", 2), ("2,1", 2), (" 3 , 1", 3), ("8", 8), ("9", 8), ("100", 8)],
)
def test_the_environment_says_how_many_threads(value, count, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    for processors in (64, 2):  # more threads than processors would only wait for each other
        monkeypatch.setattr(team_module, "processors", lambda p=processors: p)
        assert wanted_parts() == min(count, processors)


@pytest.mark.usefixtures("quota")
@pytest.mark.parametrize("value", ["", "abc", "0", "-2", "2.5", ",2", None])
def test_where_it_does_not_they_are_the_processors_of_the_process(value, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if value is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", value)
    for processors, count in [({3}, 1), ({0, 1, 7}, 3), (set(range(64)), 8)]:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, p=processors: p, raising=False)
        assert wanted_parts() == count


@pytest.fixture
def quota(tmp_path, monkeypatch):
    """The file that says how much processor time a container has."""
    path = tmp_path / "cpu.max"
    monkeypatch.setattr(team_module, "_QUOTA", path)
    return path


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("max 100000", 4),
        ("100000 100000", 1),
        ("150000 100000", 2),
        ("1 9", 1),
        ("900 100", 4),
        ("", 4),
    ],
)
def test_a_container_may_use_its_share_of_time(text, count, quota, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    quota.write_text(text)
    assert team_module.processors() == count


@pytest.mark.usefixtures("quota")
@pytest.mark.parametrize(("processors", "count"), [(None, 1), (1, 1), (6, 6), (64, 8)])
def test_or_those_of_the_machine(processors, count, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert wanted_parts() == count
