"""The samples that are nearest to one by their features, across modalities: a picture finds captions, and back."""
