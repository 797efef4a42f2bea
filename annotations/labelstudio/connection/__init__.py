"""The seam to a Label Studio server: client, its values, and a server of one's own."""
