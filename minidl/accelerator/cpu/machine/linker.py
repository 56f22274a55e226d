"""Object files made into code that runs at any address: x86-64, ELF.

Each reference within the code is to a place a known distance away, in any section, so
that the sections, one after the other, make a whole. Format and formulas: System V Application
Binary Interface, AMD64 Architecture Processor Supplement, section 4.4.
"""

from __future__ import annotations

import io
from typing import Any

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_RELOC_TYPE_x64 as KINDS
from elftools.elf.relocation import RelocationSection

_RELATIVE = (KINDS["R_X86_64_PC32"], KINDS["R_X86_64_PLT32"])
# Functions of the C library that LLVM puts in the place of loops.
_IMPORTS = ("memset", "memcpy", "memmove")
_JUMP = b"\xff\x25\x00\x00\x00\x00"  # to the address that follows


def link(code: bytes, entry: str) -> tuple[bytes, int, dict[str, int]] | None:
    """The code of an object file, the offset of ``entry`` in the code, and offsets of addresses.

    The addresses belong to functions of the C library, by name. None for object files of
    another kind, or with references to more.
    """
    if code[:4] != b"\x7fELF":
        return None
    file = ELFFile(io.BytesIO(code))
    if file["e_machine"] != "EM_X86_64":
        return None
    image, starts = bytearray(), {}
    for index, section in enumerate(file.iter_sections()):
        # No caller unwinds the stack through a command.
        if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section.name != ".eh_frame":
            image += bytes(-len(image) % max(section["sh_addralign"], 1))
            starts[index] = len(image)
            image += (
                section.data() if section["sh_type"] != "SHT_NOBITS" else bytes(section["sh_size"])
            )
    symbols: Any = file.get_section_by_name(".symtab")
    imports: dict[str, int] = {}
    jumps: dict[str, int] = {}
    for section in file.iter_sections():
        if not isinstance(section, RelocationSection) or section["sh_info"] not in starts:
            continue
        for each in section.iter_relocations():
            symbol = symbols.get_symbol(each["r_info_sym"])
            if symbol["st_shndx"] in starts:
                target = starts[symbol["st_shndx"]] + symbol["st_value"]
            elif symbol.name in _IMPORTS:
                if symbol.name not in jumps:
                    jumps[symbol.name] = len(image)
                    imports[symbol.name] = len(image) + len(_JUMP)
                    image += _JUMP + bytes(8)
                target = jumps[symbol.name]
            else:
                return None
            if each["r_info_type"] not in _RELATIVE:
                return None
            place = starts[section["sh_info"]] + each["r_offset"]
            distance = target + each["r_addend"] - place
            image[place : place + 4] = distance.to_bytes(4, "little", signed=True)
    found = symbols.get_symbol_by_name(entry)[0]
    return bytes(image), starts[found["st_shndx"]] + found["st_value"], imports
