"""Names: of classes, in Python and in files.

``register.py`` lists the classes under their names, and ``lookup.py`` finds the class of a name.
``configuration.py`` reads an object's arguments, ``custom.py`` has the names in files.
``own_classes.py`` refuses mistakes in a user's class, ``elsewhere.py`` gives advice on names of
Keras that minidl lacks.
"""
