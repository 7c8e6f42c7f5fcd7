"""A digest of what a Python object computes with: its compiled code, and everything that the code refers to.

The code is what Python runs, not the text of a file, which may have been edited since it was loaded. From a function
the walk follows default values, variables of enclosing functions, and the globals that the code names; from a network
also its submodules, their classes and attributes. Libraries (installed packages and Python's own) count by name and
version. What has none of these, such as an object of compiled code, is named in `hidden`: then the digest says less
than what was run.
"""

import enum
import logging
import pathlib
import re
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_PLAIN = (
    *(type(None), bool, int, float, complex, str, bytes, type(Ellipsis), range, slice, enum.Enum, pathlib.PurePath),
    *(torch.dtype, torch.device, torch.layout, torch.memory_format, np.generic, np.dtype),
)
# of a network: what says nothing of its values, or is set for the run anyhow
_NO_PART = ("training", "_parameters", "_buffers", "_is_full_backward_hook", "_version", "call_super_init")

# of a class: what Python and decorators put there, and texts for people
_NO_CODE = (
    *("__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__qualname__", "__orig_bases__"),
    *("__dataclass_fields__", "__dataclass_params__", "__match_args__", "__abstractmethods__", "_abc_impl"),
    *("__parameters__", "__static_attributes__", "__firstlineno__", "__annotate__", "__annotations_cache__"),
)
# functions and descriptors of Python's own, which a name says all of
_BUILT_IN = (
    *(types.BuiltinFunctionType, types.WrapperDescriptorType, types.MethodDescriptorType, types.MethodWrapperType),
    *(types.ClassMethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType),
)


@dataclass(frozen=True)
class Fingerprint:
    """`code` is the digest, `hidden` the first thing that it does not cover, in words ("" where it covers all)."""

    code: str
    hidden: str


def fingerprint(value: object) -> Fingerprint:
    """The digest of an object; of a network without the values of `weights`, which have their own."""
    walk = _Walk(value if isinstance(value, nn.Module) else None)
    try:
        walk.any(value, type(value).__name__)
    except RecursionError:
        walk.hide("it is nested too deep")
    return Fingerprint(walk.digest.hexdigest()[:16], walk.hidden)


def weights(net: nn.Module) -> str:
    """SHA-256 of the names, kinds, shapes and values of all parameters and buffers; "" where there are none."""
    of = sha256()
    state = {name: value for name, value in sorted(net.state_dict().items()) if isinstance(value, Tensor)}
    for name, value in state.items():
        of.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode() + _bytes(value))
    return of.hexdigest() if state else ""


def _bytes(value: Tensor) -> bytes:
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _library(name: str) -> str:
    """The library that a module is a part of, with its version; "" for a module of anybody's."""
    root = name.partition(".")[0]
    if root == "__main__":  # a notebook, whatever program its cells are run by
        return ""
    if root in sys.stdlib_module_names:
        return "python"
    file = getattr(sys.modules.get(name) or sys.modules.get(root), "__file__", None) or ""
    if {"site-packages", "dist-packages"} & set(pathlib.Path(file).parts):
        return f"{root} {getattr(sys.modules.get(root), '__version__', '')}"
    return ""


class _Walk:
    """One walk over an object: what it meets goes into `digest`, in an order that is the same in every process."""

    def __init__(self, net: nn.Module | None) -> None:
        self.digest = sha256(f"python {sys.version_info[:2]}".encode())
        self.hidden = ""
        self.seen: dict[int, int] = {}
        self.kept: list[object] = []  # an object that is gone would give its id to another
        # a network in a function's reach has no other digest: there its values are part of the walk
        self.own = set() if net is None else {id(one) for one in net.state_dict(keep_vars=True).values()}

    def say(self, *parts: object) -> None:
        """Put texts into the digest, each with an end."""
        for part in parts:
            self.digest.update(f"{part}\0".encode())

    def hide(self, what: str) -> None:
        """There is something that the digest does not cover."""
        self.hidden = self.hidden or what

    def any(self, value: object, where: str) -> None:
        """One value of any kind; `where` names it for a reader."""
        if isinstance(value, _PLAIN):
            self.say(type(value).__name__, repr(value))
        elif id(value) in self.own:
            self.say("weights")
        elif id(value) in self.seen:
            self.say("again", self.seen[id(value)])
        else:
            self.seen[id(value)] = len(self.seen)
            self.kept.append(value)
            self._of_kind(value, where)

    def _of_kind(self, value: object, where: str) -> None:
        kinds: tuple[tuple[Any, Callable[[Any, str], None]], ...] = (
            (Tensor, self._tensor),
            (np.ndarray, self._array),
            (Mapping, self._mapping),
            ((list, tuple), self._items),
            ((set, frozenset), lambda of, name: self._items(sorted(of, key=repr), name)),
            (types.FunctionType, self._function),
            (types.MethodType, lambda of, name: self._items((of.__func__, of.__self__), name)),
            (partial, lambda of, name: self._items((of.func, of.args, of.keywords), name)),
            ((staticmethod, classmethod), lambda of, name: self.any(of.__func__, name)),
            (property, lambda of, name: self._items((of.fget, of.fset), name)),
            (type, self._class),
            (types.ModuleType, lambda of, name: self._module(of, (), name)),
            (types.CodeType, lambda of, _: self._code(of)),
            (logging.Logger, lambda of, _: self.say("logger")),
            (re.Pattern, lambda of, name: self._items((of.pattern, of.flags), name)),
            (nn.Module, self._net),
        )
        self.say(type(value).__name__)
        for kind, how in kinds:
            if isinstance(value, kind):
                how(value, where)
                return
        self._other(value, where)

    def _tensor(self, value: Tensor, where: str) -> None:
        try:
            self.say(value.dtype, tuple(value.shape), sha256(_bytes(value)).hexdigest())
        except (RuntimeError, NotImplementedError, TypeError):  # sparse, quantized, on the meta device
            self.hide(f"{where} is a tensor of a kind that cannot be read")

    def _array(self, value: "np.ndarray[Any, Any]", where: str) -> None:
        if value.dtype.hasobject:
            self._items(value.tolist(), where)
        else:
            self.say(value.dtype, value.shape, sha256(np.ascontiguousarray(value).tobytes()).hexdigest())

    def _mapping(self, of: Mapping[Any, Any], where: str) -> None:
        for key, value in of.items():
            self.any(key, where)
            self.any(value, f"{where}[{key!r}]")

    def _items(self, of: Iterable[object], where: str) -> None:
        for value in of:
            self.any(value, where)

    def _function(self, of: types.FunctionType, where: str) -> None:
        home = _library(of.__globals__.get("__name__", ""))
        self.say(home, of.__qualname__ if home else "")
        # a decorator of a library holds the user's function in its closure
        for name, cell in zip(of.__code__.co_freevars, of.__closure__ or (), strict=True):
            if _filled(cell):
                self.any(cell.cell_contents, name)
        if home:
            return
        self._items((of.__defaults__, of.__kwdefaults__), where)
        self._code(of.__code__)
        names = list(_names(of.__code__))
        for name in dict.fromkeys(names):
            if name in of.__globals__:
                value = of.__globals__[name]
                self.say(name)
                if isinstance(value, types.ModuleType):
                    self._module(value, names, name)
                else:
                    self.any(value, name)

    def _code(self, of: types.CodeType) -> None:
        self.say(of.co_code.hex(), of.co_exceptiontable.hex(), of.co_flags, of.co_argcount, of.co_kwonlyargcount)
        self.say(of.co_names, of.co_varnames, of.co_freevars, of.co_cellvars)
        self._items(of.co_consts, of.co_name)

    def _module(self, of: types.ModuleType, names: Iterable[str], where: str) -> None:
        """A module that code refers to, with those of its members that the code names."""
        home = _library(of.__name__)
        self.say(home or of.__name__)
        if not home:
            for name in dict.fromkeys(names):
                if name in vars(of):
                    self.say(name)
                    self.any(vars(of)[name], f"{where}.{name}")

    def _class(self, of: type, where: str) -> None:
        home = _library(of.__module__)
        self.say(home, of.__qualname__)
        if home or of.__module__ == "builtins":
            return
        self._items(of.__bases__, where)
        for name, value in vars(of).items():
            if name not in _NO_CODE:
                self.say(name)
                self.any(value, f"{of.__name__}.{name}")

    def _net(self, of: nn.Module, where: str) -> None:
        self.any(type(of), type(of).__name__)
        for name, tensors in (("_parameters", of._parameters), ("_buffers", of._buffers)):
            self.say(name)
            self._mapping(tensors, where)
        for name, value in vars(of).items():
            if name not in _NO_PART:
                self.say(name)
                # hooks are kept by a number that counts all hooks of a process
                of_hooks = name.endswith(("_hooks", "_kwargs", "_called", "_hooks_always_called"))
                self.any(list(value.values()) if of_hooks and isinstance(value, dict) else value, f"{where}.{name}")

    def _other(self, value: Any, where: str) -> None:
        inside = getattr(value, "__wrapped__", None) or getattr(value, "py_func", None)
        if isinstance(value, _BUILT_IN):
            owner = getattr(value, "__self__", None)
            self.say(getattr(value, "__module__", ""), value.__qualname__)
            if owner is not None and not isinstance(owner, types.ModuleType):
                self.any(owner, where)
        elif inside is not None:  # lru_cache, a compiled function of numba
            self.any(inside, where)
        elif hasattr(value, "__dict__") and vars(value):
            self.any(type(value), where)
            self._mapping(vars(value), where)
        elif type(value).__module__ != "builtins" and not _library(type(value).__module__):
            self.any(type(value), where)  # an object of a class without attributes
            slots = [name for of in type(value).__mro__ for name in getattr(of, "__slots__", ())]
            self._items([getattr(value, name, None) for name in slots], where)
        else:
            self.hide(f"{where} is of type {type(value).__module__}.{type(value).__qualname__}")


def _filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - it raises where a variable has no value yet
    except ValueError:
        return False
    return True


def _names(code: types.CodeType) -> Iterable[str]:
    """All names that code and the functions in it refer to."""
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _names(const)
