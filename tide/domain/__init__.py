"""The values of a merge queue: frozen, comparable, free of I/O, standard library only."""
