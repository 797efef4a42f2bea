"""After a promotion: what is sent since judges the version that serves, and it goes where it falls short."""
