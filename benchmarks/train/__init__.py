"""Training, timed: minidl beside other engines, each in a separate process."""
