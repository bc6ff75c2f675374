"""Reward logs → which prompts get no gradient, how sure that is, why, and what to do."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jrft.diagnosis.diagnosis import Diagnosis, diagnose, diagnose_log
    from jrft.diagnosis.frame import diagnose_frame
    from jrft.diagnosis.log.log import RewardLog, reward_log
    from jrft.diagnosis.log.statistics import GroupStatistics, group_statistics
    from jrft.diagnosis.model.posterior import Posterior
    from jrft.diagnosis.settings import DiagnosisSettings
    from jrft.diagnosis.verdict.advice import Advice
    from jrft.diagnosis.verdict.classes import PromptClass
    from jrft.diagnosis.verdict.over_time import Change, OverTime
    from jrft.diagnosis.verdict.summary import BatchSummary

# Loaded when first asked for: the command line's help needs the table of readers, and no arrays.
_MODULES = {
    "Advice": "verdict.advice",
    "BatchSummary": "verdict.summary",
    "Change": "verdict.over_time",
    "Diagnosis": "diagnosis",
    "DiagnosisSettings": "settings",
    "GroupStatistics": "log.statistics",
    "OverTime": "verdict.over_time",
    "Posterior": "model.posterior",
    "PromptClass": "verdict.classes",
    "RewardLog": "log.log",
    "diagnose": "diagnosis",
    "diagnose_frame": "frame",
    "diagnose_log": "diagnosis",
    "group_statistics": "log.statistics",
    "reward_log": "log.log",
}

__all__ = [
    "Advice",
    "BatchSummary",
    "Change",
    "Diagnosis",
    "DiagnosisSettings",
    "GroupStatistics",
    "OverTime",
    "Posterior",
    "PromptClass",
    "RewardLog",
    "diagnose",
    "diagnose_frame",
    "diagnose_log",
    "group_statistics",
    "reward_log",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = getattr(import_module(f"jrft.diagnosis.{_MODULES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'jrft.diagnosis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
