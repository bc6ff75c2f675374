"""Why reinforcement finetuning stalls: exact and sampled policy gradients, and their bounds."""
