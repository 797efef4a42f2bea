"""What is shown of an answer's origin: maps, closer looks, attribution."""
