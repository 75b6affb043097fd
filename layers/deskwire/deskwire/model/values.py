"""Frozen, slotted values, declared like dataclasses and made without `dataclasses`.

`dataclasses` imports `inspect`, and generates and compiles six methods for each class when its module is imported.
receive imports some forty classes and uses ten of them, so that was a third of its cold start (docs/figures.md). Here
only `__init__` is generated, when a class is first used; everything else is shared. Type checkers see a dataclass,
and so does `dataclasses` itself: its `replace`, `fields` and `asdict` accept these values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, dataclass_transform

Made = TypeVar("Made")

_MISSING: Any = object()


class Field:
    """A field's default and whether it shows in `repr` and counts in `==`."""

    __slots__ = ("compare", "default", "default_factory", "repr")

    def __init__(self, default: object, default_factory: object, *, repr: bool, compare: bool) -> None:  # noqa: A002
        """Take the arguments of `field`."""
        self.default = default
        self.default_factory = default_factory
        self.repr = repr
        self.compare = compare


def field(
    *,
    default: Any = _MISSING,  # noqa: ANN401 - whatever the field holds
    default_factory: Callable[[], Any] = _MISSING,
    repr: bool = True,  # noqa: A002 - as `dataclasses.field` names it
    compare: bool = True,
) -> Any:  # noqa: ANN401 - stands where the field's value will
    """Describe a field, as `dataclasses.field` does."""
    return Field(default, default_factory, repr=repr, compare=compare)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def dataclass(
    *,
    frozen: bool,
    slots: bool,
    kw_only: bool = False,
    repr: bool = True,  # noqa: A002 - as `dataclasses.dataclass` names it
) -> Callable[[type[Made]], type[Made]]:
    """Return a decorator that makes a class of annotated fields a value; it must be frozen and slotted."""
    if not (frozen and slots):
        msg = "a value is frozen and slotted; use dataclasses for anything else"
        raise TypeError(msg)

    def decorate(cls: type[Made]) -> type[Made]:
        return _made(cls, kw_only=kw_only, shown=repr)

    return decorate


def replace(value: Made, **changes: object) -> Made:
    """Return a copy with some fields changed, checked like a new value."""
    given = {name: getattr(value, name) for name in value.__value_fields__}  # type: ignore[attr-defined]
    return type(value)(**given | changes)


def _made(cls: type[Made], *, kw_only: bool, shown: bool) -> type[Made]:
    inherited: dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:]):
        inherited |= base.__dict__.get("__value_fields__", {})
    own = {name: _field(cls, name) for name, kind in cls.__annotations__.items() if _is_field(kind)}
    namespace = {name: each for name, each in cls.__dict__.items() if name not in {"__dict__", "__weakref__", *own}}
    namespace |= {
        "__slots__": tuple(name for name in own if name not in inherited),
        "__value_fields__": {**inherited, **own},
        "__value_kw_only__": kw_only,
        "__match_args__": () if kw_only else tuple(inherited | own),
        "__dataclass_fields__": _AsDataclass(),
        "__setattr__": _frozen,
        "__delattr__": _frozen,
        "__init__": _first_init,
        "__getstate__": _state,
        "__setstate__": _restore,
    }
    for name, shared in {"__repr__": _repr if shown else None, "__eq__": _equal, "__hash__": _hash}.items():
        if shared is not None and (name not in cls.__dict__ or cls.__dict__[name] is None):
            namespace[name] = shared
    namespace.setdefault("__qualname__", cls.__qualname__)
    metaclass: Any = type(cls)
    made: type[Made] = metaclass(cls.__name__, cls.__bases__, namespace)
    for method in namespace.values():  # a method that says `super()` or `__class__` means the class as it is now
        cell = dict(zip(*_closure(method), strict=True)).get("__class__")
        if cell is not None and cell.cell_contents is cls:
            cell.cell_contents = made
    return made


def _closure(method: object) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    function: Any = getattr(method, "fget", None) or getattr(method, "__func__", None) or method
    cells = getattr(function, "__closure__", None)
    return (function.__code__.co_freevars, cells) if cells else ((), ())


def _is_field(annotation: object) -> bool:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return not text.startswith(("ClassVar", "typing.ClassVar"))


def _field(cls: type, name: str) -> Field:
    given = cls.__dict__.get(name, _MISSING)
    return given if isinstance(given, Field) else Field(given, _MISSING, repr=True, compare=True)


def _first_init(self: object, *given: object, **named: object) -> None:
    """Generate the class's own `__init__`, put it in this one's place, and use it."""
    cls = next(base for base in type(self).__mro__ if "__value_fields__" in base.__dict__)
    if cls.__dict__["__init__"] is _first_init:
        cls.__init__ = _init(cls)  # type: ignore[misc]
    cls.__init__(self, *given, **named)  # type: ignore[misc]


def _init(cls: type) -> Callable[..., None]:
    fields: dict[str, Field] = cls.__dict__["__value_fields__"]
    known: dict[str, object] = {"_missing": _MISSING}
    parameters, body = [], []
    for name, each in fields.items():
        value = name
        if each.default_factory is not _MISSING:
            known[f"_make_{name}"] = each.default_factory
            parameters.append(f"{name}=_missing")
            value = f"_make_{name}() if {name} is _missing else {name}"
        elif each.default is not _MISSING:
            known[f"_default_{name}"] = each.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        known[f"_set_{name}"] = getattr(cls, name).__set__  # the slot's own: nothing is looked up by name
        body.append(f" _set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        body.append(" self.__post_init__()")
    star = "*, " if cls.__dict__["__value_kw_only__"] and parameters else ""
    source = f"def __init__(self, {star}{', '.join(parameters)}):\n" + ("\n".join(body) or " pass")
    exec(source, known)  # noqa: S102 - of the class's own field names, as `dataclasses` does
    made: Any = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made  # type: ignore[no-any-return]


def _frozen(self: object, name: str, *_: object) -> NoReturn:
    from dataclasses import FrozenInstanceError

    msg = f"{type(self).__name__}.{name} cannot be changed"
    raise FrozenInstanceError(msg)


def _repr(self: Any) -> str:  # noqa: ANN401 - a value of any class made here
    shown = (f"{name}={getattr(self, name)!r}" for name, each in self.__value_fields__.items() if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _compared(value: Any) -> tuple[object, ...]:  # noqa: ANN401 - the same
    return tuple(getattr(value, name) for name, each in value.__value_fields__.items() if each.compare)


def _equal(self: object, other: object) -> bool:
    if self is other:
        return True
    return _compared(self) == _compared(other) if type(self) is type(other) else NotImplemented


def _hash(self: object) -> int:
    return hash(_compared(self))


def _state(self: Any) -> list[object]:  # noqa: ANN401 - the same
    return [getattr(self, name) for name in self.__value_fields__]


def _restore(self: Any, state: list[object]) -> None:  # noqa: ANN401 - the same
    for name, value in zip(self.__value_fields__, state, strict=True):
        object.__setattr__(self, name, value)


class _AsDataclass:
    """Provides `__dataclass_fields__` for `dataclasses`, made for each class when it is first read."""

    def __get__(self, value: object, owner: Any) -> dict[str, Any]:  # noqa: ANN401 - a class of any value
        import dataclasses

        cls = next(base for base in owner.__mro__ if "__value_fields__" in base.__dict__)
        kinds = [(name, object, _as_dataclass_field(each)) for name, each in cls.__value_fields__.items()]
        # Through `dataclasses` itself, for what it keeps of a field beyond this is its own affair.
        plain: Any = dataclasses.make_dataclass(cls.__name__, kinds, kw_only=True)
        cls.__dataclass_fields__ = plain.__dataclass_fields__
        return dict(plain.__dataclass_fields__)


def _as_dataclass_field(own: Field) -> Any:  # noqa: ANN401 - whatever `dataclasses.field` returns
    import dataclasses

    more: dict[str, Any] = {}
    if own.default_factory is not _MISSING:
        more["default_factory"] = own.default_factory
    elif own.default is not _MISSING:
        more["default"] = own.default
    return dataclasses.field(repr=own.repr, compare=own.compare, **more)
