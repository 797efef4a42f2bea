"""What all tabs stand on: frame, theme, templates, and what the page says about itself."""
