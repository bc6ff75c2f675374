"""Why reinforcement finetuning stalls: exact and sampled policy gradients, and their bounds."""

from jrft import formal_languages
from jrft.advantages import group_advantages, keep_mask
from jrft.budget import rollout_budget
from jrft.completions import all_completions
from jrft.diagnosis.diagnosis import Diagnosis, diagnose
from jrft.environments import ChangedLabels, changed_labels, correct_label_rewards
from jrft.estimators import (
    grpo_gradient,
    grpo_gradient_from,
    reinforce_gradient,
    reinforce_gradient_from,
    rloo_gradient,
    rloo_gradient_from,
)
from jrft.exact import (
    RewardDistribution,
    exact_hessian_vector_product,
    exact_log_probs,
    exact_policy_gradient,
    exact_reward_distribution,
    exact_reward_std,
    exact_value,
)
from jrft.exact_information import exact_entropy, exact_kl
from jrft.objectives import expected_reward, reward_std, sft_loss
from jrft.policy import Policy
from jrft.ppo import PPOInfo, ppo_gradient_from
from jrft.rewards import reward_table
from jrft.sampling import Samples, sample
from jrft.score_gradient import GradientInfo, GradientStatistics, gradient_statistics
from jrft.tabular import tabular_policy
from jrft.transformer import transformer
from jrft.warped import warped_policy

__all__ = [
    "ChangedLabels",
    "Diagnosis",
    "GradientInfo",
    "GradientStatistics",
    "PPOInfo",
    "Policy",
    "RewardDistribution",
    "Samples",
    "all_completions",
    "changed_labels",
    "correct_label_rewards",
    "diagnose",
    "exact_entropy",
    "exact_hessian_vector_product",
    "exact_kl",
    "exact_log_probs",
    "exact_policy_gradient",
    "exact_reward_distribution",
    "exact_reward_std",
    "exact_value",
    "expected_reward",
    "formal_languages",
    "gradient_statistics",
    "group_advantages",
    "grpo_gradient",
    "grpo_gradient_from",
    "keep_mask",
    "ppo_gradient_from",
    "reinforce_gradient",
    "reinforce_gradient_from",
    "reward_std",
    "reward_table",
    "rloo_gradient",
    "rloo_gradient_from",
    "rollout_budget",
    "sample",
    "sft_loss",
    "tabular_policy",
    "transformer",
    "warped_policy",
]
