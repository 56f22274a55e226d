"""Names: of classes, in Python and in files.

====================  ==========================================================================
register.py           ``@register``: a class or an activation function gets a name
lookup.py             the class of a name, as in ``optimizer="adam"``
configuration.py      the arguments of an object, read for ``get_config``
in_files.py           the names that files hold, and classes for the reader of a file
user_classes.py       mistakes in a user's class, refused
absent.py             names of Keras that minidl lacks, each with advice
====================  ==========================================================================
"""
