"""The seven tasks of GRUE, one table: data, prompt, reward, and the paper's settings.

Data, rewards and hyper-parameters are those of Ramamurthy et al. (ICLR 2023) as Razin et al. (ICLR
2024) used them. Prompts and splits of local files may differ from theirs.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from experiments.data.sources import DataUnavailableError
from experiments.studies.jrft.grue import examples, local_files, metrics
from experiments.studies.jrft.grue.examples import Example, Row
from experiments.studies.jrft.grue.metrics import Reward


class Hub(NamedTuple):
    """A public data set of the Hugging Face hub.

    Attributes:
        name: Of the data set.
        config: Of its configuration, if it has several.
        revision: A branch; older data sets keep their Parquet files on one of their own.
    """

    name: str
    config: str | None = None
    revision: str | None = None


class Sampling(NamedTuple):
    """How completions are sampled, at temperature 1.

    Attributes:
        top_k: Likeliest tokens to draw from; None for all.
        min_length: Tokens before the end of sequence is possible.
        length: Tokens at the most.
        max_prompt: Tokens of a prompt at the most.
        keep_end: Whether a longer prompt keeps its end, not its beginning.
    """

    top_k: int | None
    min_length: int
    length: int
    max_prompt: int
    keep_end: bool = False


class PPO(NamedTuple):
    """Proximal policy optimization.

    Attributes:
        rate: The learning rate.
        kl_coefficient: Of the KL penalty, at the start.
        kl_target: Where the coefficient is steered to.
        num_steps: Steps an environment makes in an iteration; there are ten environments.
        iterations: Their number.
        entropy_bonus: Its coefficient.
    """

    rate: float
    kl_coefficient: float
    kl_target: float
    num_steps: int
    iterations: int
    entropy_bonus: float = 0.0


class SFT(NamedTuple):
    """Supervised finetuning by AdamW.

    Attributes:
        batch_size: Examples an update.
        rate: The learning rate.
        epochs: Passes over the data.
        weight_decay: AdamW's.
        schedule: Of the learning rate.
    """

    batch_size: int
    rate: float
    epochs: int
    weight_decay: float = 0.0
    schedule: str = "constant"


class Task(NamedTuple):
    """One task.

    Attributes:
        title: Its name for people.
        model: The paper's, by its name on the hub.
        hub: Where the data are public.
        local: From the folder of `DATA_DIR` to rows in the hub's form.
        examples: From rows to examples.
        reward: Makes the reward; None for the sentiment of reviews, which is learned from the data.
        reward_name: What the reward is, as a function, since a metric depends on what is installed.
        sampling: The paper's.
        ppo: The paper's, from the pretrained model.
        ppo_after_sft: The rate, and the coefficient and target of KL, where they differ.
        sft: The paper's.
    """

    title: str
    model: str
    hub: Hub
    local: Callable[[Path], Iterator[Row]]
    examples: Callable[[Iterable[Row]], list[Example]]
    reward: Callable[[], Reward] | None
    reward_name: Callable[[], str]
    sampling: Sampling
    ppo: PPO
    ppo_after_sft: tuple[float, float, float] | None
    sft: SFT


PARQUET = "refs/convert/parquet"

TASKS = {
    "narrativeqa": Task(
        "NarrativeQA", "t5-base", Hub("deepmind/narrativeqa"),
        local_files.narrative_qa, examples.narrative_qa,
        metrics.rouge_l, lambda: "ROUGE-L",
        Sampling(50, 0, 50, 512), PPO(2e-6, 0.001, 1.0, 256, 100),
        (5e-7, 0.001, 0.2), SFT(64, 1e-5, 5, 0.01),
    ),
    "totto": Task(
        "ToTTo", "t5-base", Hub("google-research-datasets/totto", revision=PARQUET),
        local_files.totto, examples.totto,
        lambda: metrics.sentence_bleu("13a"), lambda: "BLEU / 100",
        Sampling(None, 10, 50, 512), PPO(2e-6, 0.001, 2.0, 256, 100),
        (5e-7, 0.01, 0.2), SFT(8, 1e-4, 5, 0.1),
    ),
    "commongen": Task(
        "CommonGen", "t5-base", Hub("allenai/common_gen"),
        local_files.common_gen, examples.common_gen,
        metrics.meteor, metrics.meteor_name,
        Sampling(None, 5, 20, 20), PPO(2e-6, 0.001, 2.0, 128, 100, 0.01),
        (2e-6, 0.01, 1.0), SFT(8, 1e-5, 4, 0.01, "cosine"),
    ),
    "iwslt2017": Task(
        "IWSLT 2017", "t5-base", Hub("IWSLT/iwslt2017", "iwslt2017-en-de", PARQUET),
        local_files.iwslt2017, examples.translation,
        lambda: metrics.sentence_bleu("intl"), lambda: "BLEU / 100",
        Sampling(10, 0, 128, 128), PPO(1e-6, 0.001, 0.2, 512, 50),
        (5e-7, 0.001, 0.2), SFT(64, 1e-5, 5, 0.1),
    ),
    "cnn_dailymail": Task(
        "CNN/DailyMail", "t5-base", Hub("abisee/cnn_dailymail", "3.0.0"),
        local_files.cnn_dailymail, examples.summarization,
        metrics.meteor, metrics.meteor_name,
        Sampling(50, 50, 100, 512), PPO(2e-6, 0.001, 0.2, 512, 100),
        (2e-6, 0.01, 0.2), SFT(16, 1e-4, 2, 0.1, "cosine"),
    ),
    "dailydialog": Task(
        "DailyDialog", "gpt2", Hub("li2017dailydialog/daily_dialog", revision=PARQUET),
        local_files.daily_dialog, examples.dialogues,
        metrics.meteor, metrics.meteor_name,
        Sampling(20, 2, 20, 128, keep_end=True), PPO(1e-6, 0.2, 0.5, 128, 50),
        (1e-6, 0.2, 0.05), SFT(32, 1e-5, 20),
    ),
    "imdb": Task(
        "IMDB", "gpt2", Hub("stanfordnlp/imdb"),
        local_files.imdb, examples.reviews,
        None, lambda: "sentiment (logistic regression)",
        Sampling(None, 0, 48, 64), PPO(1e-6, 0.1, 0.1, 128, 50),
        None, SFT(16, 1e-5, 10),
    ),
}  # fmt: skip
"""The tasks, by the name of their folder in `DATA_DIR`."""


def rows_of(name: str) -> list[Row]:
    """All rows of a task, for training where there is such a split.

    Local files in `DATA_DIR` come first, then the hub.

    Args:
        name: In `TASKS`.

    Raises:
        DataUnavailableError: The files are not at hand, and the hub is not to be reached.
        ValueError: There is no such task.
    """
    task = task_of(name)
    folder = os.environ.get("DATA_DIR")
    if folder:
        try:
            return list(task.local(Path(folder)))
        except FileNotFoundError:
            pass
    try:
        load = import_module("datasets").load_dataset
        return list(load(task.hub.name, task.hub.config, split="train", revision=task.hub.revision))
    # The hub's client raises errors of many packages.
    except Exception as error:
        raise DataUnavailableError(
            f"{task.title} is not at hand ({type(error).__name__}: {str(error)[:200]}): set "
            f"DATA_DIR to a folder with its files, which {task.local.__module__} describes, or "
            "pip install datasets and allow a connection to the Hugging Face hub"
        ) from error


def task_of(name: str) -> Task:
    """The task of a name.

    Raises:
        ValueError: There is none.
    """
    if name not in TASKS:
        raise ValueError(f"tasks have {name!r}: pass names among {', '.join(TASKS)}")
    return TASKS[name]


def inputs_and_reward(
    name: str, rows: Sequence[Row], order: Sequence[int], number: int
) -> tuple[list[Example], Reward]:
    """Some examples of a task, and its reward.

    The sentiment of reviews is learned from the second half of the order, and inputs come from the
    first: so an input's reward does not depend on how many inputs there are.

    Args:
        name: In `TASKS`.
        rows: As `rows_of` returns them.
        order: int[examples or more], in which to take the examples; larger numbers are left out.
        number: How many, at the most.
    """
    task = task_of(name)
    found = task.examples(rows)
    order = [i for i in order if i < len(found)]
    if task.reward is not None:
        return [found[i] for i in order[:number]], task.reward()
    # A review is an example: rows and examples have one order.
    half = len(order) // 2
    inputs, held_out = [found[i] for i in order[:half]][:number], order[half:]
    return inputs, metrics.positive_sentiment(
        [found[i].prompt for i in held_out], [int(rows[i]["label"]) for i in held_out]
    )
