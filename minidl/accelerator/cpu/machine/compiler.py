"""Machine code from functions of Python, with LLVM; imported only where something is compiled."""

from __future__ import annotations

import builtins
import ctypes
import json
from types import ModuleType
from typing import Any

import llvmlite.binding as llvm

from minidl.accelerator.cpu.machine.circumstances import circumstances
from minidl.accelerator.cpu.machine.linker import link
from minidl.accelerator.cpu.machine.translation import Translated, translated
from minidl.accelerator.cpu.machine.values import KINDS

_ENTRY = "minidl_command"


def compiled(name: str, text: str, names: dict[str, str]) -> bytes:
    """The cache's contents for a function: a line of JSON that describes the code, and the code.

    Args:
        name: of the function, which takes int64 and returns nothing or, with ``-> int``, an int64.
        text: the source of the function.
        names: of the source that stand for types of elements.

    Raises:
        TypeError: the language has no such function.
    """
    module = ModuleType(f"minidl_commands_{name}")
    exec(builtins.compile(text, f"<minidl {name}>", "exec", dont_inherit=True), vars(module))
    vars(module).update({key: KINDS[kind] for key, kind in names.items()})
    made = translated(getattr(module, name), text, _ENTRY)
    code = _object(made)
    linked = link(code, _ENTRY)
    header = {
        "linked": linked is not None,
        "arguments": made.arguments,
        "returns": made.returns,
        "made": _made(),
    }
    if linked is None:
        return json.dumps({**header, "entry": _ENTRY}).encode() + b"\n" + code
    code, entry, imports = linked
    return json.dumps({**header, "entry": entry, "imports": imports}).encode() + b"\n" + code


def _object(made: Translated) -> bytes:
    """The object file of a module with one function.

    LLVM takes loops apart and makes vectors from loops over numbers. A function
    that only calls others, or whose vectors are written out, has its variables put into registers:
    the other passes take ten times as long, and find nothing.
    """
    machine = _machine()
    module = llvm.parse_assembly(made.text)
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options())
    if made.computes:
        passes = builder.getModulePassManager()
    else:
        passes = llvm.create_new_module_pass_manager()
        passes.add_sroa_pass()
        passes.add_simplify_cfg_pass()
        passes.add_instruction_combine_pass()
    passes.run(module, builder)
    return bytes(machine.emit_object(module))


def _made() -> dict[str, str]:
    """Versions of the compiler and kind of the processor, for readers of the cache."""
    known = circumstances()
    made = {key: known[key] for key in ("llvmlite", "python", "numpy", "system")}
    features = llvm.get_host_cpu_features().flatten()
    return {**made, "processor": llvm.get_host_cpu_name(), "features": features}


def _machine() -> Any:
    """LLVM's target machine: this processor, and code that runs at any address."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="small",
    )


def loaded(code: bytes, entry: str) -> int:
    """Address of a function of an object file that LLVM has to link; valid for ever."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    # This reference is never given back: threads may run the code while the interpreter ends.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))
    return int(engine.get_function_address(entry))
