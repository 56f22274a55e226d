"""Teams: every part runs its share of every list, awake or asleep."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numba
import numpy as np
import pytest

from minidl.backend import fused
from minidl.backend.layout import address
from minidl.backend.native.commands import Command, listed
from minidl.backend.native.compiled.lowlevel import at
from minidl.backend.native.elementwise import elementwise
from minidl.backend.native.shares import COLUMNS, ROWS
from minidl.backend.native.team import Team, threads
from minidl.backend.native.team import team as the_team

team_module = sys.modules["minidl.backend.native.team"]
PARTS = 5  # the most that a test has


@pytest.fixture(params=[1, 2, 3, PARTS])
def team(request):
    made = Team(request.param)
    yield made
    made.stop()


def run(team, commands):
    words = listed(commands)
    team.run(address(words), len(words), 1)


@numba.cfunc("void(int64, int64, int64)")
def _mark(block, part, parts):
    """Count the calls of each part; note how many there are."""
    words = at(block, numba.types.int64)
    words[8 * part] += 1
    words[8 * part + 1] = parts


def marks():
    return Command("mark", _mark.address, np.zeros(8 * (PARTS + 1), np.int64), [], None)


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
        team.run(address(words), len(words), 1)
        assert np.all(x == steps * (k + 1))


def asleep(team):
    """How many of its threads sleep."""
    first = team_module.ASLEEP // 8 + (team._mail - team._words.ctypes.data) // 8
    return int(sum(team._words[first + 8 * part] for part in range(1, team.parts)))


def wait_until_asleep(team):
    end = time.monotonic() + 60
    while asleep(team) < team.parts - 1:
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
        team.run(0, 0, 1)
    climb(team, 1)


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
        team.run(address(words), len(words), 1)
        assert np.all(x == 4 * (k + 1))
        time.sleep(rng.uniform(0, 0.003))


def test_stop_ends_its_threads():
    for parts in (1, 2, 3, PARTS):
        for sleeps in (False, True):
            team = Team(parts)
            assert len(team._threads) == parts - 1
            assert all(thread.is_alive() and thread.daemon for thread in team._threads)
            climb(team, 1)
            if sleeps:
                wait_until_asleep(team)
            team.stop()
            assert not any(thread.is_alive() for thread in team._threads)


def test_a_team_that_never_ran_stops():
    team = Team(3)
    team.stop()
    assert not any(thread.is_alive() for thread in team._threads)


def test_threads_of_python_take_turns(team):
    failed = []

    def work():
        try:
            for _ in range(10):
                climb(team, 10)
        except AssertionError as error:
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failed


def test_teams_beside_each_other():
    teams = [Team(2), Team(3)]
    for _ in range(5):
        for team in teams:
            climb(team, 2)
    for team in teams:
        team.stop()
    assert not any(thread.is_alive() for team in teams for thread in team._threads)


def test_the_process_has_one_team(parts):
    assert the_team() is the_team()
    assert the_team().parts == parts
    climb(the_team(), 3)


# Processes ---------------------------------------------------------------------------------

FORK = """
import os, sys
from minidl.backend.native.team import team
from tests.backend.native.test_team import climb, wait_until_asleep

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
    assert threads() == count


@pytest.mark.parametrize("value", ["", "abc", "0", "-2", "2.5", ",2", None])
def test_where_it_does_not_they_are_the_processors_of_the_process(value, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if value is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", value)
    for processors, count in [({3}, 1), ({0, 1, 7}, 3), (set(range(64)), 8)]:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, p=processors: p, raising=False)
        assert threads() == count


@pytest.mark.parametrize(("processors", "count"), [(None, 1), (1, 1), (6, 6), (64, 8)])
def test_or_those_of_the_machine(processors, count, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert threads() == count
