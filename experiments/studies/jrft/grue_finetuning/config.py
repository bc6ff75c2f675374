"""The configuration of the study of finetuning on GRUE."""

from dataclasses import dataclass

METHODS = {"sft": "SFT", "grpo": "GRPO", "rloo": "RLOO", "ppo": "PPO"}
"""Their names in figures."""


@dataclass(frozen=True)
class Config:
    """Finetuning a language model on tasks of GRUE, by SFT and RFT."""

    model: str = "smollm2"
    """SmolLM2-135M-Instruct by pip; or a folder, a GGUF file or a name on the hub, as t5-base is;
    or "tiny": random weights."""
    tasks: tuple[str, ...] = ("commongen", "dailydialog", "narrativeqa")
    methods: tuple[str, ...] = ("sft", "grpo", "rloo", "ppo")
    data: str = "public"
    """Files of DATA_DIR, or else the hub; or "made-up": a few rows, for trials."""
    num_inputs: int = 64
    """Of each task, at random."""
    num_measured: int = 8
    """Completions of an input in a group: three groups before finetuning, one after."""
    max_prompt: int = 96
    """Tokens of a prompt at the most, where the task allows more; a chat's frame comes on top."""
    length: int = 20
    """Tokens of a completion at the most, where the task allows more."""
    num_steps: int = 24
    """Updates."""
    batch_size: int = 4
    """Inputs of an update of RFT; an update of SFT has batch_size × num_samples of them."""
    num_samples: int = 8
    """Completions of an input in an update of RFT."""
    rate: float | None = 1e-5
    """Of Adam; None for the task's own of SFT and of PPO in the paper, GRPO and RLOO taking
    PPO's."""
    lora_rank: int = 0
    """Of adapters; 0 finetunes all weights."""
    dtype: str | None = None
    """"bfloat16" rounds the factors of matrix products, on devices with units for them."""
    updates_per_draw: int = 2
    """Of PPO, a divisor of num_steps; 5 in the paper, on minibatches."""
    kl_coefficient: float | None = None
    """PPO's at the start; None for the task's own in the paper, as below."""
    kl_target: float | None = None
    entropy_bonus: float | None = None
    """Of RFT; None for the task's own in PPO, and for 0 in GRPO and RLOO."""
    temperature: float = 1.0
    """Of RFT's samples; rewards are measured at temperature 1."""
    sft_steps: int = 0
    """Updates of SFT before RFT."""
    label_share: float = 1.0
    """Share of the inputs that SFT before RFT sees."""
    label_choice: str = "random"
    """Which inputs: "random", or "low-std" for those whose std is likeliest to be low."""
    low_std: float = 0.05
    """What `jrft.diagnose` takes for low."""
    steps_per_checkpoint: int = 6
    """A multiple of updates_per_draw: a stopped run loses fewer updates than this."""
    seed: int = 0
    """Of inputs, batches and samples."""


SMOKE = Config(
    model="tiny",
    tasks=("iwslt2017", "imdb"),
    methods=("sft", "rloo", "ppo"),
    data="made-up",
    num_inputs=6,
    num_measured=4,
    max_prompt=6,
    length=4,
    num_steps=4,
    batch_size=2,
    num_samples=4,
    rate=1e-2,
    steps_per_checkpoint=2,
)
