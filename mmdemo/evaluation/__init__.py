"""How good a version is: figures, their intervals, calibration, and a page that shows them."""
