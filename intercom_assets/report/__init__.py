"""A page of pictures of a support desk, for a period: what the models say, and nothing personal."""
