"""What is known of a prompt's reward distribution."""
