"""Sign-off: the verdict of a whole run, bound to one image by its digest, signed, attached and verified.

``gates`` decides whether an image may ship, ``statement`` says so as an in-toto statement, ``envelope`` and ``keys``
sign it, ``referrers`` attaches it to the image in a registry, and ``verify`` reads it back and believes nothing.
"""
