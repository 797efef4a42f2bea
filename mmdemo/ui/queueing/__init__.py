"""How calls wait, and in which threads they are answered."""
