"""Logs that the writers of released trainers made are read rightly.

Trainers need GPUs and servers, their writers do not. So each writer is cut out of the installed
package and run on the small run; what the rest of the trainer would hand to it is made here.

    pip install --no-deps verl trl ms-swift areal skyrl openpipe-art atroposlib tinker-cookbook
    pip install --no-deps openrlhf
    pip install wandb verifiers
    pytest tests/jrft/diagnosis/writers -m slow
"""
