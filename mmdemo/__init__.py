"""Predict and explain one sample: a picture and its caption, or speech."""
