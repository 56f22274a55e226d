"""Where things lie in the memory that the threads of a team share: the mailbox, and lists."""

from __future__ import annotations

# Bytes from the beginning of the mailbox, each on a cache line of its own: how many lists have been
# posted; the record of the last one; how many threads have come to a meeting, ever, and had when
# the list was posted; how many sleep; how many there are; whether a fork holds the lists back.
TICKET, LIST, ARRIVED, BASE, SLEEPERS, THREADS, HELD = (64 * k for k in range(7))
# Addresses of functions of the C library, and the constant that one of them takes.
LOCK, UNLOCK, WAIT, RING, YIELD, SIGMASK, SETMASK = (448 + 8 * k for k in range(7))
# The set of all signals; and what the C library keeps of two mutexes and a condition, which is at
# most so long: whose turn it is to have a list run, and what wakes the sleepers.
SIGNALS, BUSY, BELL, WAITING = (512 + 128 * k for k in range(4))
SIZE = 1024

# Words of the record of a list: the address of its commands; how many they are; how often to run
# them, and how often the next time; into how many parts work is shared out; whether subnormal
# numbers are 0 meanwhile.
COMMANDS, LENGTH, TIMES, AGAIN, PARTS, FLUSHES = range(6)
RECORD = 6

# Words of each command of a list: its function, its block, whether the threads meet before it.
FUNCTION, BLOCK, WAITS = range(3)
EACH = 3
