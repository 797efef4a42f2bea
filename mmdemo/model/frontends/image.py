"""From pictures to what a picture encoder takes: the whole picture as a square, its values scaled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor


@dataclass(frozen=True)
class ImageFrontend:
    """Squashes a picture to a square, never crops it, and scales its values."""

    size: int  # pixels
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    resample: int = Image.Resampling.BILINEAR

    def squash(self, image: np.ndarray) -> np.ndarray:
        """Return the picture (height, width, 3) uint8 as (size, size, 3) uint8; smoothed, so that nothing aliases."""
        if image.shape[:2] == (self.size, self.size):
            return image
        return np.asarray(Image.fromarray(image).resize((self.size, self.size), self.resample))

    def __call__(self, images: Sequence[np.ndarray]) -> Tensor:
        """Return (batch, 3, size, size) float32 of pictures (height, width, 3) uint8."""
        stacked = torch.from_numpy(np.stack([self.squash(image) for image in images]))  # (batch, size, size, 3)
        scaled = stacked.permute(0, 3, 1, 2).float() / 255
        return (scaled - torch.tensor(self.mean).view(3, 1, 1)) / torch.tensor(self.std).view(3, 1, 1)
