"""Makes the formulas and steps of the book fast; reached through :mod:`minidl.backend` alone."""
