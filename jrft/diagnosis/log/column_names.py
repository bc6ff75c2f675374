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
    "messages.prompt",
    "conversation.prompt",
    "conversations.prompt",
    "chat.prompt",
    "messages",
    "prompt_text",
    "prompt_tokens",
    "prompt_token_ids",
    "prompt_ids",
    "input_prompt",
    "problem_statement",
    "content.0",
    "messages.0",
    "task.data.question",
)
IDS = (
    "prompt_id",
    "question_id",
    "problem_id",
    "example_id",
    "instance_id",
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
    "return",
    "episode_return",
    "reward.score",
    "reward.total",
)
OUTCOMES = (
    "outcome",
    "outcomes",
    "correct",
    "is_correct",
    "acc",
    "accuracy",
    "success",
    "solved",
    "passed",
    "exact_match",
    "math_verify",
    "pass",
    "em",
    "correctness",
    "is_success",
    "is_solved",
    "is_right",
    "task_success",
    "answer_correct",
    "resolved",
    "won",
)
RATES = ("pass_rate", "solve_rate", "success_rate", "mean_reward", "avg_reward", "pass@1")
NUMBERS = ("n", "num_samples", "num_rollouts", "n_samples", "num_completions", "count", "k")
STEPS = (
    "step",
    "global_step",
    "global_steps",
    "training_step",
    "train_step",
    "iteration",
    "iter",
    "training_iteration",
    "trainer_step",
    "rollout_step",
    "optimizer_step",
    "update_step",
    "gen_step",
    "generation_step",
    "run.work.step",
    "head_version",
    "weight_version",
    "policy_version",
    "steps",
    "epoch",
    "rollout_id",
    "_step",
)
COMPLETIONS = (
    "completion",
    "completions",
    "output",
    "response",
    "completion_text",
    "outputs",
    "output_response",
    "generation",
    "generated_text",
    "response_text",
    "output_text",
    "response_tokens",
    "response_ids",
    "completion_ids",
    "content.1",
)
ADVANTAGES = ("advantage", "advantages")
# Numbers beside the rewards that are none.
NO_REWARD = re.compile(
    r"advantage|logprob|length|(?:^|_|seq)len(?:$|_)|token|step|std|loss|mask|weight|_id$|^id$|idx|difficulty|latency|_count$"
)
# Words that make a number about rewards of a name with "reward" in it.
NO_TERM = re.compile(
    r"(?:^|[_./])(?:time|latency|seconds|ms|baseline|ceiling|max|min|mean|avg|average|std|var"
    r"|expected|normali[sz]ed|prev|previous|ref|reference|best|running|ema|median|threshold"
    r"|target|scale|cost|count|id|idx|weight|version|advantage|delta|diff|change|gap|margin|rank"
    r"|index|position|percentile)(?:$|[_./])"
)
# Columns that number the turns of one completion, and columns that name completions.
TURNS = ("turn", "turn_idx", "turn_index", "turn_id", "turn_number", "env_step", "episode_step")
ENDS = ("done", "terminal", "terminated", "is_terminal", "is_last", "last", "final", "is_final")
TRAJECTORIES = (
    *("trajectory_id", "traj_id", "traj_uid", "trajectory", "episode_id", "episode"),
    *("rollout_id", "rollout_idx", "sample_idx", "completion_id", "response_id"),
)
# Columns that number the completions of a prompt.
SAMPLES = re.compile(
    r"(?:^|[_./])(?:trial|attempt|sample|repeat|repetition|replicate|try|draw|candidate|completion"
    r"|response|traj|trajectory|rollout)s?(?:_?(?:id|idx|index|num|number|no))?$"
)
# Columns that divide a group's completions among machines, times or versions: they tell nothing.
MACHINES = re.compile(
    r"rank|worker|gpu|device|seed|shard|process|host|micro|node|engine|replica|server|thread"
    r"|actor|version|timestamp|(?:^|_)(?:time|date)"
)
# Columns that say which data set an id belongs to.
SOURCES = ("env", "env_id", "env_name", "environment", "dataset", "data_source", "source", "domain")
# Columns that say the right answer: prompts may share one.
ANSWERS = (
    *("answer", "answers", "gts", "ground_truth", "ground_truths", "solution", "label", "target"),
    *("gold", "gold_answer", "reference", "reference_answer", "expected", "correct_answer", "gt"),
)


def is_term(name: str) -> bool:
    """Whether a column of numbers may be a term of the reward, by its name.

    Example:
        >>> [is_term(name) for name in ("length_reward", "reward_time", "num_tokens", "accuracy")]
        [True, False, False, True]
    """
    lower = name.lower()
    return not (NO_TERM if "reward" in lower else NO_REWARD).search(lower)
