"""The words of a look at Python's objects."""

# The numbers of questions to which replies are new references, of other questions, and of
# dictionaries; the addresses of PyDict_Next and Py_DecRef; room for the results of PyDict_Next: a
# place, a key, an object.
NEW, BORROWED, DICTIONARIES, NEXT, GIVE_BACK, AT, KEY, HELD = range(8)
FIXED = 8

# After these, for each question: the address of a C function; the object; an index or nothing; the
# answer: an object's address, or a number. Without a function, the answer is the word at the
# address that stands in the object's place.
EACH = 4
FUNCTION, OBJECT, PLACE, ANSWER = range(EACH)

# After these, for each dictionary: its address and its size; the address of a class's version, or
# 0, and that version; and for each entry the addresses of the key and of the object, or 0 for an
# object that does not count.
HEAD, ENTRY = 4, 2
DICTIONARY, SIZE, VERSION_AT, VERSION = range(HEAD)
