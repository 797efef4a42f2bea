"""The fusion's input: all modalities' tokens as one, and each modality's again."""

import torch

from mmdemo.model import Tokens

PICTURE = torch.tensor([[[1.0], [3.0]]]), torch.tensor([[True, True]])
CAPTION = torch.tensor([[[5.0], [7.0], [9.0]]]), torch.tensor([[False, True, False]])
NOTHING = torch.zeros(1, 2, 1), torch.zeros(1, 2, dtype=torch.bool)


def test_modalities_stand_one_behind_the_other() -> None:
    tokens = Tokens.joined({"image": PICTURE, "text": CAPTION, "audio": NOTHING}, (1, 2))
    assert tokens.values.flatten().tolist() == [1, 3, 5, 7, 9, 0, 0] and tokens.grid == (1, 2)
    assert tokens.spans == {"image": (0, 2), "text": (2, 5), "audio": (5, 7)}
    assert {name: there.tolist() for name, there in tokens.present.items()} == {
        "image": [True],
        "text": [True],
        "audio": [False],
    }
    assert tokens.real("text").tolist() == [[7]] and len(tokens.real("audio")) == 0


def test_means_are_those_of_real_tokens() -> None:
    tokens = Tokens.joined({"image": PICTURE, "text": CAPTION, "audio": NOTHING})
    means = tokens.means(tokens.values + 1)
    assert {name: mean.tolist() for name, mean in means.items()} == {"image": [[3]], "text": [[8]], "audio": [[0]]}


def test_masked_copies_share_the_tokens_and_have_masks_of_their_own() -> None:
    tokens = Tokens.joined({"image": PICTURE})
    copies = tokens.masked(torch.tensor([[True, False], [False, False], [True, True]]))
    assert copies.values.shape == (3, 2, 1) and copies.values.untyped_storage().data_ptr() == (
        tokens.values.untyped_storage().data_ptr()
    )
    assert [copy.tolist() for copy in copies.present["image"]] == [True, False, True]
    assert copies.spans == tokens.spans
