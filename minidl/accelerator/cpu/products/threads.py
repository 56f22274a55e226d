"""Lists of commands in which BLAS has one thread, as the parts share products out themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minidl.accelerator.cpu.commands import Access, Command, CommandList
from minidl.accelerator.cpu.elementwise import Loop
from minidl.accelerator.cpu.machine.machine_code import command
from minidl.accelerator.cpu.products.blas import libraries
from minidl.accelerator.cpu.products.plan import Product, product
from minidl.accelerator.cpu.products.words import EACH, GET, LIBRARIES, SET
from minidl.backend.addresses import address


class OneThread(Command):
    """Makes BLAS use one thread: of the whole process."""

    in_turn = True


def on_one_thread(commands: list[Command]) -> list[Command]:
    """The commands, with BLAS on one thread during the run."""
    products = [each for each in commands if isinstance(each, Product) and each.threaded]
    known = libraries()
    if not products or not known:
        return list(commands)
    block = np.zeros(1 + EACH * len(known), np.int64)
    block[LIBRARIES] = len(known)
    block[GET::EACH], block[SET::EACH] = zip(*known, strict=True)
    # Products come after the first command and before the last, as if products read the block.
    start = address(block)
    reads, writes = (Access(start, start + block.nbytes, w, None) for w in (False, True))
    one = OneThread("BLAS on one thread", command("one_thread", "products"), block, [writes], None)
    restore = Command("BLAS as before", command("restore", "products"), block, [writes], None)
    for each in products:
        each.accesses = [*each.accesses, reads]
    return [one, *commands, restore]


def multiplication(
    a: np.ndarray, b: np.ndarray, out: np.ndarray, room: Callable[[int], np.ndarray]
) -> CommandList:
    """A command for out = a b, for any arrays with the same layout; keeps none of the arrays alive.

    Args:
        a, b, out: the arrays.
        room: gives memory for terms, so many bytes.

    Raises:
        UnsupportedError: as :func:`product`.
    """
    commands = on_one_thread(product(a, b, out, room))
    made = CommandList(commands)
    made.commands = ()
    terms = [each.kept.terms for each in commands if isinstance(each, Product)]
    numbers = [each.numbers for each in commands if isinstance(each, Loop)]
    made.kept = [each.block for each in commands], terms, numbers
    return made
