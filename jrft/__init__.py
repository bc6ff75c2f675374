"""Why reinforcement finetuning stalls: exact and sampled policy gradients, and their bounds."""

from jrft import formal_languages, linear
from jrft.advantages import group_advantages, keep_mask
from jrft.bounds import (
    GradientBounds,
    fisher_certificate,
    gradient_bounds,
    gradient_certificate,
    ppo_certificate,
    theorem_bound,
)
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
from jrft.expected_advantages import ExpectedAdvantages
from jrft.expected_gradients import (
    ExpectedPPOInfo,
    expected_grpo_gradient,
    expected_ppo_gradient,
    expected_reinforce_gradient,
    expected_rloo_gradient,
)
from jrft.fisher import exact_fisher_vector_product, largest_fisher_eigenvalue
from jrft.jacobian import jacobian_norm_intervals, jacobian_norms, largest_jacobian_norm
from jrft.lanczos import EigenvalueInterval, largest_eigenvalue
from jrft.objectives import expected_reward, reward_std, sft_loss
from jrft.policy import Policy
from jrft.ppo import PPOInfo, ppo_gradient_from
from jrft.rewards import reward_table
from jrft.sampling import Samples, sample
from jrft.score_gradient import (
    GradientInfo,
    GradientStatistics,
    gradient_statistics,
    per_sample_gradients,
)
from jrft.std_gain import std_gain
from jrft.tabular import tabular_policy
from jrft.transformer import transformer
from jrft.warped import warped_policy

__all__ = [
    "ChangedLabels",
    "Diagnosis",
    "EigenvalueInterval",
    "ExpectedAdvantages",
    "ExpectedPPOInfo",
    "GradientBounds",
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
    "exact_fisher_vector_product",
    "exact_hessian_vector_product",
    "exact_kl",
    "exact_log_probs",
    "exact_policy_gradient",
    "exact_reward_distribution",
    "exact_reward_std",
    "exact_value",
    "expected_grpo_gradient",
    "expected_ppo_gradient",
    "expected_reinforce_gradient",
    "expected_reward",
    "expected_rloo_gradient",
    "fisher_certificate",
    "formal_languages",
    "gradient_bounds",
    "gradient_certificate",
    "gradient_statistics",
    "group_advantages",
    "grpo_gradient",
    "grpo_gradient_from",
    "jacobian_norm_intervals",
    "jacobian_norms",
    "keep_mask",
    "largest_eigenvalue",
    "largest_fisher_eigenvalue",
    "largest_jacobian_norm",
    "linear",
    "per_sample_gradients",
    "ppo_certificate",
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
    "std_gain",
    "tabular_policy",
    "theorem_bound",
    "transformer",
    "warped_policy",
]
