"""Makes the formulas and steps of the book fast; reached through :mod:`minidl.backend` alone.

``trace`` makes a program of one formula, and ``executors.py`` runs formulas. ``record`` sees a step
once and plays the step, as commands of ``cpu`` or as launches of ``gpu``.
``docs/understand/accelerator.md`` describes how a step becomes fast.
"""
