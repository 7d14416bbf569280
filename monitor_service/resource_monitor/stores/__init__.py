"""Where samples go besides memory: Redis, MongoDB, files. Each is optional and may come and go."""
