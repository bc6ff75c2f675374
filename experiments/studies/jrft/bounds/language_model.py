"""SmolLM2 on multiple-choice prompts, where gradient, reward std and bounds are exact."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

import jrft
from jrft.bounds.bounds import gradient_bounds
from jwi.io.files import written

LETTERS = "ABCD"

QUESTIONS = (
    ("What is the capital of France?", ("Rome", "Paris", "Oslo", "Cairo"), "B"),
    ("How many legs does a spider have?", ("four", "six", "eight", "ten"), "C"),
    ("Which planet is nearest to the sun?", ("Mercury", "Venus", "Mars", "Saturn"), "A"),
    ("What is 7 times 8?", ("48", "54", "58", "56"), "D"),
    ("Which of these is a metal?", ("wood", "iron", "glass", "paper"), "B"),
    ("What do bees make?", ("milk", "silk", "honey", "wool"), "C"),
    ("Which of these numbers is prime?", ("9", "15", "21", "23"), "D"),
    ("Which sea lies between Europe and Africa?", ("Mediterranean", "Baltic", "Red", "Dead"), "A"),
    ("Who wrote Hamlet?", ("Dickens", "Homer", "Shakespeare", "Goethe"), "C"),
    ("What is the opposite of hot?", ("warm", "cold", "dry", "soft"), "B"),
    ("How many minutes has an hour?", ("sixty", "ten", "forty", "ninety"), "A"),
    ("Which gas do plants take from the air?", ("neon", "helium", "argon", "carbon dioxide"), "D"),
    ("Which animal is a mammal?", ("whale", "trout", "eagle", "frog"), "A"),
    ("What is the square root of 81?", ("7", "8", "9", "10"), "C"),
    ("In which country is Kyoto?", ("China", "Japan", "India", "Korea"), "B"),
    ("What is the third letter of the alphabet?", ("A", "B", "D", "C"), "D"),
)
"""(question, its four answers, the letter of the right one)."""


def bounds_of_language_model(model: jrft.Pretrained, directory: Path) -> dict[str, Any]:
    """Exact bounds of every question, with a reward of 1 for the right letter and −1 for others.

    The policy is the model's distribution over its next token, given that it is one of four
    letters. All weights of the model are parameters.

    Args:
        model: A policy of one token, with a chat template.
        directory: Finished questions are kept here, and are not computed again.
    """
    if model.tokenizer is None:
        raise ValueError("model has no tokenizer: pass one with a tokenizer")
    letters = [int(model.tokenizer.encode(letter)[-1]) for letter in LETTERS]
    policy = jrft.restricted_policy(model.policy, tokens=letters)
    chats = [model.tokenizer.chat([{"role": "user", "content": _text(*q)}]) for q in QUESTIONS]
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "language_model.jsonl"
    done = file.read_text().splitlines() if file.exists() else []
    prompts = jrft.pad_prompts(chats)
    for place in tqdm(range(len(done), len(chats)), unit="prompt", disable=None):
        right = QUESTIONS[place][-1]
        rewards = jnp.array([1.0 if letter == right else -1.0 for letter in LETTERS])
        # As many steps as completions span all directions of the Fisher information.
        found = gradient_bounds(
            jax.random.key(0), policy, model.params, prompts[place], rewards,
            block_size=1, num_steps=len(LETTERS),
        )  # fmt: skip
        numbers = found._asdict() | {"fisher_eigenvalue": found.fisher_eigenvalue.upper}
        done.append(json.dumps({name: float(number) for name, number in numbers.items()}))
        with written(file) as out:
            out.write("\n".join([*done, ""]).encode())
    rows = [json.loads(line) for line in done]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _text(question: str, answers: tuple[str, ...], right: str) -> str:
    del right
    choices = "\n".join(f"{letter}. {each}" for letter, each in zip(LETTERS, answers, strict=True))
    return f"{question}\n{choices}\nAnswer with one letter."
