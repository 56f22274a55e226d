"""Machine code from functions of Python, with Numba; imported only where something is compiled."""

from __future__ import annotations

import builtins
import ctypes
import json
import re
import sys
from types import ModuleType
from typing import Any

import llvmlite.binding as llvm
import numba
from numba import types

from minidl.accelerator.cpu.machine.circumstances import circumstances
from minidl.accelerator.cpu.machine.linker import link

_ENTRY = "minidl_command"
# What Numba makes of a function returns whether it raised, and writes the result elsewhere.
_CALL = """
define {kind} @{entry}({parameters}) {{
  %result = alloca i64
  %error = alloca ptr
  %status = call i32 @"{native}"(ptr %result, ptr %error{arguments})
  %value = load i64, ptr %result
  ret {value}
}}
"""

# Functions that call themselves do so by an address that Numba writes when it loads them.
_RECURSION = re.compile(r'(@"\.numba\.unresolved\$([^"]+)") = external global (?:ptr|i8\*)')


def compiled(name: str, text: str, names: dict[str, str]) -> bytes:
    """What the cache holds for a function: a line of JSON that describes the code, and the code.

    Args:
        name: of the function, which takes int64 and returns nothing or, with ``-> int``, an int64.
        text: the source in which it stands.
        names: of the source that stand for types of elements.

    Raises:
        TypeError: the function can raise, which nobody would hear of.
    """
    module = ModuleType(f"minidl_commands_{name}")
    sys.modules[module.__name__] = module  # Numba looks there
    exec(builtins.compile(text, f"<minidl {name}>", "exec", dont_inherit=True), vars(module))
    vars(module).update({key: getattr(types, kind) for key, kind in names.items()})
    function = getattr(module, name)
    count = function.__code__.co_argcount
    returns = function.__annotations__.get("return") is int
    signature = (types.int64 if returns else types.void)(*[types.int64] * count)
    made = numba.cfunc(signature, error_model="numpy")(function)
    if "pickledata" in made.inspect_llvm():  # of an exception
        raise TypeError(f"{name}: expected a function that cannot raise")
    code = _object(made, count, returns)
    linked = link(code, _ENTRY)
    header = {"linked": linked is not None, "arguments": count, "returns": returns, "made": _made()}
    if linked is None:
        return json.dumps({**header, "entry": _ENTRY}).encode() + b"\n" + code
    code, entry, imports = linked
    return json.dumps({**header, "entry": entry, "imports": imports}).encode() + b"\n" + code


def _object(made: Any, count: int, returns: bool) -> bytes:
    """An object file with one function, to be called from C: Numba's own belong to Python."""
    values = [f"i64 %a{k}" for k in range(count)]
    call = _CALL.format(
        kind="i64" if returns else "void",
        entry=_ENTRY,
        parameters=", ".join(values),
        native=made.native_name.removeprefix("cfunc."),
        arguments="".join(f", {value}" for value in values),
        value="i64 %value" if returns else "void",
    )
    text = _RECURSION.sub(r"\1 = internal constant ptr @\2", made.inspect_llvm())
    module = llvm.parse_assembly(text + call)
    for each in (*module.functions, *module.global_variables):
        if not each.is_declaration and each.name != _ENTRY:
            each.linkage = "internal"
    machine = _machine()
    passes = llvm.create_new_module_pass_manager()
    passes.add_instruction_combine_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    return bytes(machine.emit_object(module))


def _made() -> dict[str, str]:
    """With what, and for which processor, for whoever looks into the cache."""
    known = circumstances()
    made = {key: known[key] for key in ("numba", "llvmlite", "python", "numpy", "system")}
    features = llvm.get_host_cpu_features().flatten()
    return {**made, "processor": llvm.get_host_cpu_name(), "features": features}


def _machine() -> Any:
    """For this processor; code that runs wherever it lies."""
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="small",
    )


def loaded(code: bytes, entry: str) -> int:
    """Address of a function of an object file that LLVM has to link; valid for ever."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    # Nobody gives this reference back: threads may run the code while the interpreter ends.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))
    return int(engine.get_function_address(entry))
