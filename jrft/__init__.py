"""Why reinforcement finetuning stalls: exact and sampled policy gradients, and their bounds."""

from jrft.objectives import expected_reward, reward_std, sft_loss

__all__ = ["expected_reward", "reward_std", "sft_loss"]
