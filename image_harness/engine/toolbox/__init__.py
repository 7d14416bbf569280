"""testinfra for containers without a shell: programs of the host's architecture, at work in the container's namespaces.

``toolbox.host.inspect(container)`` gives a ``testinfra.host.Host``. Nothing is copied into the container or mounted
there: a helper outside enters its namespaces and runs a static busybox from an open file, for as long as one command
takes. Needs an engine on this machine, and either root or the rootless engine's own user.
"""
