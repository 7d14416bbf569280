"""What became of the same checks night after night: a store of runs, and a page that tells what changed when.

Nothing is imported here: most commands need no database.
"""
