"""The matrix of the nights: which cells there are, which of them this machine can run, and running those."""
