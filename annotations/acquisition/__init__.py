"""What to ask people about: doubt, samples set aside, and samples scored again."""
