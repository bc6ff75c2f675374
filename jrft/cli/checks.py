"""Checks of the arguments of `jrft`. Nothing heavy is imported: a mistake is told at once."""

import argparse
import os
from pathlib import Path

from jrft.diagnosis.settings import DiagnosisSettings


def check(parsed: argparse.Namespace) -> None:
    """Raises ValueError for arguments that are wrong whatever the files hold."""
    for path in getattr(parsed, "paths", ()):
        if path != "-" and not os.path.lexists(path):
            raise ValueError(f"{path}: there is no such file")
    if parsed.command == "diagnose":
        _check_diagnose(parsed)
    elif parsed.command == "conformance":
        _check_conformance(parsed)
    else:
        _check_stats(parsed)


def settings_of(parsed: argparse.Namespace) -> DiagnosisSettings:
    """The settings that the options of `jrft diagnose` name.

    Raises:
        ValueError: If a value is out of its range.
    """
    try:
        return DiagnosisSettings(parsed.threshold, parsed.level, parsed.confidence)
    except ValueError as error:
        # A message begins with the attribute, and the option has its name.
        raise ValueError(f"--{error}") from None


def _check_diagnose(parsed: argparse.Namespace) -> None:
    settings_of(parsed)
    if parsed.fail_if_dead is not None and not 0 < parsed.fail_if_dead <= 1:
        raise ValueError(f"--fail-if-dead is {parsed.fail_if_dead}: pass a share in (0, 1]")
    for option in ("last_steps", "group_size"):
        value = getattr(parsed, option)
        if value is not None and value < 1:
            raise ValueError(f"--{option.replace('_', '-')} is {value}: pass 1 or more")
    for option in ("report", "json", "ids"):
        if getattr(parsed, option) is not None:
            _check_folder(f"--{option}", getattr(parsed, option))


def _check_conformance(parsed: argparse.Namespace) -> None:
    path = parsed.path
    if path.suffix != ".npz":
        raise ValueError(f"{path} does not end in .npz: name the file so")
    _check_folder("OUT.npz", path)
    if path.exists() and not parsed.force:
        raise ValueError(f"{path} exists: add --force to overwrite it")


def _check_stats(parsed: argparse.Namespace) -> None:
    for option in ("samples", "length", "batch"):
        if getattr(parsed, option) < 1:
            raise ValueError(f"--{option} is {getattr(parsed, option)}: pass at least 1")
    if "" in parsed.stop:
        raise ValueError("--stop is empty, which would cut every completion: pass a text")
    _check_folder("--output", parsed.output)


def _check_folder(option: str, path: Path) -> None:
    if not path.parent.is_dir():
        raise ValueError(f"{option} {path}: there is no folder {path.parent}, make it first")
