"""``streamer web``: pages for customers. So far those on which they leave a list."""
