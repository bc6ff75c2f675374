"""Names of columns in the logs of trainers, for each part the more telling first."""

import re

TEXTS = (
    "prompt",
    "prompts",
    "question",
    "problem",
    "query",
    "instruction",
    "input",
    "inputs",
    "messages",
    "prompt_text",
    "prompt_tokens",
    "prompt_token_ids",
    "prompt_ids",
    "content.0",
    "messages.0",
    "task.data.question",
)
IDS = (
    "prompt_id",
    "question_id",
    "problem_id",
    "example_id",
    "task_id",
    "task.key",
    "uid",
    "group_id",
    "group.id",
    "group_index",
    "prompt_uid",
    "id",
)
REWARDS = (
    "reward",
    "rewards",
    "score",
    "scores",
    "total_reward",
    "final_reward",
    "reward_score",
    "env_reward",
    "episode_reward",
    "raw_reward",
    "reward.score",
    "reward.total",
)
OUTCOMES = ("outcome", "outcomes", "correct", "is_correct", "acc", "success", "solved", "passed")
RATES = ("pass_rate", "solve_rate", "success_rate", "mean_reward", "avg_reward", "pass@1")
NUMBERS = ("n", "num_samples", "num_rollouts", "n_samples", "num_completions", "count", "k")
STEPS = (
    "step",
    "steps",
    "global_step",
    "global_steps",
    "training_step",
    "train_step",
    "iteration",
    "gen_step",
    "generation_step",
    "run.work.step",
    "head_version",
    "weight_version",
)
COMPLETIONS = ("completion", "completions", "output", "response", "completion_text", "outputs")
ADVANTAGES = ("advantage", "advantages")
# Numbers beside the rewards that are none.
NO_REWARD = re.compile(r"advantage|logprob|length|token|step|std|loss|mask|weight|_id$|^id$|idx")
# Columns that say the right answer: prompts may share one.
ANSWERS = ("answer", "answers", "gts", "ground_truth", "solution", "label", "target")
