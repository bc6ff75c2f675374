"""The model of reward distributions: a prompt's posterior, given its rewards and all prompts'."""
