"""Colours that a profile explains → sRGB, once: what is judged, stored and shown is the same."""

import io

from PIL import Image, ImageCms

_SPACES = {"RGB": "RGB ", "RGBA": "RGB ", "CMYK": "CMYK"}  # Pillow's mode → what an ICC profile calls it


def profile_of(picture: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """Return the profile that a picture's colours need, None for sRGB, none, or one that can't be used."""
    content = picture.info.get("icc_profile")
    if not content:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        srgb = "srgb" in ImageCms.getProfileDescription(profile).lower()
        return None if srgb or profile.profile.xcolor_space != _SPACES.get(picture.mode) else profile
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None


def to_srgb(picture: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """Return a picture (RGB, RGBA, CMYK) in sRGB, RGB or RGBA; as it is where the profile can't be applied."""
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    try:
        converted = ImageCms.profileToProfile(
            picture.convert("RGB") if alpha else picture, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, ValueError):
        return picture
    assert converted is not None, "only a conversion in place returns nothing"
    if alpha:
        converted.putalpha(alpha)
    return converted
