"""Layout of the memory that the threads of a team share: the mailbox, and lists."""

from __future__ import annotations

# Bytes from the beginning of the mailbox, each on a cache line of its own: number of posted lists;
# the record of the last list; number of arrivals at meetings, ever, and when the list was posted;
# number of sleeping threads; number of threads; 1 while a fork holds the lists back.
TICKET, LIST, ARRIVED, BASE, SLEEPERS, THREADS, HELD = (64 * k for k in range(7))
# Addresses of functions of the C library, and a constant for ``pthread_sigmask``.
LOCK, UNLOCK, WAIT, RING, YIELD, SIGMASK, SETMASK = (448 + 8 * k for k in range(7))
# The set of all signals; and room for two mutexes and a condition of the C library: the turn to run
# a list, and the bell that wakes the sleepers.
SIGNALS, BUSY, BELL, WAITING = (512 + 128 * k for k in range(4))
SIZE = 1024

# Words of the record of a list: the address and the number of its commands; the number of runs, now
# and the next time; the number of parts that share the work; 1 if subnormal numbers are 0
# meanwhile.
COMMANDS, LENGTH, TIMES, AGAIN, PARTS, FLUSHES = range(6)
RECORD = 6

# Words of each command of a list: its function, its block, whether the threads meet before it.
FUNCTION, BLOCK, WAITS = range(3)
EACH = 3
