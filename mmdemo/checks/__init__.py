"""What is refused or doubted before or beside the model's answer: language, speech, out of distribution."""
