"""What changed between two images, as a release note would say it: ``image-harness diff OLD NEW``."""
