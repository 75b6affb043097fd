"""Plants one fault into the source of a module when it is imported: `DESKWIRE_PLANTED` holds its number."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path

from .faults import FAULTS

ROOT = Path(__file__).resolve().parent.parent.parent
VARIABLE = "DESKWIRE_PLANTED"


def place(fault):
    """Return the name and the file of a fault's module."""
    if fault.module.startswith(":"):
        name, folder = f"cli.{fault.module[1:]}", ROOT
    else:
        name, folder = f"deskwire.{fault.module}", ROOT / "layers" / "deskwire"
    file = folder.joinpath(*name.split("."))
    return name, file / "__init__.py" if file.is_dir() else file.with_suffix(".py")


class Loader(importlib.machinery.SourceFileLoader):
    """Gives the module's source with the fault in it, and no bytecode."""

    fault = None

    def get_code(self, fullname):
        text = self.get_data(self.path).decode()
        assert text.count(self.fault.before) == 1, self.fault
        return compile(text.replace(self.fault.before, self.fault.after), self.path, "exec")


class Finder:
    """Finds one module."""

    def __init__(self, fault):
        self.fault = fault
        self.name, self.file = place(fault)

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        loader = Loader(name, str(self.file))
        loader.fault = self.fault
        inside = [str(self.file.parent)] if self.file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(name, self.file, loader=loader, submodule_search_locations=inside)


def plant():
    """Plant the fault that the environment names, if any. To be called before its module is imported."""
    if VARIABLE in os.environ:
        sys.meta_path.insert(0, Finder(FAULTS[int(os.environ[VARIABLE])]))
