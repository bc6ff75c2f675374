"""What to say of each prompt and of the batch."""
