"""Training, timed: minidl beside its peers, each in a process of its own."""
