"""The words of a question to an object of Python."""

# The address of a C function; the object; a key, an index or nothing; the answer: an object's
# address, or a number.
EACH = 4
FUNCTION, OBJECT, PLACE, ANSWER = range(EACH)
