"""Reward logs → which prompts get no gradient, how sure that is, why, and what to do."""

from jrft.diagnosis.diagnosis import Diagnosis, diagnose, diagnose_log
from jrft.diagnosis.log.log import RewardLog, reward_log
from jrft.diagnosis.log.statistics import GroupStatistics, group_statistics
from jrft.diagnosis.model.posterior import Posterior
from jrft.diagnosis.settings import DiagnosisSettings
from jrft.diagnosis.verdict.advice import Advice
from jrft.diagnosis.verdict.classes import PromptClass
from jrft.diagnosis.verdict.over_time import Change, OverTime
from jrft.diagnosis.verdict.summary import BatchSummary

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
    "diagnose_log",
    "group_statistics",
    "reward_log",
]
