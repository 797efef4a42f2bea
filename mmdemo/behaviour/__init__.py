"""What a task should be able to do, and the captions that test it: templates and word lists in TOML, by capability.

Ribeiro et al., "Beyond accuracy: behavioral testing of NLP models with CheckList", ACL 2020: minimum functionality,
invariance (the same caption beside other pictures) and direction (words are added). A task file names a folder:
`behaviour = "behaviour/sentiment"` with `test.toml`, which no training sees, and `train.toml`, which may be learned.
"""

from mmdemo.behaviour.capabilities import Capability, Suite, load
from mmdemo.behaviour.instances import Caption, Expectation, Instance, captions, draw

__all__ = ["Capability", "Caption", "Expectation", "Instance", "Suite", "captions", "draw", "load"]
